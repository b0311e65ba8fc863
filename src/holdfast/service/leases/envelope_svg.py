"""The envelope as one self-contained SVG: no scripts, no fonts of its own, readable on light and dark pages."""

from __future__ import annotations

from html import escape
from typing import Final

from holdfast.service.leases.envelope_report import Curve, Report

WIDTH: Final = 720
HEIGHT: Final = 460
LEFT, TOP, PLOT_W, PLOT_H = 60, 70, 620, 290
COLOURS: Final = {"up": "#1a7f4b", "down": "#c0392b", "trigger": "#2c6fbb"}
DASHES: Final = {"up": "", "down": ' stroke-dasharray="7 4"', "trigger": ' stroke-dasharray="2 3"'}


def svg(report: Report) -> str:
    """The picture. Lines differ in dash as well as in colour."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' font-family="sans-serif" font-size="13">',
        "<title>Envelope of a lease service</title>",
        f"<desc>{escape(report.text)}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_heading(report),
        *_frame(),
        *(_line(curve) for curve in report.curves),
        *_here(report),
        *(_legend(place, curve) for place, curve in enumerate(report.curves)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(load: float) -> float:
    return LEFT + PLOT_W * min(load, 1.0)


def _y(value: float) -> float:
    return TOP + PLOT_H * (1 - value)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 13) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'


def _heading(report: Report) -> list[str]:
    fleet, found = report.fleet, report.envelope
    figures = (
        f"{fleet.size:,} leases, TTL {fleet.ttl_s:g} s, renewed every {fleet.renew_every_s:g} s,"
        f" k = {fleet.cost:g}, W = {fleet.timeout_s:g} s, {fleet.renewals_per_s:g} renewals/s"
    )
    return [_text(LEFT, 26, f"A naive design {found.naive.value}", size=17), _text(LEFT, 48, figures)]


def _frame() -> list[str]:
    parts = [f'<rect x="{LEFT}" y="{TOP}" width="{PLOT_W}" height="{PLOT_H}" fill="none" stroke="#888"/>']
    for step in range(6):
        share = step / 5
        parts.append(_text(_x(share), TOP + PLOT_H + 18, f"{share:.0%}", anchor="middle"))
        parts.append(_text(LEFT - 8, _y(share) + 4, f"{share:.0%}", anchor="end"))
    parts.append(_text(LEFT + PLOT_W / 2, TOP + PLOT_H + 36, "steady load", anchor="middle"))
    return parts


def _line(curve: Curve) -> str:
    points = " ".join(f"{_x(load):.1f},{_y(value):.1f}" for load, value in curve.points)
    style = f'stroke="{COLOURS[curve.name]}" stroke-width="2.5"{DASHES[curve.name]}'
    return f'<polyline points="{points}" fill="none" {style}/>'


def _here(report: Report) -> list[str]:
    x = _x(report.envelope.load)
    return [
        f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + PLOT_H}" stroke="#555" stroke-dasharray="1 3"/>',
        _text(min(x + 5, LEFT + PLOT_W - 70), TOP + 14, "this fleet"),
    ]


def _legend(place: int, curve: Curve) -> str:
    y = TOP + PLOT_H + 52 + 16 * place
    style = f'stroke="{COLOURS[curve.name]}" stroke-width="2.5"{DASHES[curve.name]}'
    line = f'<line x1="{LEFT}" y1="{y - 4}" x2="{LEFT + 34}" y2="{y - 4}" {style}/>'
    return line + _text(LEFT + 42, y, curve.label)
