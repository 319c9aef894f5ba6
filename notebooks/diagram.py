"""Draw the unrolled network, forward and backward, as images/network.svg, and the package as images/rooms.svg.

    python notebooks/diagram.py

The pictures bring their own background and colours for light and dark pages, so they can be read wherever they are
shown.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "images"
WIDTH = 760

# Where h_0, h_1, h_2 and h_D stand, and the uses of the recursion kernel between them.
H0, H1, H2, HD = 176, 298, 430, 624
STEPS = [(H0 + H1) // 2, (H1 + H2) // 2, H2 + 56, HD - 56]
DOTS = (STEPS[2] + STEPS[3]) // 2
LEFT = 66  # where the kernels of the reconstruction stand
PREDICTED = [("1", H1), ("2", H2), ("D", HD)]

STYLE = """
svg { --page: #ffffff; --ink: #1f2328; --soft: #57606a; --box: #eef1f4; --forward: #0a58b0; --back: #b03a00; }
@media (prefers-color-scheme: dark) {
  svg { --page: #10151c; --ink: #eef2f6; --soft: #b1bac4; --box: #28303a; --forward: #7cbcff; --back: #ffa45c; }
}
text { font-family: sans-serif; font-size: 22px; fill: var(--ink); text-anchor: middle; }
.left { text-anchor: start; }
.title { font-size: 25px; font-weight: bold; text-anchor: start; }
.note { font-size: 20px; }
.name { font-weight: bold; }
.forward { stroke: var(--forward); fill: none; stroke-width: 3; }
.back { stroke: var(--back); fill: none; stroke-width: 3; }
.shared { stroke: var(--soft); fill: none; stroke-width: 2; stroke-dasharray: 5 4; }
.skip { stroke: var(--soft); fill: none; stroke-width: 3; }
.page { fill: var(--page); }
.box { fill: var(--box); stroke: var(--soft); stroke-width: 2; }
.kernel { fill: var(--page); stroke: var(--ink); stroke-width: 3; }
.use { fill: var(--ink); }
.own { fill: var(--page); stroke: var(--ink); stroke-width: 3; }
.of-forward { fill: var(--forward); }
.of-back { fill: var(--back); }
.of-skip { fill: var(--soft); }
.on-back { fill: var(--page); font-weight: bold; }
"""


def text(x: int, y: int, words: str, kind: str = "") -> str:
    """Words whose baseline is at y; `h_1` and `h_{d+1}` are written with a subscript."""
    lowered = r'<tspan dy="6" font-size="75%">\1\2</tspan><tspan dy="-6">&#8203;</tspan>'
    words = re.sub(r"_(?:{([^}]+)}|(\w)\b)", lowered, words)
    return f'<text x="{x}" y="{y}" class="{kind}">{words}</text>'


def box(x: int, y: int, width: int, height: int, kind: str = "box", radius: int = 8) -> str:
    """A rectangle with its middle at x, y."""
    left, top = x - width // 2, y - height // 2
    return f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="{radius}" class="{kind}"/>'


def node(x: int, y: int, words: str) -> str:
    """A map of the network by its name."""
    return box(x, y, 56, 50) + text(x, y + 7, words)


def use(x: int, y: int, kind: str = "use") -> str:
    """A convolution."""
    return box(x, y, 20, 20, kind, 2)


def line(kind: str, *points: tuple[int, int]) -> str:
    """A line through the points."""
    return f'<path d="M{" L".join(f"{x} {y}" for x, y in points)}" class="{kind}"/>'


def arrow(kind: str, *points: tuple[int, int]) -> str:
    """A line through the points that ends in an arrow head."""
    (x0, y0), (x, y) = points[-2:]
    length = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
    u, v = (x - x0) / length, (y - y0) / length
    neck = (round(x - 9 * u), round(y - 9 * v))
    corners = [(x, y), (x - 13 * u - 7 * v, y - 13 * v + 7 * u), (x - 13 * u + 7 * v, y - 13 * v - 7 * u)]
    head = " ".join(f"{a:.0f},{b:.0f}" for a, b in corners)
    return line(kind, *points[:-1], neck) + f'<polygon points="{head}" class="of-{kind}"/>'


def badge(x: int, y: int, words: str) -> str:
    """A number in the colour of the backward pass."""
    return f'<circle cx="{x}" cy="{y}" r="15" class="of-back"/>' + text(x, y + 8, words, "on-back")


def lines(x: int, y: int, *rows: str) -> list[str]:
    """A note of several lines that start at x."""
    return [text(x, y + 26 * row, words, "note left") for row, words in enumerate(rows)]


def kernels(words: str, equation: str, kernel: int, first: int, second: int) -> list[str]:
    """The boxes of the shared kernels: the recursion's at the height `kernel`, the two of the reconstruction below."""
    middle = (H0 + HD) // 2 + 42
    return [
        box(middle, kernel, HD - H0 + 20, 70, "kernel"),
        text(middle, kernel - 6, words),
        text(middle, kernel + 20, equation, "note"),
        box(LEFT + 85, (first + second) // 2, 170, 72, "kernel"),
        text(LEFT + 85, first + 6, "reconstruct1.w", "note"),
        text(LEFT + 85, second + 8, "reconstruct2.w", "note"),
    ]


def embedding(h: int) -> list[str]:
    """The two convolutions before the first hidden map, at the height h."""
    return [use(90, h, "own"), use(120, h, "own"), text(105, h - 36, "embedding", "note")]


def forward_pass(top: int) -> list[str]:
    """From x to the loss."""
    kernel, h, first, second, y, final = (top + offset for offset in (72, 172, 236, 272, 360, 462))
    x = 44
    parts = [text(20, top + 8, "Forward", "title")]
    # skip
    above = y - 52
    parts += [line("skip", (x, h), (x, above), (HD - 46, above))]
    parts += [arrow("skip", (c - 46, above), (c - 11, y - 38)) for _, c in PREDICTED]
    parts += lines(x + 14, above + 30, "skip: x is added", "to each prediction")
    # shared kernels
    parts += [line("shared", (c, kernel + 36), (c, h)) for c in STEPS]
    parts += [line("shared", (LEFT + 170, row), (HD, row)) for row in (first, second)]
    parts += kernels("recursion.w: one kernel, used D times", "h_d = relu(conv(h_{d-1}, w, b))", kernel, first, second)
    # embedding and recursion
    parts += [arrow("forward", (x, h), (H0 - 28, h)), *embedding(h)]
    hops = ((H0, H1 - 28), (H1, H2 - 28), (H2, DOTS - 14), (DOTS + 14, HD - 28))
    parts += [arrow("forward", (start, h), (end, h)) for start, end in hops]
    parts += [use(c, h) for c in STEPS] + [text(DOTS, h + 2, "…")]
    parts += [node(x, h, "x"), node(H0, h, "h_0"), *lines(20, kernel - 20, "x: luma, enlarged", "(bicubic)")]
    # predictions
    for d, c in PREDICTED:
        parts += [arrow("forward", (c, h), (c, y - 43)), use(c, first), use(c, second), node(c, h, f"h_{d}")]
        parts += [arrow("forward", (c, y), (c, final - 24)), text(c + 24, y + 58, f"w_{d}", "note")]
        parts += [with_loss(c, y, 56, f"y_{d}", "α/D")]  # noqa: RUF001
        parts += [f'<circle cx="{c}" cy="{y - 29}" r="13" class="kernel"/>', text(c, y - 21, "+")]
    parts += [text(HD - 63, y + 2, "…")]
    ensemble = "ensemble: final = Σ w_d y_d"
    parts += [with_loss((H1 + HD) // 2, final, HD - H1 + 56, ensemble, "(1−α)", 94)]  # noqa: RUF001
    return [*parts, *lines(20, final - 6, "loss: squared error", "against the target y")]


def with_loss(x: int, y: int, width: int, words: str, weight: str, room: int = 68) -> str:
    """A prediction, and joined to it the weight of its loss."""
    side = x + width // 2 + room // 2
    joined = (
        box(side, y, room, 56, "kernel", 4)
        + text(side, y - 5, "loss", "note")
        + text(side, y + 19, f"× {weight}", "note")  # noqa: RUF001
    )
    return joined + box(x, y, width, 56) + text(x, y + 9, words)


def backward_pass(top: int) -> list[str]:
    """From the predictions back to the kernels, and the two sums on the way."""
    kernel, h, first, second, y = (top + offset for offset in (72, 172, 258, 294, 374))
    parts = [text(20, top + 8, "Backward: where two sums arise", "title")]
    # to the shared kernels
    parts += [arrow("back", (c, h), (c, kernel + 36)) for c in STEPS]
    parts += [arrow("back", (HD, row), (LEFT + 170, row)) for row in (first, second)]
    parts += kernels("gradient of recursion.w", "the sum over d = 1 .. D", kernel, first, second)
    parts += [text(LEFT + 85, first - 26, "gradients of", "note")]
    # from map to map
    hops = ((HD, DOTS + 14), (DOTS - 14, H2 + 28), (H2, H1 + 28), (H1, H0 + 28), (H0, 58))
    parts += [arrow("back", (start, h), (end, h)) for start, end in hops]
    parts += [use(c, h) for c in STEPS] + [text(DOTS, h + 2, "…")]
    parts += [node(H0, h, "dh_0"), *embedding(h)]
    for d, c in PREDICTED:
        parts += [arrow("back", (c, y), (c, h + 25)), use(c, first), use(c, second), node(c, h, f"dh_{d}")]
        parts += [node(c, y, f"dy_{d}")]
    parts += [text(DOTS, y + 2, "…"), *lines(20, y - 6, "dy_d comes from its loss", "and from the ensemble")]
    # where the sums are
    parts += [badge(c + 37, h + 29, "1") for c in (H1, H2)]
    parts += [badge(H0 + 32, kernel, "2"), badge(LEFT - 3, (first + second) // 2, "2")]
    sums = [
        ("1", "The gradient of h_d, d &lt; D, is a sum of two:", "from the next recursion and from its own prediction"),
        ("2", "The gradient of a shared kernel", "is the sum over its D uses"),
    ]
    for row, (number, what, which) in enumerate(sums):
        baseline = y + 78 + 72 * row
        parts += [
            badge(38, baseline + 6, number),
            text(66, baseline, what, "left"),
            text(66, baseline + 28, which, "left"),
        ]
    return parts


def legend(y: int) -> list[str]:
    """What the squares are."""
    return [
        use(300, y - 8, "own"), text(320, y, "convolution", "note left"),
        use(470, y - 8), text(490, y, "use of a shared kernel", "note left"),
    ]  # fmt: skip


def page(title: str, height: int, parts: list[str]) -> str:
    """The whole picture as SVG text."""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        box(WIDTH // 2, height // 2, WIDTH, height, "page", 12),
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def network() -> str:
    """DRCN, unrolled over its recursions."""
    parts = [*legend(38), *forward_pass(30), line("shared", (20, 556), (WIDTH - 20, 556)), *backward_pass(590)]
    return page("DRCN, unrolled: the forward pass, and the two sums of the backward pass", 1168, parts)


def room(x: int, y: int, width: int, name: str, *rows: str) -> str:
    """A folder or a row of files, its middle at x, y."""
    top = y - 13 * len(rows)
    words = [text(x, top + 6, name, "name")] + [text(x, top + 6 + 26 * k, row, "note") for k, row in enumerate(rows, 1)]
    return box(x, y, width, 44 + 26 * len(rows)) + "".join(words)


def rooms() -> str:
    """The folders of the package, each above those that it imports."""
    left, right, wide = 260, 630, 480
    floors = [
        (184, "course", "checks: what students call", "grading: what instructors run"),
        (308, "training", "one update, the loop, optimisers, clipping", "options, a run's folder"),
        (432, "imaging", "a photograph in and out, tiles", "the paper's protocol"),
        (536, "parallel · distributed", "threads, processes"),
        (640, "model", "forward, backward, loss, start values, files"),
        (744, "ops", "forward/backward pairs on arrays"),
    ]
    parts = [
        room(
            WIDTH // 2,
            62,
            WIDTH - 40,
            "commands",
            "train · evaluate · experiments · data · course",
            "upscale · animate · export · demo",
        )
    ]
    parts += [room(left, y, wide, *words) for y, *words in floors]
    parts += [room(right, 370, 220, "plots", "pictures out"), room(right, 588, 220, "data", "images in")]
    parts += [
        room(
            WIDTH // 2,
            850,
            WIDTH - 40,
            "below all",
            "backend · metrics · grad_check · cli · options · errors · files · npz",
        )
    ]
    edges = [110, *(y + step * (22 + 13 * (len(words) - 1)) for y, *words in floors for step in (-1, 1)), 815]
    parts += [arrow("forward", (left, a), (left, b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    parts += [
        arrow("forward", (right, 110), (right, 335)),
        arrow("forward", (left + wide // 2, 345), (right - 110, 345)),
        arrow("forward", (left + wide // 2, 432), (right - 60, 432), (right - 60, 553)),
    ]
    return page("The rooms of the package: imports run downwards", 912, parts)


PICTURES = {FOLDER / "network.svg": network, FOLDER / "rooms.svg": rooms}


if __name__ == "__main__":
    for path, draw in PICTURES.items():
        path.write_text(draw(), encoding="utf-8", newline="\n")
