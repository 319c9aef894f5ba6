"""Make the web site of the course: lessons and exercises as pages that need neither a server nor a network.

    python notebooks/web.py DIR

writes the site into a new folder. Lessons are shown as they were run; those with sliders are run once more, to draw
every picture that a slider can show. `--live URL` links each page to the same notebook in the site that `lite.py`
makes; `--url URL` is where this site will stand, which networks need to show its picture beside a link.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from minidrcn import cli, upscale_image
from minidrcn.course.grading.release import for_students, read
from minidrcn.data.datasets import image_paths
from minidrcn.data.image_io import read_image, to_array
from minidrcn.data.resize import imresize
from minidrcn.files import write_text
from minidrcn.imaging.protocol import to_uint8

try:
    import nbformat
    import ziamath
    from cells import body_of, plain, slug, to_html
    from fontTools import subset
except ModuleNotFoundError as missing:
    needs = f'needs {missing.name}, which is not installed: pip install -e ".[notebooks]" brings it'
    sys.exit(f"web.py: error: {needs}")

FOLDER = Path(__file__).parent
SCALE = 3
CROPS = {"chelsea": (94, 62, 382, 254), "coins": (156, 150, 381, 300)}  # left, top, right, bottom
# What browsers take for variables: Latin letters, but for h at another place, and Greek ones.
ITALIC = (*range(0x1D434, 0x1D468), 0x210E, *range(0x1D6E2, 0x1D71C))


class Page(NamedTuple):
    """A lesson or an exercise: the path of its notebook below this folder, without the ending, and its cells."""

    path: str
    notebook: nbformat.NotebookNode

    @property
    def name(self) -> str:
        """What its file is called in the site."""
        return Path(self.path).name

    @property
    def title(self) -> str:
        """The heading that it begins with."""
        return self.notebook.cells[0].source.splitlines()[0].removeprefix("# ")

    @property
    def description(self) -> str:
        """Its first paragraph, as plain text."""
        return plain(self.notebook.cells[0].source.split("\n\n")[1])


def comparison(name: str, folder: Path) -> str:
    """A photograph that the network was not trained on, before and after, with a handle between them."""
    (path,) = (path for path in image_paths("photos", held_out=True) if path.stem == name)
    box = CROPS[name]
    sharp = read_image(path).crop(box)
    small = as_image(imresize(to_array(sharp), 1 / SCALE))
    pictures = {"before": as_image(imresize(to_array(small), SCALE)), "after": upscale_image(small, scale=SCALE)}
    (folder / "images").mkdir(exist_ok=True)
    for side, picture in pictures.items():
        picture.save(folder / "images" / f"{name}-{side}.png", optimize=True)
    size = f'width="{sharp.width}" height="{sharp.height}"'
    return (
        f'<figure class="compare"><div><img src="images/{name}-after.png" {size} alt="{name.capitalize()}, enlarged by '
        f'{SCALE} with the network: edges are sharp"><img class="before" src="images/{name}-before.png" {size} '
        f'alt="The same by bicubic interpolation: blurred"><span class="left">bicubic</span>'
        f'<span class="right">network</span><input type="range" min="0" max="100" value="50" autocomplete="off" '
        f'aria-label="{name}: how much of the bicubic picture to show"><i></i></div></figure>'
    )


def as_image(pixels: np.ndarray) -> Image.Image:
    """An array in about [0, 1] as an image of 8 bits."""
    return Image.fromarray(to_uint8(pixels))


def share_image(folder: Path) -> None:
    """The picture that is shown beside a link: one photograph, half before and half after."""
    card = Image.new("RGB", (1200, 630), "#10151c")
    for side, left in (("before", 0), ("after", 600)):
        with Image.open(folder / "images" / f"chelsea-{side}.png") as picture:
            half = picture.convert("RGB").resize((1200, 804), Image.Resampling.BICUBIC)
        card.paste(half.crop((90, 100, 690, 570)), (left, 0))
    draw = ImageDraw.Draw(card)
    draw.line([(600, 0), (600, 470)], "white", 4)
    draw.text((48, 500), "minidrcn", "white", ImageFont.load_default(54))
    words = "Deep recursive super-resolution from scratch: every gradient by hand"
    draw.text((48, 570), words, "#a3adb8", ImageFont.load_default(30))
    card.save(folder / "images" / "share.png", optimize=True)


def first_page(pages: list[Page], folder: Path, live: str | None) -> str:
    """What this folder's README says to learners, below photographs to try."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8").partition("\n## In this folder")[0]
    heading, lead, rest = text.split("\n\n", 2)
    buttons = f'<a class="button" href="{pages[0].name}.html">Begin</a>'
    if live:
        buttons += f'<a class="button quiet" href="{live}/lab/index.html">Run it in the browser</a>'
    pair = "\n".join(comparison(name, folder) for name in CROPS)
    return (
        f'{to_html(heading)}<div class="lead">{to_html(lead)}</div>\n<div class="buttons">{buttons}</div>\n'
        f'<div class="pair">{pair}</div>\n<p>Move the handles: photographs that the network was not trained on, shrunk '
        f"by {SCALE} and enlarged again.</p>\n{to_html(rest)}"
    )


