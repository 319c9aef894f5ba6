"""A notebook's cells as HTML: text with formulas, coloured code, what it printed and drew, figures with sliders."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable
from pathlib import Path

import frames
import nbformat
from latex2mathml.converter import convert
from make import in_256_colours
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

NEEDS_JUPYTER = re.compile(r"\s*\([^()]*running notebook[^()]*\)")
FORMULA = re.compile(r"(?s)<math.*?</math>|\$.*?\$")


class Renderer(IPythonRenderer):
    """Markdown with formulas as MathML, which browsers draw by themselves, and a place to link to at each heading."""

    def inline_math(self, body: str) -> str:
        """A formula in a line."""
        return formula(body, "inline")

    def block_math(self, body: str) -> str:
        """A formula on a line of its own; a narrow page breaks it where there is a wide space."""
        parts = (formula(part, "block") for part in re.split(r"\\qquad", body) if part.strip())
        return f'<span class="formula">{"".join(parts)}</span>\n'

    def heading(self, text: str, level: int, **attrs) -> str:
        """A heading with an id."""
        return f'<h{level} id="{slug(text)}">{text}</h{level}>\n'


def formula(latex: str, display: str) -> str:
    """MathML; bars stay as high as a letter, since nothing tells a browser which of them is the left one."""
    return re.sub(r"<mo>&#x(02016|0007C);", r'<mo stretchy="false">&#x\1;', convert(latex, display=display))


def slug(heading: str) -> str:
    """A heading, Markdown or HTML, as what stands behind the # of a link; formulas are left out."""
    return re.sub(r"\W+", "-", plain(FORMULA.sub("", html.unescape(heading))).lower()).strip("-")


def plain(text: str) -> str:
    """Markdown or HTML of one paragraph as plain text."""
    return " ".join(re.sub(r"<[^>]+>|[*`$\\]", "", text).split())


def to_html(markdown: str) -> str:
    """Markdown as HTML; links between notebooks lead to their pages, those to other files are left out."""
    text = MarkdownWithMath(renderer=Renderer(escape=False, exclude_anchor_links=True)).render(markdown)
    text = re.sub(r'href="(?!https?:)[\w./-]*?(\w+)\.ipynb"', r'href="\1.html"', text)
    text = re.sub(r'<a href="(?!https?:|#|\w+\.html)[^"]*">(.*?)</a>', r"\1", text)
    return text.replace('src="../images/', 'src="images/')


def code_to_html(source: str) -> str:
    """Python, coloured, without the lines that speak to Jupyter."""
    source = re.sub(r"(?m)^%.*\n?", "", source).strip("\n")
    return highlight(source, PythonLexer(), HtmlFormatter(cssclass="code")) if source else ""


def printed(text: str) -> str:
    """What a cell printed."""
    return f'<pre class="printed">{html.escape(text.rstrip())}</pre>' if text.strip() else ""


def picture(png: str, about: dict, path: Path, alt: str) -> str:
    """A picture, base64, as a file of the site.

    Args:
        png: the picture.
        about: what the notebook says of it: a description, `alt`, and the `width` to show it at.
        path: the file to be written.
        alt: the description if the notebook has none.
    """
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(in_256_colours(png)))
    with Image.open(path) as image:
        width = about.get("width", image.width)
        height = round(image.height * width / image.width)
    source, alt = f"{path.parent.name}/{path.name}", html.escape(about.get("alt") or alt)
    return f'<img src="{source}" width="{width}" height="{height}" loading="lazy" alt="{alt}">'


def sliders(shown: dict, stem: Path, alt: str) -> str:
    """A figure with a slider for each argument, and all its frames, of which the middle one is seen first."""
    labels = ""
    for name, (low, high) in shown["ranges"].items():
        middle = (low + high) // 2
        labels += (f'<label>{html.escape(name)} <input type="range" min="{low}" max="{high}" value="{middle}" '
                   f'autocomplete="off"><output>{middle}</output></label>')  # fmt: skip
    drawn = ""
    for k, frame in enumerate(shown["frames"]):
        words = ", ".join(f"{name} = {value}" for name, value in frame["values"].items())
        here = all(frame["values"][name] == (low + high) // 2 for name, (low, high) in shown["ranges"].items())
        image = picture(frame["png"], frame["about"], Path(f"{stem}-{k:03}.png"), f"{alt}: {words}")
        drawn += f'<div class="frame"{"" if here else " hidden"}>{printed(frame["text"])}{image}</div>\n'
    return f'<figure class="frames"><div class="sliders">{labels}</div>\n{drawn}</figure>\n'


def outputs_of(cell: nbformat.NotebookNode, stem: Path, alt: str) -> Iterable[str]:
    """What a cell printed and drew."""
    for k, output in enumerate(cell.outputs):
        data = output.get("data", {})
        if "image/png" in data:
            about = output.metadata.get("image/png", {})
            yield f'<figure class="drawn">{picture(data["image/png"], about, Path(f"{stem}-{k}.png"), alt)}</figure>'
        else:
            yield data.get("text/html") or printed(output.get("text") or data.get("text/plain", ""))


def body_of(notebook: nbformat.NotebookNode, folder: Path) -> str:
    """A notebook's cells.

    Args:
        notebook: as it was run; if it has sliders, it is run once more.
        folder: where its pictures are written, one file each; the page will stand beside that folder.
    """
    shown, parts, heading = frames.frames_of(notebook), [], ""
    for place, cell in enumerate(notebook.cells):
        stem = folder / f"{place:02}"
        if cell.cell_type == "markdown":
            heading = (re.findall(r"(?m)^##? (.+)$", cell.source) or [heading])[-1]
            parts.append(to_html(NEEDS_JUPYTER.sub("", cell.source)))
        elif cell.id in shown:
            parts += [sliders(one, Path(f"{stem}-{k}"), plain(heading)) for k, one in enumerate(shown[cell.id])]
        else:
            parts += [code_to_html(cell.source), *outputs_of(cell, stem, plain(heading))]
    return "\n".join(parts)
