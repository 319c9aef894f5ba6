"""Look at the site that `notebooks/web.py` makes in a browser, as a reader would: wide and narrow, light and dark.

    python tests/browser.py DIR

prints what is wrong and fails if anything is: a block that is cut, a message on the console, a request to anywhere
else, a picture that is missing or without a text, a slider that changes nothing, a serious finding of axe.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
WIDTHS = {1280: 900, 390: 844}  # and heights, in pixels
CUT = """() => [document.documentElement, ...document.querySelectorAll("main *")]
    .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && !e.closest("math, [hidden]"))
    .filter((e) => getComputedStyle(e).display !== "inline").map((e) => e.outerHTML.slice(0, 90))"""
LATE = """async () => {
    const images = [...document.images];
    for (const image of images) image.loading = "eager";
    await Promise.all(images.map((image) => image.decode().catch(() => 0)));
    return images.filter((image) => !image.naturalWidth || !image.alt).map((image) => image.src);
}"""


def complaints(pages: Iterable[Path]) -> Iterator[str]:
    """What is wrong with pages of one folder, a line each."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for path in pages:
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390)):
                for complaint in look_at(browser, path, scheme, width):
                    yield f"{path.name}, {width} pixels, {scheme}: {complaint}"
        browser.close()


def look_at(browser: Browser, path: Path, scheme: str, width: int) -> Iterator[str]:
    """What is wrong with one page as one reader sees it."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": WIDTHS[width]})
    page, seen = context.new_page(), []
    page.on("console", lambda message: seen.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: seen.append(f"script: {error}"))
    page.on("request", lambda request: _outside(request.url, path) and seen.append(f"asks for {request.url}"))
    page.goto(path.as_uri())
    if scheme == "light":
        yield from (f"cut: {block}" for block in page.evaluate(CUT))
        yield from (f"missing, or without a text: {image}" for image in page.evaluate(LATE))
        for slider in page.locator("main input[type=range]").all():
            if not changes(slider):
                yield f"nothing changes with {slider.evaluate('(e) => e.outerHTML')}"
    for finding in Axe().run(page, options={"preload": False}).response["violations"]:
        if finding["impact"] in ("serious", "critical"):
            yield f"axe: {finding['help']}: {finding['nodes'][0]['html'][:90]}"
    yield from seen
    context.close()


def _outside(url: str, path: Path) -> bool:
    return not url.startswith(("data:", path.parent.as_uri()))


def changes(slider: Locator) -> bool:
    """Whether dragging a slider's handle to one end and to the other changes what its figure shows."""
    picture = slider.locator("xpath=ancestor::figure").locator(".frame:visible, div:has(> img.before)")
    mouse, shown = slider.page.mouse, [picture.screenshot()]
    for begin, end in ((0.5, 0.01), (0.01, 0.99)):
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        y = box["y"] + box["height"] / 2
        mouse.move(box["x"] + begin * box["width"], y)
        mouse.down()
        mouse.move(box["x"] + end * box["width"], y, steps=4)
        mouse.up()
        slider.page.wait_for_timeout(50)
        shown.append(picture.screenshot())
    return shown[0] != shown[1] != shown[2]


def main() -> int:
    """See the top of the file."""
    if CHROMIUM is None:
        print("skipped: there is no Chromium here")
        return 0
    pages = sorted(Path(sys.argv[1]).resolve().glob("*.html"))
    found = list(complaints(pages)) if pages else [f"{sys.argv[1]}: no pages in this folder"]
    print("\n".join(found) or "nothing is wrong")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
