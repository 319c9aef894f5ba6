"""The page of `minidrcn.demo`: the folder, and in a real browser what it computes, shows and asks for."""

# ruff: noqa: RUF001, the page writes "times" with its own sign

from __future__ import annotations

import hashlib
import http.server
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from functools import partial

import numpy as np
import pytest
from conftest import run_command
from PIL import Image

from minidrcn import DRCN, demo, load, upscale_image
from minidrcn.demo import main
from minidrcn.imaging.onnx_graph import luma_graph
from minidrcn.model import checkpoint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package file as npm brings it, but with little in it."""
    path = tmp_path / "runtime.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (*demo.RUNTIME_FILES, "../../evil"):
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = 2
            archive.addfile(entry, io.BytesIO(b"42"))
    monkeypatch.setattr(demo, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_the_folder_is_whole_and_names_no_other_place(tmp_path, capsys, package):
    pytest.importorskip("onnx", reason='pip install -e ".[onnx]" brings onnx')
    checkpoint.save(tmp_path / "mine.npz", DRCN(2, 3, scale=4, recursive_supervision=False))
    page = tmp_path / "site" / "page"
    arguments = [page, "--model", "x2", tmp_path / "mine.npz", "--runtime", package]
    code, out, err = run_command(main, arguments, capsys)
    assert (code, err) == (0, "")
    assert out.startswith(f"written: {page}, 1 MB; to look at it: python -m http.server")
    assert json.loads((page / "networks.json").read_text("utf-8")) == [
        {"name": "x2", "file": "x2.onnx", "scale": 2, "radius": 13, "filters": 64, "recursions": 9, "predictions": 9},
        {"name": "mine", "file": "mine.onnx", "scale": 4, "radius": 7, "filters": 2, "recursions": 3, "predictions": 1},
    ]
    files = {path.relative_to(page).as_posix() for path in page.rglob("*") if path.is_file()}
    assert files == {path.name for path in demo.PAGE.iterdir()} | {f"runtime/{name}" for name in demo.RUNTIME_FILES} | {
        "networks.json", "x2.onnx", "mine.onnx", "example.png"
    }  # fmt: skip
    licences = [b"MIT" in (page / name).read_bytes() for name in ("x2.onnx", "mine.onnx")]
    assert licences == [True, False], "what others trained is theirs"
    text = "".join(path.read_text("utf-8") for path in demo.PAGE.iterdir())
    assert set(re.findall(r"https?://[^\s\"]+", text)) == {
        "http://www.w3.org/2000/svg",  # a name
        "https://arxiv.org/abs/1511.04491",  # a link to click on
    }
    assert sorted(path.name for path in page.parent.iterdir()) == ["page"]


def test_wrong_use_is_one_line_and_leaves_nothing(tmp_path, capsys, package, monkeypatch):
    pytest.importorskip("onnx", reason='pip install -e ".[onnx]" brings onnx')
    (tmp_path / "old").mkdir()
    (tmp_path / "text.tgz").write_text("no package")
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(shutil, "which", lambda _: None)
    new = tmp_path / "deep" / "new"
    for arguments, status, message in (
        ([tmp_path / "old"], 2, "old: exists; name a new folder"),
        ([new], 2, "needs npm, which comes with Node.js, for onnxruntime-web@"),
        ([new, "--runtime", tmp_path / "text.tgz"], 1, "text.tgz: not the package file of onnxruntime-web@"),
        ([new, "--runtime", tmp_path / "absent.tgz"], 1, "absent.tgz: No such file"),
        ([new, "--model", "x2", "./x2.npz", "--runtime", package], 2, "two networks of x2, ./x2.npz have one name"),
        ([new, "--model", "x5", "--runtime", package], 2, "no weights 'x5' are shipped"),
        ([], 2, "required: DIR"),
    ):
        code, out, err = run_command(main, arguments, capsys)
        assert (code, out) == (status, ""), (arguments, err)
        assert message in err
        assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for npm")
def test_what_npm_says_need_not_be_utf_8(tmp_path, capsys, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nprintf 'caf\\351\\n' >&2\nexit 1\n")
    npm.chmod(0o700)
    monkeypatch.setattr(shutil, "which", lambda _: str(npm))
    code, out, err = run_command(main, [tmp_path / "new"], capsys)
    assert (code, out) == (1, f"{demo.RUNTIME}: npm downloads it\n")
    assert err == f"minidrcn.demo: error: npm pack {demo.RUNTIME}: caf\ufffd\n"


class Plain(http.server.SimpleHTTPRequestHandler):
    """Serves a folder in silence."""

    def log_message(self, *_):
        pass


class Isolating(Plain):
    """The same, with the headers that the page's threads need."""

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network as deep as those shipped, with few filters, and weights that change a photograph."""
    model, rng = DRCN(4, 9, scale=2), np.random.default_rng(0)
    for value in model.params.values():
        value += 0.1 * rng.standard_normal(value.shape).astype(value.dtype)
    path = tmp_path_factory.mktemp("network") / "quick, 4 filters #1.npz"
    checkpoint.save(path, model)
    return path


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    """The page, with the runtime that npm has kept from an earlier download."""
    pytest.importorskip("onnx", reason='pip install -e ".[onnx]" brings onnx')
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm, which brings the runtime")
    folder = tmp_path_factory.mktemp("site")
    command = [npm, "pack", demo.RUNTIME, "--offline", "--silent"]
    if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip(f"npm cache add {demo.RUNTIME} brings the runtime")
    (runtime,) = folder.glob("*.tgz")
    assert main([str(folder / "page"), "--model", str(network), "x2", "--runtime", str(runtime)]) == 0
    return folder / "page"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright drives the browser")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, folder, request):
    """The page, opened; at the end it must have asked nobody else for anything, and complained of nothing."""
    handler = partial(getattr(request, "param", Plain), directory=str(folder))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        browser.new_context(viewport={"width": 390, "height": 800}) as context,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}/"
        page, said, asked = context.new_page(), [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        context.on("request", lambda request: asked.append(request.url))
        page.goto(site)
        page.locator("#networks label").first.wait_for()
        yield page
        server.shutdown()
        assert page.evaluate("document.documentElement.scrollWidth") == 390, "fits a phone"
        assert said == []
        assert [url for url in asked if not url.startswith((site, "blob:", "data:"))] == []


def give(page, image):
    """Hand the page an image as its visitor does."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    page.set_input_files("#file", {"name": "a photo.png", "mimeType": "image/png", "buffer": file.getvalue()})


