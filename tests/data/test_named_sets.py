from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import threading

import pytest
import requests
from conftest import run_command

from minidrcn.data import named_sets
from minidrcn.data.__main__ import main
from minidrcn.data.datasets import image_paths
from minidrcn.errors import InputError, UsageError
from minidrcn.files import LOCK, locked

CONTENT = {"a.png": b"first", "b.png": b"second " * 1000}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the test says: a dict from path to bytes, a status, "break off", "endless" or "a byte at a time"."""

    def do_GET(self):
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path, 404)
        if isinstance(answer, int):
            self.send_error(answer)
            return
        if answer in ("endless", "a byte at a time"):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while not self.server.done.wait(0.02 if answer == "a byte at a time" else 0):
                    self.wfile.write(b"a" if answer == "a byte at a time" else bytes(2**16))
                    self.server.sent += 1
            return
        broken = answer == "break off"
        body = b"half" if broken else answer
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (1000 if broken else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.sent, server.done = [], 0, threading.Event()
    server.answers = {f"/owner/repo/{name}": content for name, content in CONTENT.items()}
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.done.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch, server):
    """A world with one set, `tiny`, an empty cache folder, and no MINIDRCN_DATA."""
    files = tuple(
        named_sets.File(name, f"owner/repo/{name}", len(content), hashlib.sha256(content).hexdigest())
        for name, content in CONTENT.items()
    )
    monkeypatch.setattr(named_sets, "named_sets", lambda: {"tiny": ("Tiny", files)})
    for module in ("minidrcn.data.__main__", "minidrcn.data.datasets"):
        monkeypatch.setattr(f"{module}.named_sets", named_sets.named_sets)
    monkeypatch.setattr(named_sets, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(named_sets, "HOST", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("MINIDRCN_DATA", raising=False)
    return tmp_path / "cache"


def fetch(**options):
    return named_sets.fetch("tiny", named_sets.HOST, retries=0, **options)


def kept(cache) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cache.rglob("*") if path.is_file() and path.name != LOCK}


def test_the_table_lists_the_sets_of_the_field():
    sizes = {name: len(files) for name, (_, files) in named_sets.named_sets().items()}
    assert sizes == {
        "set5": 5, "set14": 14, "b100": 100, "urban100": 100, "t91": 91, "bsd200": 200, "general100": 100,
    }  # fmt: skip
    every = [file for _, files in named_sets.named_sets().values() for file in files]
    assert all(len(file.sha256) == 64 and file.size > 0 and file.source.count("/") >= 3 for file in every)


def test_a_set_is_downloaded_verified_and_found_again(cache, server):
    assert fetch() == cache / "Tiny"
    assert kept(cache) == CONTENT
    assert [path.name for path in named_sets.verified_paths("TINY")] == ["a.png", "b.png"]
    assert image_paths("tiny") == named_sets.verified_paths("tiny")
    asked = len(server.asked)
    assert fetch() == cache / "Tiny"
    assert len(server.asked) == asked, "nothing is downloaded twice"


def test_a_file_that_is_wrong_or_missing_is_named_and_fetched_again(cache, server):
    fetch()
    (cache / "Tiny" / "a.png").write_bytes(b"FIRST")
    (cache / "Tiny" / "b.png").unlink()
    with pytest.raises(InputError, match=r"a\.png: not the file it should be, and 1 more; python -m minidrcn.d"):
        named_sets.verified_paths("tiny")
    fetch()
    assert kept(cache) == CONTENT


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"third", r"b\.png: not the file it should be; nothing was kept"),
        ("break off", r"b\.png: the download broke off; try again later"),
        (404, r"b\.png: the server answered 404; try again later"),
        (503, r"b\.png: the server answered 503; try again later"),
    ],
)
def test_what_goes_wrong_is_one_line_and_nothing_half_written_stays(cache, server, answer, message):
    server.answers["/owner/repo/b.png"] = answer
    with pytest.raises(InputError, match=message):
        fetch()
    assert kept(cache) == {"a.png": CONTENT["a.png"]}
    server.answers["/owner/repo/b.png"] = CONTENT["b.png"]
    fetch()
    assert kept(cache) == CONTENT


def test_a_body_without_end_is_cut_off(cache, server):
    server.answers["/owner/repo/a.png"] = "endless"
    with pytest.raises(InputError, match=r"a\.png: not the file it should be; nothing was kept"):
        fetch()
    assert kept(cache) == {}
    assert server.sent < 1000, "what the sockets' buffers hold, not what the server would send"


def test_a_body_that_takes_for_ever_is_given_up(cache, server, monkeypatch):
    monkeypatch.setattr(named_sets, "DEADLINE", 0.2)
    server.answers["/owner/repo/b.png"] = "a byte at a time"
    with pytest.raises(InputError, match=r"b\.png: not here after 0.2 s; try again later"):
        fetch()
    assert kept(cache) == {"a.png": CONTENT["a.png"]}


def test_what_is_compressed_is_not_unpacked(cache, server):
    server.answers["/owner/repo/a.png"] = gzip.compress(bytes(10**7))
    with pytest.raises(InputError, match=r"a\.png: not the file it should be"):
        fetch()


def test_a_server_that_fails_once_is_asked_again(cache, server, monkeypatch):
    get = named_sets._get

    def fail_once(*arguments):
        monkeypatch.setattr(named_sets, "_get", get)
        raise requests.exceptions.ReadTimeout

    monkeypatch.setattr(named_sets, "_get", fail_once)
    named_sets.fetch("tiny", retries=1)
    assert kept(cache) == CONTENT


def test_one_process_fetches_a_set_and_clears_up_after_one_that_was_killed(cache):
    fetch()
    (cache / "Tiny" / ".0123456789ab.png").touch()
    fetch()
    assert kept(cache) == CONTENT
    with locked(cache / "Tiny"), pytest.raises(UsageError, match="another process writes to this folder"):
        fetch()


def test_offline_says_so(cache, monkeypatch):
    monkeypatch.setattr(named_sets, "HOST", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(InputError, match="no connection; are you online"):
        fetch()
    assert kept(cache) == {}


def test_minidrcn_data_comes_first_and_is_verified_too(cache, tmp_path, monkeypatch):
    fetch()
    mine = tmp_path / "mine" / "TINY"
    mine.mkdir(parents=True)
    for name, content in CONTENT.items():
        (mine / name).write_bytes(content)
    (mine / "other.png").touch()
    monkeypatch.setenv("MINIDRCN_DATA", str(mine.parent))
    assert named_sets.verified_paths("tiny") == [mine / "a.png", mine / "b.png"]
    (mine / "a.png").write_bytes(b"other")
    with pytest.raises(InputError, match=r"TINY.a\.png: not the file it should be; repair that folder"):
        named_sets.verified_paths("tiny")


def test_a_set_that_is_not_here_is_offered_for_download(cache):
    with pytest.raises(UsageError, match=r"not on this machine; download it \(0.0 MB\) with python -m minidrcn"):
        image_paths("tiny")
    with pytest.raises(UsageError, match="no such set; expected one of tiny"):
        named_sets.locate("huge")


def test_the_command_lists_fetches_and_verifies(cache, capsys):
    assert run_command(main, ["list"], capsys)[1].split() == ["tiny", "2", "images", "0.0", "MB", "not", "here"]
    code, _, error = run_command(main, ["verify", "tiny"], capsys)
    assert (code, error) == (1, "minidrcn.data: error: tiny: not on this machine\n")
    code, out, error = run_command(main, ["fetch", "tiny"], capsys)
    assert (code, error) == (0, "")
    assert out == f"tiny: {cache / 'Tiny'}\n"
    assert run_command(main, ["verify", "tiny"], capsys)[:2] == (
        0,
        f"tiny: all 2 files are right, in {cache / 'Tiny'}\n",
    )
    (cache / "Tiny" / "a.png").unlink()
    code, _, error = run_command(main, ["verify", "tiny"], capsys)
    assert (code, error) == (1, f"minidrcn.data: error: tiny: {cache / 'Tiny' / 'a.png'}: missing\n")


@pytest.mark.parametrize("arguments", [[], ["fetch"], ["fetch", "huge"], ["drop", "tiny"]])
def test_wrong_usage_is_one_line(cache, capsys, arguments):
    code, _, error = run_command(main, arguments, capsys)
    assert code == 2
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["set5", "set14", "t91", "bsd200"])
def test_local_copies_are_those_of_the_table(shared_data, monkeypatch, name):
    monkeypatch.setenv("MINIDRCN_DATA", str(shared_data))
    assert len(image_paths(name)) == len(named_sets.named_sets()[name][1])
