"""The web page of the course: whole, linked, and readable without a network or a script."""

from __future__ import annotations

import base64
import io
import re
import warnings
from html.parser import HTMLParser

import pytest
from PIL import Image

for library in ("nbconvert", "latex2mathml"):
    pytest.importorskip(library, reason='pip install -e ".[notebooks]" brings what makes the page')
import web  # noqa: E402, needs them


class Page(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.images = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        values = dict(attrs)
        self.links += [values["href"]] if tag == "a" else []
        self.images += [values["src"]] if tag == "img" else []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "new"
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the libraries say of each other
        patch.setattr("sys.argv", ["web.py", str(folder)])
        assert web.main() == 0
    return folder


def test_there_is_a_page_for_every_lesson_and_no_link_is_broken(folder):
    pages = {path.name: Page(path.read_text(encoding="utf-8")) for path in folder.iterdir()}
    lessons = {f"{path.stem}.html" for path in web.FOLDER.glob("[0-9][0-9]_*.ipynb")}
    assert set(pages) == lessons | {"index.html"}
    assert set(pages["index.html"].links) == lessons
    for name, page in pages.items():
        assert set(page.links) <= set(pages)
        assert name == "index.html" or "index.html" in page.links
        assert "script" not in page.tags
        for source in page.images:
            kind, _, data = source.partition("base64,")
            assert kind == "data:image/png;"
            with Image.open(io.BytesIO(base64.b64decode(data))) as image:
                image.load()


def test_formulas_are_drawn_by_the_browser_and_none_is_left_as_text(folder):
    text = (folder / "06_supervision_and_skip.html").read_text(encoding="utf-8")
    assert text.count("<math") > 5
    without_code = re.sub(r"(?s)<pre.*?</pre>|<code.*?</code>", "", text)
    assert "$" not in without_code
    assert web.to_html("a $x_d$ b") == '<p>a <math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">' + (
        "<mrow><msub><mi>x</mi><mi>d</mi></msub></mrow></math> b</p>\n"
    )


def test_nothing_is_overwritten(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["web.py", str(folder)])
    with pytest.raises(SystemExit, match="2"):
        web.main()
    assert "exists; name a new folder" in capsys.readouterr().err