def finished(page):
    """The status line, once the page is done."""
    page.locator("#download:enabled").wait_for(timeout=120_000)
    return page.inner_text("#status")


def download(page):
    """The name of the file that the page saves, and its pixels."""
    with page.expect_download() as download:
        page.click("#download")
    with Image.open(download.value.path()) as image:
        return download.value.suggested_filename, np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.slow
@pytest.mark.parametrize("page", [Plain, Isolating], indirect=True)
def test_a_photograph_in_several_tiles_is_upscale_image_s(page, network):
    from skimage.data import astronaut

    image = astronaut()[:190, 150:400]  # 2 x 2 tiles of the result
    give(page, image)
    assert re.fullmatch(r"250 × 190 to 500 × 380 in \d+\.\d s on (one processor core|\d+ threads)", finished(page))
    name, result = download(page)
    assert name == "a photo_x2.png"
    difference = np.abs(result - upscale_image(image, 2, load(network)))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001

    # The slider shows every recursion; bicubic interpolation is its first stop.
    page.locator("#recursion").fill("4")
    assert page.inner_text("#shown") == "Recursion 4"
    assert page.inner_text("#step") == "4 of 9"
    assert download(page)[0] == "a photo_x2_recursion_4.png"
    page.locator("#recursion").fill("0")
    _, bicubic = download(page)
    assert np.abs(bicubic - image.repeat(2, 0).repeat(2, 1)).mean() < 10
    assert np.abs(bicubic - result).mean() > 1
    page.locator("#recursion").fill("10")
    assert page.inner_text("#step") == "mean of all"
    assert page.locator("#before canvas, #after canvas").count() == 2


@pytest.mark.slow
def test_the_shipped_network_can_be_chosen_before_and_after(page):
    page.get_by_text("× 2", exact=True).click()
    image = np.arange(24 * 30 * 3, dtype=np.uint8).reshape(24, 30, 3)
    give(page, image)
    assert "30 × 24 to 60 × 48" in finished(page)
    assert np.abs(download(page)[1] - upscale_image(image, 2)).max() <= 1
    page.get_by_text("quick, 4 filters #1, × 2").click()
    assert page.locator("#download").is_disabled()
    finished(page)


@pytest.mark.slow
def test_a_photograph_beyond_the_limit_is_cropped_and_another_ends_it(page):
    assert "Up to 1 megapixel at × 2" in page.inner_text("#limit")
    give(page, np.zeros((1000, 1210, 3), np.uint8))
    page.get_by_text("Larger than the limit, so its middle, 1100 × 909.").wait_for()
    give(page, np.full((24, 30, 3), 200, np.uint8))
    assert finished(page).startswith("30 × 24 to 60 × 48")
    assert download(page)[1].shape == (48, 60, 3)


@pytest.mark.slow
def test_of_two_pictures_at_once_the_last_is_shown(page):
    page.evaluate("""() => {
        const real = createImageBitmap;
        const waits = [1000, 0]; // a large file is read more slowly
        window.createImageBitmap = async (blob) => {
            const wait = waits.shift();
            const bitmap = await real(blob);
            await new Promise((resolve) => setTimeout(resolve, wait));
            return bitmap;
        };
    }""")
    give(page, np.zeros((40, 44, 3), np.uint8))
    give(page, np.zeros((24, 30, 3), np.uint8))
    assert finished(page).startswith("30 × 24 to 60 × 48")
    page.wait_for_timeout(1200)
    assert finished(page).startswith("30 × 24 to 60 × 48")


@pytest.mark.slow
def test_a_network_that_cannot_run_is_not_taken_for_the_one_before(page):
    give(page, np.zeros((24, 30, 3), np.uint8))
    finished(page)
    other = luma_graph(DRCN(2, 1, scale=2)).SerializeToString()  # which knows no colours
    page.route("**/x2.onnx", lambda route: route.fulfill(body=other))
    page.get_by_text("× 2", exact=True).click()
    page.get_by_text("It did not work").wait_for()
    page.get_by_text("quick, 4 filters #1, × 2").click()
    assert "30 × 24 to 60 × 48" in finished(page)


@pytest.mark.slow
def test_what_is_no_picture_is_said(page):
    page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.get_by_text("a.png is no picture that this browser can read").wait_for()
    assert page.locator("#result").is_hidden()
    give(page, np.zeros((24, 30, 3), np.uint8))
    assert "30 × 24 to 60 × 48" in finished(page)
