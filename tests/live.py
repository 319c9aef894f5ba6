"""Run the notebooks of the site that `notebooks/lite.py` makes in a browser, as a learner does with Run All.

    python tests/live.py DIR [NN ...]

prints for each notebook the seconds until its first cell has run and those that all cells took, and fails if a cell
fails, a picture is broken, or the page asks another host for anything. Exercises come with their solutions taken out,
so their solutions are put in first.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from browser import CHROMIUM
from playwright.sync_api import Page, sync_playwright

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
MINUTES = 15  # that a notebook may take
READY = """() => window.jupyterapp?.shell.currentWidget?.context?.isReady &&
    window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === "idle" """
PUT = """(sources) => window.jupyterapp.shell.currentWidget.content.model.cells
    && sources.forEach((source, k) => window.jupyterapp.shell.currentWidget.content.model.cells.get(k)
        .sharedModel.setSource(source))"""
RUN = "() => void window.jupyterapp.commands.execute('notebook:run-all-cells')"
STATE = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells
    .filter((cell) => cell.cell_type === "code")
    .map((cell) => [cell.execution_count, cell.outputs.filter((o) => o.output_type === "error")
        .map((o) => `${o.ename}: ${o.evalue}`)])"""


class Quiet(SimpleHTTPRequestHandler):
    """A web server that prints nothing."""

    def log_message(self, *_):
        """Print nothing."""


def seconds_of(page: Page, address: str, path: Path) -> tuple[float, float, list[str]]:
    """Seconds until the first cell has run, those that all took, and what went wrong.

    Args:
        page: of a fresh browser, which has nothing of the site yet.
        address: the site's.
        path: the notebook with its solutions, below NOTEBOOKS.
    """
    start = time.monotonic()
    page.goto(f"{address}/lab/index.html?path={path.relative_to(NOTEBOOKS).as_posix()}")
    page.wait_for_function(READY, timeout=120_000)
    sources = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    page.evaluate(PUT, sources)
    page.evaluate(RUN)
    first = 0.0
    while time.monotonic() - start < 60 * MINUTES:
        page.wait_for_timeout(200)
        states = page.evaluate(STATE)
        errors = [error for _, found in states for error in found]
        first = first or (time.monotonic() - start if states[0][0] else 0.0)
        if errors or all(count for count, _ in states):
            return first, time.monotonic() - start, errors
    return first, time.monotonic() - start, [f"not done after {MINUTES} minutes"]


def main() -> int:
    """See the top of the file."""
    folder, wanted = sys.argv[1], tuple(sys.argv[2:]) or ("",)
    if CHROMIUM is None:
        print("skipped: there is no Chromium here")
        return 0
    paths = [*sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")), *sorted(NOTEBOOKS.glob("exercises/ex*.ipynb"))]
    paths = [path for path in paths if path.name.startswith(wanted)]
    if not paths:
        print(f"no notebook's name begins with {' or '.join(wanted)}")
        return 1
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address, failed = f"http://127.0.0.1:{server.server_port}", False
    with sync_playwright() as playwright:
        for path in paths:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            context, asked = browser.new_context(), []
            context.on("request", lambda request, asked=asked: asked.append(request.url))
            page, broken = context.new_page(), []
            page.on(
                "console", lambda m, broken=broken: "Failed to load" in m.text and broken.append("a broken picture")
            )
            page.route("**/jupyter-lite.json*", exposed)
            first, whole, wrong = seconds_of(page, address, path)
            wrong += broken[:1]
            wrong += sorted({url for url in asked if not url.startswith((address, "data:", "blob:"))})
            print(
                f"{path.stem:40} first cell {first:4.0f} s, whole {whole:4.0f} s  {'; '.join(wrong) or 'ok'}",
                flush=True,
            )
            failed |= bool(wrong)
            browser.close()
    server.shutdown()
    return failed


def exposed(route) -> None:
    """The site's settings, and its application within reach of this script."""
    response = route.fetch()
    if not response.ok:
        return route.fulfill(response=response)
    settings = response.json()
    settings["jupyter-config-data"]["exposeAppInBrowser"] = True
    return route.fulfill(response=response, json=settings)


if __name__ == "__main__":
    sys.exit(main())
