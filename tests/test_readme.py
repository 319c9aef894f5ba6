"""What the pages say is true: links, the list of files, numbers, the README's exercise and commands."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import textwrap
from pathlib import Path

import pytest

import minidrcn
from minidrcn import load
from minidrcn.course.checks.bugs import BUGS
from minidrcn.model import network

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


def test_the_dozen_lines_are_those_that_run():
    lines = TEXT.partition("## The network")[2].partition("```python\n")[2].partition("```")[0]
    assert textwrap.indent(lines, "    ") in inspect.getsource(network.backward)


def test_the_citation_names_this_version():
    assert f"\nversion: {minidrcn.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
