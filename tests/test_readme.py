"""What the pages say is true: links, the list of files, numbers, the README's exercise and commands."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import re
import shlex
import textwrap
from pathlib import Path

import pytest
from PIL import Image

import minidrcn
from minidrcn import DRCN, load
from minidrcn.course.checks.bugs import BUGS
from minidrcn.model import checkpoint, network

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
ROOMS = (ROOT / "minidrcn" / "README.md").read_text(encoding="utf-8")
PAGES = sorted(path for folder in (".", "minidrcn", "notebooks", "tests") for path in (ROOT / folder).glob("**/*.md")
               if not {".venv", "runs", "build"} & set(path.relative_to(ROOT).parts))  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not link.startswith("http") and not (page.parent / link).exists()] == []


def test_the_readme_is_short():
    assert len(TEXT.encode()) <= 10_000


def test_the_korean_commands_are_the_english_ones():
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"(?m)^```\n((?:.*\n)*?)```$", korean)).splitlines()
    inline = re.findall(r"`(python -m [^`]+)`", korean)
    assert len(blocks) >= 6
    assert len(inline) >= 3
    everything = " ".join((TEXT + (ROOT / "notebooks" / "results.md").read_text(encoding="utf-8")).split())
    assert [c for c in blocks + inline if not re.search(rf"{re.escape(c)}(?![\w.])", everything)] == []


def test_every_file_has_its_sentence():
    package = Path(minidrcn.__file__).parent
    files = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name != "__init__.py"}
    assert sorted(name for name in files if f"({name})" not in ROOMS) == []


def test_its_counts_are_the_package_s():
    assert f"a zoo of {len(BUGS)} planted bugs" in ROOMS
    shipped = load("x2")
    assert f"{sum(p.size for p in shipped.params.values()):,} parameters" in TEXT
    assert "those shipped sum\nto 1 within 0.001" in ROOMS
    assert all(abs(load(f"x{scale}").params["ensemble.w"].sum() - 1) < 0.001 for scale in (2, 3, 4))


def test_the_exercise_reports_what_it_says():
    section = TEXT[TEXT.index("## Lessons and exercises") :]
    section = section[section.index("```python") :]
    code, output = re.search(r"```python\n(.*?)```\n```\n(.*?)```", section, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    # How large an error is that is nothing but rounding, and where, depends on the machine.
    printed, output = (re.sub(r"(?m)^(\w+) .* ok$", r"\1 ok", text) for text in (printed.getvalue(), output))
    assert printed == output


def test_the_gradients_are_those_that_are_printed(capsys):
    first, last = re.findall(r"(?m)^(?:embed1|ensemble)\.w .*$", TEXT)
    assert importlib.import_module("minidrcn.grad_check").main([]) == 0
    first_variant = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    # The error is nothing but rounding, which depends on the machine.
    without_error = [re.sub(r"\S+ ok", "ok", line) for line in (first, last, first_variant[2], first_variant[-2])]
    assert without_error[:2] == without_error[2:]


@pytest.fixture
def standing_in(tmp_path, monkeypatch):
    """A folder with the result of the README's training, to run its other lines in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "001").mkdir(parents=True)
    checkpoint.save(tmp_path / "runs" / "001" / "best.npz", DRCN(2, 1, scale=2))
    return tmp_path


def run(line, capsys):
    """Run a line of the README in this process: stdout. Which files match *.jpg the command finds out itself."""
    _, option, name, *arguments = shlex.split(line)
    if option == "-c":
        exec(name, {})
    else:
        assert importlib.import_module(name).main(arguments) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("small", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_photographs_are_enlarged_by_the_lines_as_they_stand(standing_in, capsys, small):
    block, output = re.search(r"```\n(python -c .*?)```\n```\n(.*?)```", TEXT, re.DOTALL).groups()
    first, *lines = block.splitlines()
    run(first, capsys)
    if small:
        with Image.open("photo.jpg") as photo:
            photo.crop((0, 200, 640, 216)).save("photo.jpg")
        output = output.replace("640 x 427 -> 1280 x 854", "640 x 16 -> 1280 x 32")
    printed = [run(line, capsys) for line in lines]
    assert printed[0] == output
    made = {path.as_posix() for path in Path().rglob("*.*")} - {"runs/001/best.npz"}
    by_itself = {"photo_w1000.jpg", "photo_w1000.jpg.compare.png"}
    assert made == {"photo.jpg", "larger.png", "mine.png", *by_itself, "large/photo.webp", "large/photo_w1000.webp"}
    assert run(lines[-1], capsys) == "", "all there"


def test_the_lines_of_python_run(standing_in):
    Image.new("RGB", (9, 8)).save("photo.jpg")
    names = {}
    exec(compile(re.search(r"From Python:\n\n```python\n(.*?)```", TEXT, re.DOTALL)[1], "README.md", "exec"), names)
    assert names["larger"].size == (18, 16)
    assert names["per_recursion"].shape == (9, *names["final"].shape)


def test_the_dozen_lines_are_those_that_run():
    lines = TEXT.partition("## The network")[2].partition("```python\n")[2].partition("```")[0]
    assert textwrap.indent(lines, "    ") in inspect.getsource(network.backward)


def test_the_citation_names_this_version():
    assert f"\nversion: {minidrcn.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
