"""The diagrams are the ones that their script draws, and stand by themselves."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import diagram
import pytest

import minidrcn

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("path", diagram.PICTURES, ids=lambda path: path.stem)
def test_the_committed_picture_is_what_the_script_draws(path):
    assert path.read_text(encoding="utf-8") == diagram.PICTURES[path](), "run python notebooks/diagram.py"


@pytest.mark.parametrize("path", diagram.PICTURES, ids=lambda path: path.stem)
def test_it_is_well_formed_and_refers_to_nothing_outside_itself(path):
    root = ElementTree.fromstring(diagram.PICTURES[path]())
    assert root.tag == f"{SVG}svg"
    allowed = {"svg", "title", "style", "rect", "path", "polygon", "circle", "text", "tspan"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed, "no script, image or link"
    assert not re.search(r"url\(|@import|@font-face", root.findtext(f"{SVG}style"))


def test_every_colour_has_a_value_in_both_schemes():
    light, dark = diagram.STYLE.split("@media (prefers-color-scheme: dark)")
    used = set(re.findall(r"var\((--\w+)\)", diagram.STYLE))
    assert used
    for scheme in (light, dark):
        assert set(re.findall(r"(--\w+): #[0-9a-f]{6};", scheme)) == used


def test_names_get_subscripts():
    words = ElementTree.fromstring(diagram.text(0, 0, "h_{d+1} of h_1 in grad_check"))
    assert [span.text for span in words] == ["d+1", "\u200b", "1", "\u200b"]


def test_the_rooms_are_the_package_s():
    package = Path(minidrcn.__file__).parent
    words = " ".join(element.text or "" for element in ElementTree.fromstring(diagram.rooms()).iter(f"{SVG}text"))
    for path in package.iterdir():
        if path.suffix == ".py" or (path / "__init__.py").exists():
            assert path.stem in words or path.stem in ("__init__", "__main__"), path.name
