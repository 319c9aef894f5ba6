"""Make a web page of the course: every lesson as it was run, linked, readable without a network or a script.

    python notebooks/web.py DIR

writes `index.html` and a page for each lesson into a new folder.
"""

from __future__ import annotations

import argparse
import html
import re
import sys
from pathlib import Path

import nbformat
from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from minidrcn.files import write_text

FOLDER = Path(__file__).parent
STYLE = """
body { max-width: 50rem; margin: 0 auto; padding: 0 1rem 3rem; font: 1rem/1.55 system-ui, sans-serif; color: #1b1f24; }
h1, h2 { line-height: 1.25; } h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
a { color: #0072b2; } code, pre { font: 0.85rem/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.7rem 0.9rem; margin: 0.6rem 0; border-radius: 4px; }
.input pre, .highlight pre { background: #f5f7f9; } .output pre { border-left: 3px solid #d0d7de; border-radius: 0; }
img { max-width: 100%; height: auto; } math[display=block] { overflow-x: auto; overflow-y: hidden; padding: 0.5rem 0; }
table { display: block; overflow-x: auto; border-collapse: collapse; }
td, th { padding: 0.25rem 0.7rem; border-bottom: 1px solid #d0d7de; text-align: left; }
nav { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: 0.8rem 0; }
"""


class Renderer(IPythonRenderer):
    """Markdown with formulas as MathML, which browsers draw by themselves."""

    def inline_math(self, body: str) -> str:
        """A formula in a line."""
        return convert(body)

    def block_math(self, body: str) -> str:
        """A formula on a line of its own."""
        return convert(body, display="block")


def to_html(markdown: str) -> str:
    """Markdown as HTML; links between lessons lead to their pages."""
    renderer = Renderer(escape=False, exclude_anchor_links=True)
    return re.sub(r'href="(\w+)\.ipynb"', r'href="\1.html"', MarkdownWithMath(renderer=renderer).render(markdown))


class Exporter(HTMLExporter):
    """A notebook's cells as HTML, without numbers beside them."""

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """What the template asks for in a cell of text."""
        return to_html(source)


def body_of(notebook: nbformat.NotebookNode) -> str:
    """The cells of a lesson, its code coloured, its figures inside."""
    exporter = Exporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    notebook.metadata["language_info"] = {"name": "python"}
    body, _ = exporter.from_notebook_node(notebook)
    return body.replace("No description has been provided for this image", "what the code above draws")


def title_of(notebook: nbformat.NotebookNode) -> str:
    """The heading that a lesson begins with."""
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def page(title: str, body: str, links: str) -> str:
    """A whole page."""
    colours = HtmlFormatter().get_style_defs(".highlight")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(title)}</title>\n<style>{colours}\n{STYLE}</style>\n</head>\n"
        f"<body>\n{links}\n<main>\n{body}\n</main>\n{links}\n</body>\n</html>\n"
    )


def links_between(titles: list[tuple[str, str]], k: int) -> str:
    """To the lesson before, the list and the lesson after, given each one's name and title."""
    links = ['<a href="index.html">all lessons</a>']
    if k > 0:
        name, title = titles[k - 1]
        links.insert(0, f'<a href="{name}.html">&larr; {html.escape(title)}</a>')
    if k + 1 < len(titles):
        name, title = titles[k + 1]
        links.append(f'<a href="{name}.html">{html.escape(title)} &rarr;</a>')
    return f"<nav>{' '.join(links)}</nav>"


def main() -> int:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description="Make a web page of the course.")
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new folder")
    folder = parser.parse_args().folder
    if folder.exists():
        parser.error(f"{folder}: exists; name a new folder")
    folder.mkdir(parents=True)
    lessons = {path.stem: nbformat.read(path, 4) for path in sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))}
    titles = [(name, title_of(lesson)) for name, lesson in lessons.items()]
    for k, (name, title) in enumerate(titles):
        write_text(folder / f"{name}.html", page(title, body_of(lessons[name]), links_between(titles, k)))
    index = to_html((FOLDER / "README.md").read_text(encoding="utf-8"))
    write_text(folder / "index.html", page("minidrcn: lessons", index, ""))
    print(f"written: {folder / 'index.html'} and {len(lessons)} lessons")
    return 0


if __name__ == "__main__":
    sys.exit(main())