def side(pages: list[Page], current: Page | None) -> str:
    """The whole course as links, with the sections of the page that is read."""
    parts = ""
    for heading, kind in (("Lessons", ""), ("Exercises", "exercises/")):
        parts += f"<h2>{heading}</h2>\n<ul>\n"
        for page in pages:
            if page.path != kind + page.name:
                continue
            here = ' aria-current="page"' if page is current else ""
            parts += f'<li><a href="{page.name}.html"{here}>{html.escape(page.title.removeprefix("Exercise "))}</a>'
            if page is current:
                parts += f"<ul>{''.join(map(section, headings(page)))}</ul>"
            parts += "</li>\n"
        parts += "</ul>\n"
    return parts


def section(heading: str) -> str:
    """A link to a section of the page."""
    return f'<li><a href="#{slug(heading)}">{html.escape(plain(heading))}</a></li>'


def headings(page: Page) -> list[str]:
    """The headings of a page's sections."""
    cells = (cell.source for cell in page.notebook.cells if cell.cell_type == "markdown")
    return [heading for source in cells for heading in re.findall(r"(?m)^## (.+)$", source)]


def turn(pages: list[Page], current: Page) -> str:
    """Links to the page before and the page after."""
    k, parts = pages.index(current), ""
    if k > 0:
        parts += f'<a rel="prev" href="{pages[k - 1].name}.html"><small>Previous</small>{pages[k - 1].title}</a>'
    if k + 1 < len(pages):
        parts += f'<a rel="next" href="{pages[k + 1].name}.html"><small>Next</small>{pages[k + 1].title}</a>'
    return f'<nav class="turn" aria-label="Previous and next">{parts}</nav>'


def whole(title: str, description: str, body: str, aside: str, url: str) -> str:
    """A page with all that is around its text."""
    title, description = html.escape(title), html.escape(description)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="description" content="{description}">
<meta property="og:title" content="{title}">
<meta property="og:description" content="{description}">
<meta property="og:type" content="article">
<meta property="og:image" content="{url}images/share.png">
<meta name="twitter:card" content="summary_large_image">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
<script src="script.js"></script>
</head>
<body>
<a class="skip" href="#text">Skip to the text</a>
<nav class="side" aria-label="The course">
<div class="top"><a class="brand" href="index.html">minidrcn</a><button class="scheme">light / dark</button></div>
<details><summary>Lessons and exercises</summary>
{aside}</details>
</nav>
<main id="text">
{body}
</main>
</body>
</html>
"""


def pages_here() -> list[Page]:
    """Lessons as they were run, then exercises as students get them."""
    lessons = [Page(path.stem, nbformat.read(path, 4)) for path in sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))]
    exercises = [
        Page(f"exercises/{path.stem}", nbformat.reads(json.dumps(for_students(read(path))), 4))
        for path in sorted(FOLDER.glob("exercises/ex[0-9][0-9]_*.ipynb"))
    ]
    return lessons + exercises


def copy_pictures(text: str, folder: Path) -> None:
    """Copy the pictures of this folder that a page shows."""
    for name in re.findall(r'src="(images/[\w.-]+)"', text):
        if not (folder / name).exists():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(FOLDER / name, folder / name)


def math_font(texts: Iterable[str], path: Path) -> None:
    """Write the font that formulas are set in, cut down to what the pages need: STIX Two Math, from ziamath."""
    signs = {
        sign for text in texts for formula in re.findall("(?s)<math.*?</math>", text) for sign in html.unescape(formula)
    }
    options = subset.Options(flavor="woff", layout_features=["*"])
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[*map(ord, signs), *ITALIC])
    with subset.load_font(Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf", options) as font:
        cutter.subset(font)
        subset.save_font(font, path, options)


def write_site(folder: Path, live: str | None, url: str) -> int:
    """Write the whole site into an empty folder; returns how many lessons and exercises there are."""
    for name in ("style.css", "script.js"):
        shutil.copyfile(FOLDER / "pages" / name, folder / name)

    pages = pages_here()
    first = first_page(pages, folder, live)
    share_image(folder)
    description = "Take a deep recursive super-resolution network apart: lessons and exercises, every gradient by hand."
    written = {"index": whole("minidrcn: the course", description, first, side(pages, None), url)}
    for page in cli.progress(pages, unit="page"):
        body = body_of(page.notebook, folder / page.name) + turn(pages, page)
        if live:
            link = f"{live}/lab/index.html?path={page.path}.ipynb"
            body = f'<div class="buttons"><a class="button quiet" href="{link}">Run it in the browser</a></div>\n{body}'
        written[page.name] = whole(page.title, page.description, body, side(pages, page), url)
    for name, text in written.items():
        copy_pictures(text, folder)
        write_text(folder / f"{name}.html", text)
    math_font(written.values(), folder / "math.woff")
    return len(pages)


def main() -> int:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description="Make the web site of the course.")
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new folder")
    parser.add_argument("--live", metavar="URL", help="of the site that lite.py makes, to link to")
    parser.add_argument("--url", metavar="URL", default="", help="where the site will stand")
    args = parser.parse_args()
    target = args.folder
    if target.exists():
        parser.error(f"{target}: exists; name a new folder")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".") as temporary:
        folder = Path(temporary) / "site"
        folder.mkdir()
        pages = write_site(folder, args.live, args.url and args.url.rstrip("/") + "/")
        folder.rename(target)
    print(f"written: {target / 'index.html'} and {pages} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
