"""The web site of the course: whole, linked, and readable without a server or a network."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
import warnings
from html.parser import HTMLParser

import pytest
from PIL import Image

for library in ("nbconvert", "latex2mathml", "ziamath", "ipykernel"):
    pytest.importorskip(library, reason='pip install -e ".[notebooks]" brings what makes the site')
import cells  # noqa: E402, needs them
import frames  # noqa: E402
import nbformat  # noqa: E402
import web  # noqa: E402

LESSON = nbformat.v4.new_notebook(
    cells=[
        nbformat.v4.new_markdown_cell("# 1. Sums\n\n**You will learn** to add. (The slider needs a running notebook.)"),
        nbformat.v4.new_code_cell("%matplotlib inline\nfrom minidrcn import plots\n\n"
                                  "def draw(a, b):\n    print(a + b)\n    return plots.bars({'a': a, 'b': b}, 'x')"),
        nbformat.v4.new_code_cell("plots.slider(draw, a=(0, 2), b=(1, 2))"),
        nbformat.v4.new_code_cell("1 / 0  # behind the last slider, and so not run"),
    ]
)  # fmt: skip


class Page(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.files, self.images, self.ids = [], [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids.add(values.get("id"))
        self.links += [values["href"]] if tag == "a" else []
        self.images += [values] if tag == "img" else []
        self.files += [values.get("src") or values["href"]] if tag in ("img", "script", "link") else []


def grey(value):
    file = io.BytesIO()
    Image.new("L", (8, 8), value).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def without_running(lesson):
    """Two frames for each slider, as if the lesson had been run."""
    drawn = [{"values": {"d": d}, "text": "", "png": grey(99 * d), "about": {}} for d in (1, 2)]
    return {cell.id: [{"ranges": {"d": [1, 2]}, "frames": drawn}] for cell in filter(frames.has_slider, lesson.cells)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "new"
    arguments = ["web.py", str(folder), "--live", "live", "--url", "https://example.org/course"]
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the libraries say of each other
        patch.setattr("sys.argv", arguments)
        patch.setattr(frames, "frames_of", without_running)
        assert web.main() == 0
    return folder


@pytest.fixture(scope="module")
def pages(folder):
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in folder.glob("*.html")}


def test_there_is_a_page_for_every_lesson_and_exercise_and_no_link_is_broken(folder, pages):
    notebooks = [*web.FOLDER.glob("[0-9][0-9]_*.ipynb"), *web.FOLDER.glob("exercises/ex[0-9][0-9]_*.ipynb")]
    assert set(pages) == {"index.html", *(f"{path.stem}.html" for path in notebooks)}
    for name, page in pages.items():
        assert set(pages) <= {*page.links}, "the whole course is at the side"
        for link in page.links:
            target, _, place = link.partition("#")
            if not target.startswith(("https://", "live/lab/index.html")):
                assert place in (pages[target or name].ids | {""}), f"{name}: {link}"
        for file in page.files:
            assert file == "data:," or (folder / file).is_file(), f"{name}: {file}"


def test_every_picture_has_a_text_and_a_size(pages):
    images = [image for page in pages.values() for image in page.images]
    assert len(images) > 40
    assert all(image["alt"] for image in images)
    assert all({"width", "height"} <= set(image) for image in images if image["src"].startswith(("0", "1")))


def test_a_link_to_the_site_is_shown_with_its_picture(folder):
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert 'property="og:image" content="https://example.org/course/images/share.png"' in text
    with Image.open(folder / "images" / "share.png") as image:
        assert image.size == (1200, 630)


def test_the_site_is_small_and_shows_no_solution(folder):
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 15_000_000
    text = (folder / "ex04_convolution_backward.html").read_text(encoding="utf-8")
    assert "YOUR CODE HERE" in text
    assert "SOLUTION" not in text
    assert 'href="live/lab/index.html?path=exercises/ex04_convolution_backward.ipynb"' in text


def test_formulas_are_drawn_by_the_browser_and_none_is_left_as_text(folder):
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.html")]
    assert sum(text.count("<math") for text in texts) > 50
    for text in texts:
        assert "$" not in re.sub(r"(?s)<pre.*?</pre>|<code.*?</code>|<script.*?</script>", "", text)
    assert cells.to_html("a $x_d$ b") == '<p>a <math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">' + (
        "<mrow><msub><mi>x</mi><mi>d</mi></msub></mrow></math> b</p>\n"
    )


def test_links_lead_to_pages_or_nowhere():
    assert cells.to_html("[a](exercises/ex01_im2col.ipynb) [b](../README.md) [c](https://a.org/b.ipynb)") == (
        '<p><a href="ex01_im2col.html">a</a> b <a href="https://a.org/b.ipynb">c</a></p>\n'
    )


def test_every_place_of_a_lessons_sliders_is_drawn(tmp_path):
    lesson = nbformat.from_dict(LESSON)
    ((shown,),) = frames.frames_of(lesson).values()
    assert shown["ranges"] == {"a": [0, 2], "b": [1, 2]}
    assert [frame["text"] for frame in shown["frames"]] == ["1\n", "2\n", "2\n", "3\n", "3\n", "4\n"]
    assert len({frame["png"] for frame in shown["frames"]}) == 6
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "frames_of", lambda _: {lesson.cells[2].id: [shown]})
        page = cells.body_of(lesson, tmp_path / "01_sums")
    assert "plots.slider" not in page
    assert "%matplotlib" not in page
    assert "running notebook" not in page
    assert page.count('class="frame"') == 6
    assert page.count(" hidden") == 5
    assert [image["src"] for image in Page(page).images] == [f"01_sums/02-0-{k:03}.png" for k in range(6)]


def test_nothing_is_overwritten(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["web.py", str(folder)])
    with pytest.raises(SystemExit, match="2"):
        web.main()
    assert "exists; name a new folder" in capsys.readouterr().err


def test_half_a_site_is_not_left_behind(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.argv", ["web.py", str(tmp_path / "site")])
    monkeypatch.setattr(web, "share_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        web.main()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("library", ["nbconvert", "ziamath"])
def test_without_the_extra_it_says_what_brings_it(library):
    code = f"import sys; sys.modules[{library!r}] = None; sys.argv = ['web.py', 'x']; import web"
    path = os.pathsep.join(map(str, (web.FOLDER, web.FOLDER.parent)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": path})  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert re.search(rf'needs {library}\S*, which is not installed: pip install -e "\.\[notebooks\]"', done.stderr)


@pytest.mark.slow
def test_a_browser_finds_nothing_wrong(folder):
    for library in ("playwright", "axe_playwright_python"):
        pytest.importorskip(library, reason='pip install -e ".[browser]" brings what drives a browser')
    import browser

    if browser.CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    names = ["index", *(path.stem for path in sorted(web.FOLDER.glob("02_*.ipynb"))), "ex04_convolution_backward"]
    assert list(browser.complaints([folder / f"{name}.html" for name in names])) == []
