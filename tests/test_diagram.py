"""The picture of the network is the one that its script draws, and stands by itself."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import diagram

SVG = "{http://www.w3.org/2000/svg}"


def test_the_committed_picture_is_what_the_script_draws():
    assert diagram.PICTURE.read_text(encoding="utf-8") == diagram.draw(), "run python notebooks/diagram.py"


def test_it_is_well_formed_and_refers_to_nothing_outside_itself():
    root = ElementTree.fromstring(diagram.draw())
    assert root.tag == f"{SVG}svg"
    allowed = {"svg", "title", "style", "rect", "path", "polygon", "circle", "text", "tspan"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == allowed, "no script, image or link"
    assert not re.search(r"url\(|@import|@font-face", root.findtext(f"{SVG}style"))


def test_every_colour_has_a_value_in_both_schemes():
    light, dark = diagram.STYLE.split("@media (prefers-color-scheme: dark)")
    used = set(re.findall(r"var\((--\w+)\)", diagram.STYLE))
    assert used
    for scheme in (light, dark):
        assert set(re.findall(r"(--\w+): #[0-9a-f]{6};", scheme)) == used


def test_names_get_subscripts():
    words = ElementTree.fromstring(diagram.text(0, 0, "h_{d+1} of h_1"))
    assert [span.text for span in words] == ["d+1", "\u200b", "1", "\u200b"]
