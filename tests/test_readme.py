"""The README is always true: its links, its list of files, its numbers, its exercise. So is its Korean version."""

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
from minidrcn.model import network
from minidrcn.course.checks.bugs import BUGS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_every_link_leads_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_korean_commands_are_the_readme_s():
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"(?m)^```\n((?:.*\n)*?)```$", korean)).splitlines()
    inline = re.findall(r"`(python -m [^`]+)`", korean)
    assert len(blocks) >= 6
    assert len(inline) >= 3
    everything = " ".join(TEXT.split())
    assert [c for c in blocks + inline if not re.search(rf"{re.escape(c)}(?![\w.])", everything)] == []


def test_every_file_has_its_sentence():
    package = Path(minidrcn.__file__).parent
    files = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name != "__init__.py"}
    assert sorted(name for name in files if f"(minidrcn/{name})" not in TEXT) == []


def test_its_counts_are_the_package_s():
    assert f"a zoo of {len(BUGS)} planted bugs" in TEXT
    shipped = load("x2")
    assert f"{sum(p.size for p in shipped.params.values()):,} parameters" in TEXT
    assert "those shipped sum to 1 within 0.001" in TEXT
    assert all(abs(load(f"x{scale}").params["ensemble.w"].sum() - 1) < 0.001 for scale in (2, 3, 4))


def test_the_exercise_reports_what_it_says():
    section = TEXT[TEXT.index("## Exercises") :]
    code, output = re.search(r"```python\n(.*?)```\n```\n(.*?)```", section, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    # How large an error is that is nothing but rounding, and where, depends on the machine.
    printed, output = (re.sub(r"(?m)^(\w+) .* ok$", r"\1 ok", text) for text in (printed.getvalue(), output))
    assert printed == output


def test_the_dozen_lines_are_those_that_run():
    lines = TEXT.partition("## The idea in a dozen lines")[2].partition("```python\n")[2].partition("```")[0]
    assert textwrap.indent(lines, "    ") in inspect.getsource(network.backward)


def test_the_citation_names_this_version():
    assert f"\nversion: {minidrcn.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
