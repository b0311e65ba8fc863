"""The page of the ablations: a bar for each design in each cell, what a stall leaves, and the table."""

from __future__ import annotations

import html
from collections.abc import Sequence

from holdfast.fleet.ablation import Result
from holdfast.fleet.ablation_table import Row, rows, said
from holdfast.webpage.filling import Facts, facts_list, filled, paragraph
from holdfast.webpage.plots import Axis, Span, spans

MOST = 3.0
LEAD = (
    "Each protection of a lease service off alone, and on alone: after the loss of all leases; with eager clients,"
    " that ask again within seconds; and in a stall, in which the service works on nothing while leases run out."
)
WORST = 0.25
"""Fewer held at worst are drawn as bad."""
AXIS = Axis("", MOST, tuple((n / 2, f"{n / 2:g} x") for n in range(7)))
SHARES = Axis("", 1.0, tuple((n / 4, f"{n * 25} %") for n in range(5)))


def ablation_page(results: Sequence[Result], facts: Facts) -> str:
    """All rows in all cells."""
    found = rows(results)
    cells = range(len(found[0][2]))
    charts = "".join(_framed(_chart(found, at)) for at in cells)
    return filled(
        __package__,
        "fleet",
        {
            "TITLE": "Which protection carries the weight",
            "EYEBROW": "Ablations of the holdfast fleet",
            "HEADING": "Which protection carries the weight",
            "LEAD": LEAD,
            "FACTS": facts_list(facts),
            "VERDICTS": "",
            "BODY": f"<section><h2>Time to recover</h2>{charts}</section>{_stall(found)}{_table(found)}",
        },
        styles=("fleet",),
    )


def _framed(svg: str) -> str:
    return f'<div class="sheet chart scroll">{svg}</div>'


def _chart(found: Sequence[Row], at: int) -> str:
    cell = found[0][2][at]
    drawn = [_bar(group, name, cells[at]) for group, name, cells in found]
    title = f"Time to 99 % held / closed form; load {cell.load:g}, k {cell.cost:g}"
    return spans(title, drawn, x=AXIS)


def _bar(group: str, name: str, result: Result) -> Span:
    if result.recovered_s is None:
        return Span(f"{group}: {name}, never ({result.held_share:.0%} held)", 0.0, MOST)
    share = result.recovered_s / result.ideal_s
    return Span(f"{group}: {name}, {share:.2f} x", 0.0, min(share, MOST), bad=share > MOST)


def _stall(found: Sequence[Row]) -> str:
    """How many leases are held at worst, in the rows that are about that."""
    drawn = [
        Span(f"{group}: {name}, load {r.load:g}, k {r.cost:g}: {r.held_least_share:.0%}", 0.0, r.held_least_share)
        for group, name, cells in found
        for r in cells
        if r.held_least_share is not None
    ]
    if not drawn:
        return ""
    drawn = [Span(s.label, s.begin, s.end, bad=s.end < WORST) for s in drawn]
    said = paragraph("Leases last 180 s and are renewed each 60 s; the service works on nothing for 150 s.")
    chart = _framed(spans("Leases held at worst", drawn, x=SHARES))
    return f"<section><h2>A stall</h2>{said}{chart}</section>"


def _table(found: Sequence[Row]) -> str:
    heads = "".join(f"<th class='figure'>load {c.load:g}, k {c.cost:g}</th>" for c in found[0][2])
    body = "".join(
        f"<tr><td>{html.escape(group)}</td><td>{html.escape(name)}</td>{''.join(map(_cell, cells))}</tr>"
        for group, name, cells in found
    )
    return (
        "<section><h2>Table</h2><p>Time to 99 % held / closed form, attempts per success in brackets; the worst"
        " run. After a stall first how many are held at worst.</p>"
        f'<div class="sheet scroll"><table><tr><th></th><th>protection</th>{heads}</tr>{body}</table></div>'
        "</section>"
    )


def _cell(result: Result) -> str:
    kind = "figure never" if result.recovered_s is None else "figure"
    return f'<td class="{kind}">{html.escape(said(result))}</td>'
