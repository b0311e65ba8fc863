"""The page of the ablations: a bar for each design in each cell, and the table."""

from __future__ import annotations

import html
from collections.abc import Sequence

from holdfast.fleet.ablation import Result
from holdfast.fleet.ablation_table import Row, rows, said
from holdfast.webpage.filling import Facts, facts_list, filled
from holdfast.webpage.plots import Axis, Span, spans

MOST = 3.0
AXIS = Axis("", MOST, tuple((n / 2, f"{n / 2:g} x") for n in range(7)))


def ablation_page(results: Sequence[Result], facts: Facts) -> str:
    """All rows in all cells."""
    found = rows(results)
    cells = range(len(found[0][2]))
    charts = "".join(f'<div class="sheet chart scroll">{_chart(found, at)}</div>' for at in cells)
    return filled(
        __package__,
        "fleet",
        {
            "TITLE": "Which protection carries the weight",
            "EYEBROW": "Ablations of the holdfast fleet",
            "HEADING": "Which protection carries the weight",
            "LEAD": "Each protection of a lease service off alone, and on alone, after the loss of all leases.",
            "FACTS": facts_list(facts),
            "VERDICTS": "",
            "BODY": f"<section><h2>Time to recover</h2>{charts}</section>{_table(found)}",
        },
        styles=("fleet",),
    )


def _chart(found: Sequence[Row], at: int) -> str:
    cell = found[0][2][at]
    drawn = []
    for group, name, cells in found:
        result = cells[at]
        share = None if result.recovered_s is None else result.recovered_s / result.ideal_s
        words = f"{group}: {name}, " + (
            f"never ({result.held_share:.0%} held)" if share is None else f"{share:.2f} x"
        )
        drawn.append(Span(words, 0.0, MOST if share is None else share, bad=share is None))
    title = f"Time to 99 % held / closed form; load {cell.load:g}, k {cell.cost:g}"
    return spans(title, drawn, x=AXIS)


def _table(found: Sequence[Row]) -> str:
    heads = "".join(f"<th class='figure'>load {c.load:g}, k {c.cost:g}</th>" for c in found[0][2])
    body = "".join(
        f"<tr><td>{html.escape(group)}</td><td>{html.escape(name)}</td>{''.join(map(_cell, cells))}</tr>"
        for group, name, cells in found
    )
    return (
        "<section><h2>Table</h2><p>Time to 99 % held / closed form, attempts per success in brackets; the worst"
        f' run.</p><div class="sheet scroll"><table><tr><th></th><th>protection</th>{heads}</tr>{body}</table>'
        "</div></section>"
    )


def _cell(result: Result) -> str:
    kind = "figure never" if result.recovered_s is None else "figure"
    return f'<td class="{kind}">{html.escape(said(result))}</td>'
