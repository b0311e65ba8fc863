"""A map as Graphviz DOT, and as one self-contained SVG that needs no Graphviz.

Services stand in columns: what nothing depends on at the left, what all depend on at the right; a circle of
services shares a column. Within a column the order is that of the middle of their neighbours, which keeps most
lines short.
"""

from __future__ import annotations

from html import escape
from typing import Final

from holdfast.depmap.components import components
from holdfast.depmap.report import Answers
from holdfast.depmap.values import Map, Need

DRAWN_MAX: Final = 400
"""More services than this are no picture for a person; the page shows neighbourhoods instead."""
ROW, COLUMN, BOX_W, BOX_H, MARGIN = 34, 260, 190, 24, 24
SWEEPS = 8


class TooLarge(Exception):
    """The map has more services than a picture can show."""


def to_dot(of: Map) -> str:
    """Soft needs are dashed; members of a k-of-n group name it."""
    lines = ["digraph map {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(service.name)};" for service in of.services]
    for need in of.needs:
        style = "" if need.hard else " style=dashed strength=soft"
        label = f" label={_quoted(f'{need.at_least} of {len(need.on)}')}" if len(need.on) > 1 else ""
        lines += [f"  {_quoted(need.of)} -> {_quoted(on)} [{(style + label).strip()}];" for on in need.on]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def to_svg(of: Answers, failed: frozenset[str] = frozenset()) -> str:
    """The picture; what falls with `failed` is marked by colour and by a thick frame. Raises `TooLarge`."""
    names = [service.name for service in of.map.services]
    if len(names) > DRAWN_MAX:
        raise TooLarge(f"{len(names):,} services; at most {DRAWN_MAX} can be drawn")
    at = {name: number for number, name in enumerate(names)}
    edges = [[at[on] for need in of.map.needs if need.of == name for on in need.on] for name in names]
    places = _places(edges)
    down = set(of.falls(sorted(failed))) if failed else set()
    width = MARGIN * 2 + COLUMN * max((x for x, _ in places), default=0) + BOX_W
    height = MARGIN * 2 + ROW * max((y for _, y in places), default=0) + BOX_H
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
        ' font-family="sans-serif" font-size="12">',
        f"<title>{len(names)} services and {len(of.map.needs)} dependencies</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        *(line for need in of.map.needs for line in _lines(need, at, places)),
        *(_box(name, places[number], name in failed, name in down) for number, name in enumerate(names)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _places(edges: list[list[int]]) -> list[tuple[float, float]]:
    """Column and row of each service."""
    found = components(edges)
    component_of = {m: number for number, members in enumerate(found) for m in members}
    depth = [0] * len(found)
    for number, members in enumerate(found):  # dependencies first
        below = [depth[component_of[o]] + 1 for m in members for o in edges[m] if component_of[o] != number]
        depth[number] = max(below, default=0)
    deepest = max(depth, default=0)
    columns: list[list[int]] = [[] for _ in range(deepest + 1)]
    for one in range(len(edges)):
        columns[deepest - depth[component_of[one]]].append(one)
    row = {one: float(y) for column in columns for y, one in enumerate(column)}
    near = _neighbours(edges)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 else reversed(columns):
            column.sort(
                key=lambda one: (sum(row[n] for n in near[one]) / len(near[one]) if near[one] else row[one], one)
            )
            shift = (max(map(len, columns)) - len(column)) / 2
            row.update((one, y + shift) for y, one in enumerate(column))
    return [(next(x for x, column in enumerate(columns) if one in column), row[one]) for one in range(len(edges))]


def _neighbours(edges: list[list[int]]) -> list[list[int]]:
    near: list[list[int]] = [list(to) for to in edges]
    for one, to in enumerate(edges):
        for other in to:
            near[other].append(one)
    return near


def _lines(need: Need, at: dict[str, int], places: list[tuple[float, float]]) -> list[str]:
    x, y = places[at[need.of]]
    dash = (
        ""
        if need.hard and len(need.on) == 1
        else ' stroke-dasharray="2 3"'
        if need.hard
        else ' stroke-dasharray="7 4"'
    )
    found = []
    for on in need.on:
        to_x, to_y = places[at[on]]
        x1, y1 = MARGIN + x * COLUMN + BOX_W, MARGIN + y * ROW + BOX_H / 2
        x2, y2 = MARGIN + to_x * COLUMN, MARGIN + to_y * ROW + BOX_H / 2
        bend = max(40.0, (x2 - x1) / 2)
        path = f"M{x1:.0f},{y1:.0f} C{x1 + bend:.0f},{y1:.0f} {x2 - bend:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
        title = (
            f"{need.of} needs {need.at_least} of {', '.join(need.on)}"
            if len(need.on) > 1
            else f"{need.of} -> {on}"
        )
        found.append(f'<path d="{path}" fill="none" stroke="#8a929b"{dash}><title>{escape(title)}</title></path>')
    return found


def _box(name: str, place: tuple[float, float], failed: bool, down: bool) -> str:
    x, y = MARGIN + place[0] * COLUMN, MARGIN + place[1] * ROW
    fill, ink, frame = (
        ("#b3161f", "#ffffff", 3) if failed else ("#fde7e7", "#7c0d14", 2) if down else ("#eef1f5", "#1d2126", 1)
    )
    shown = name if len(name) <= 28 else f"{name[:27]}…"
    return (
        f"<g><title>{escape(name)}{' (failed)' if failed else ' (down)' if down else ''}</title>"
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX_W}" height="{BOX_H}" rx="4" fill="{fill}" stroke="#5b6470"'
        f' stroke-width="{frame}"/><text x="{x + 8:.0f}" y="{y + 16:.0f}" fill="{ink}">{escape(shown)}</text></g>'
    )
