"""Plots as SVG, by hand: lines over a common axis, and spans of time. They stand in a page or alone in a file.

Colours are attributes that read on light and dark; text takes the colour of its surroundings. Lines differ in dash
as well as in colour.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

import msgspec

WIDTH: Final = 960
LEFT: Final = 70
RIGHT: Final = 20
COLOURS: Final = ("#1a7f4b", "#2c6fbb", "#c0392b", "#8e5bb5")
DASHES: Final = ("", "7 4", "2 3", "9 3 2 3")
GRID: Final = "#8a929c"


class Line(msgspec.Struct, frozen=True):
    """A named line of (x, y) points."""

    label: str
    points: Sequence[tuple[float, float]]


class Axis(msgspec.Struct, frozen=True):
    """From 0 to `most`; `ticks` are (value, text)."""

    label: str
    most: float
    ticks: Sequence[tuple[float, str]]


class Span(msgspec.Struct, frozen=True):
    """A bar from one x to another."""

    label: str
    begin: float
    end: float
    bad: bool = True


def lines(title: str, drawn: Sequence[Line], *, x: Axis, y: Axis, height: int = 240) -> str:
    """A chart of lines; values beyond an axis stay at its edge."""
    top, below = 30, 34 + 18 * ((len(drawn) + 1) // 2)
    plot = _Plot(x, y, top, height - top)
    parts = [*_frame(plot), *(_polyline(plot, number, line) for number, line in enumerate(drawn))]
    parts += [_legend(number, line, height + 42) for number, line in enumerate(drawn)]
    return _svg(title, parts, height + below + 8)


def spans(title: str, drawn: Sequence[Span], *, x: Axis) -> str:
    """Bars under each other, each with its words."""
    row, top = 24, 30
    height = top + row * len(drawn)
    plot = _Plot(x, Axis("", 1, ()), top, height - top)
    parts = _frame(plot)
    for number, span in enumerate(drawn):
        y = top + row * number + 4
        begin, end = plot.x_of(span.begin), plot.x_of(span.end)
        colour = COLOURS[2] if span.bad else COLOURS[0]
        parts.append(
            f'<rect x="{begin:.1f}" y="{y}" width="{max(2.0, end - begin):.1f}" height="{row - 8}" rx="3"'
            f' fill="{colour}" fill-opacity="0.75"/>'
        )
        room = end + 330 < WIDTH
        at, anchor = (end + 6, "start") if room else (begin - 6, "end")
        if not room and begin < LEFT + 330:
            at, anchor = begin + 8, "start"
        parts.append(_text(at, y + 13, span.label, anchor=anchor))
    return _svg(title, parts, height + 34)


class _Plot:
    """Where values stand."""

    def __init__(self, x: Axis, y: Axis, top: int, height: int) -> None:
        self.x, self.y, self.top, self.height = x, y, top, height

    def x_of(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(value / self.x.most, 0.0), 1.0)

    def y_of(self, value: float) -> float:
        return self.top + self.height * (1 - min(max(value / self.y.most, 0.0), 1.0))


def _svg(title: str, parts: Sequence[str], height: int) -> str:
    said = html.escape(title)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
            ' font-family="system-ui, sans-serif" font-size="13" class="plot">',
            f"<title>{said}</title>",
            _text(LEFT, 18, title, weight=600),
            *parts,
            "</svg>",
        ]
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: int = 400) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="currentColor">'
        f"{html.escape(text)}</text>"
    )


def _frame(plot: _Plot) -> list[str]:
    bottom = plot.top + plot.height
    parts = [
        f'<rect x="{LEFT}" y="{plot.top}" width="{WIDTH - LEFT - RIGHT}" height="{plot.height}" fill="none"'
        f' stroke="{GRID}" stroke-opacity="0.6"/>'
    ]
    for value, text in plot.x.ticks:
        x = plot.x_of(value)
        parts.append(_rule(x, plot.top, x, bottom))
        parts.append(_text(x, bottom + 17, text, anchor="middle"))
    for value, text in plot.y.ticks:
        y = plot.y_of(value)
        parts.append(_rule(LEFT, y, WIDTH - RIGHT, y))
        parts.append(_text(LEFT - 8, y + 4, text, anchor="end"))
    return parts


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{GRID}" stroke-opacity="0.25"/>'


def _stroke(number: int) -> str:
    dash = DASHES[number % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="2"{dashed}'


def _polyline(plot: _Plot, number: int, line: Line) -> str:
    points = " ".join(f"{plot.x_of(x):.1f},{plot.y_of(y):.1f}" for x, y in line.points)
    return f'<polyline points="{points}" fill="none" {_stroke(number)}/>'


def _legend(number: int, line: Line, y: int) -> str:
    x, y = LEFT + 420 * (number % 2), y + 18 * (number // 2)
    mark = f'<line x1="{x}" y1="{y - 4}" x2="{x + 32}" y2="{y - 4}" {_stroke(number)}/>'
    return mark + _text(x + 40, y, line.label)
