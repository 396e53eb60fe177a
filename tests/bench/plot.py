"""Draws lines over logarithmic axes as SVG, side by side, with nothing but the standard library.

    +------- title -------+   A panel has its title above, a line for each series, and at both axes the powers that fall
    |   /-- series        |   into its range: of two at the x axis, of ten at the y axis, with thin lines for 2 and 5.
    |  /                  |   The legend stands once, below.
    +---------------------+
"""
import math
from typing import Dict, List, NamedTuple, Tuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 330, 300  # of a panel's plane
LEFT, TOP, GAP, BELOW = 60, 60, 65, 80
COLOURS = ["#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#7f7f7f", "#8c564b", "#17becf"]
DASHES = ["", "", "", "7 3", "7 3", "2 3", "2 3", "2 3"]


class Panel(NamedTuple):
    title: str
    series: Dict[str, List[Tuple[float, float]]]


class Axis:
    """Maps [low, high] on a logarithmic scale to [0, 1]."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def place(self, value):
        return math.log(value / self.low) / math.log(self.high / self.low)


def ticks(low, high):
    """1, 2 and 5 times each power of ten from low to high."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [digit * 10.0**power for power in range(first, last + 1) for digit in (1, 2, 5)]
    return [value for value in every if low <= value <= high]


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def text(x, y, content, anchor="middle", size=11):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(content)}</text>'


def draw_panel(panel, x0, x_label):
    points = [point for series in panel.series.values() for point in series]
    across = Axis(min(x for x, _ in points), max(x for x, _ in points))
    up = Axis(min(y for _, y in points) / 1.2, max(y for _, y in points) * 1.2)

    def at(x, y):
        return x0 + WIDTH * across.place(x), TOP + HEIGHT * (1 - up.place(y))

    parts = [text(x0 + WIDTH / 2, TOP - 12, panel.title, size=13),
             text(x0 + WIDTH / 2, TOP + HEIGHT + 36, x_label)]
    for x in sorted({x for x, _ in points}):
        column, _ = at(x, up.low)
        parts += [line(column, TOP, column, TOP + HEIGHT, "#eeeeee"), text(column, TOP + HEIGHT + 17, f"{x:g}")]
    for y in ticks(up.low, up.high):
        _, row = at(across.low, y)
        parts += [line(x0, row, x0 + WIDTH, row, "#dddddd"), text(x0 - 6, row + 4, f"{y:g}", "end")]
    parts.append(f'<rect x="{x0}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#444444"/>')
    for index, series in enumerate(panel.series.values()):
        path = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in series)
        parts.append(f'<polyline points="{path}" {stroke(index)}/>')
    return parts


def stroke(index):
    colour, dash = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
    return f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash or "none"}"'


def legend(names, width):
    step, y = (width - 2 * LEFT) / len(names), TOP + HEIGHT + 64
    parts = []
    for index, name in enumerate(names):
        x = LEFT + step * index
        parts += [f'<polyline points="{x:.1f},{y} {x + 28:.1f},{y}" {stroke(index)}/>', text(x + 34, y + 4, name, "start")]
    return parts


def draw(title, x_label, panels):
    width = LEFT + len(panels) * (WIDTH + GAP)
    height = TOP + HEIGHT + BELOW
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
             f"<title>{escape(title)}</title>", f'<rect width="{width}" height="{height}" fill="white"/>',
             text(width / 2, 24, title, size=16)]
    for index, panel in enumerate(panels):
        parts += draw_panel(panel, LEFT + index * (WIDTH + GAP), x_label)
    return "\n".join(parts + legend(list(panels[0].series), width) + ["</svg>", ""])
