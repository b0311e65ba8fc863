"""The page of a whole day: the historical timeline, each design under it on the same axis, what is assumed."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

from holdfast.fleet.day.asked import LISTED
from holdfast.fleet.day.assumed import PARAMETERS, Assumed
from holdfast.fleet.day.network import Network
from holdfast.fleet.day.play import Day
from holdfast.fleet.day.scripts import SCRIPTS, Script
from holdfast.fleet.day.shape import kept_by, shape_of
from holdfast.fleet.day.telling import end_of, lead_of, spans_of
from holdfast.fleet.watch import Flapping
from holdfast.webpage.filling import Facts, facts_list, filled, paragraph
from holdfast.webpage.plots import Axis, Line, Span, lines, spans

ROUNDS: Final = 12
SHARES = Axis("", 1.0, tuple((n / 4, f"{n * 25} %") for n in range(5)))


def day_page(days: Sequence[Day], facts: Facts, *, survey: str = "") -> str:
    """One draw on one or two designs; `survey` is what many draws came to."""
    script = SCRIPTS[days[0].script]
    found = [_history(script), *(_design(script, day) for day in days), _assumed(days[0].assumed)]
    if survey:
        found.insert(0, f"<section><h2>Many draws</h2><pre>{html.escape(survey)}</pre></section>")
    return filled(
        __package__,
        "fleet",
        {
            "TITLE": html.escape(f"{script.title}: the whole day"),
            "EYEBROW": "A drill of the holdfast fleet",
            "HEADING": html.escape(f"{script.title}: the whole day"),
            "LEAD": html.escape(lead_of(script)),
            "FACTS": facts_list(facts),
            "VERDICTS": f'<div class="verdicts">{"".join(_verdict(day) for day in days)}</div>',
            "BODY": "\n".join(found),
        },
        styles=("fleet",),
    )


def _verdict(day: Day) -> str:
    good = kept_by(day).good if day.design == "holdfast" else not shape_of(day).collapse
    said = "".join(f"<li>{html.escape(line)}</li>" for line in end_of(day))
    kind = "good" if good else "bad"
    return f'<article class="sheet verdict {kind}"><h2>{_named(day)}</h2><ul>{said}</ul></article>'


def _named(day: Day) -> str:
    return "holdfast" if day.design == "holdfast" else "the design of then"


def _hours(script: Script) -> Axis:
    hours = int(script.until_s // 3600) + 1
    return Axis("", script.until_s, tuple((h * 3600.0, f"+{h} h") for h in range(0, hours, 1 + hours // 9)))


def _history(script: Script) -> str:
    drawn = [Span(f"{p.label} [{p.source}]", p.from_s, p.to_s) for p in script.history]
    chart = spans(f"What was reported; hours since {script.clock}", drawn, x=_hours(script))
    return f"<section><h2>The historical day</h2>{_chart(chart)}</section>"


def _chart(svg: str) -> str:
    return f'<div class="sheet chart scroll">{svg}</div>'


def _design(script: Script, day: Day) -> str:
    charts = [_chart(_played(script, day)), _chart(_shares(script, day))]
    if day.network is not None:
        charts += [_chart(_waits(script, day.network)), _chart(_launches(script, day.network))]
    return f"<section><h2>{html.escape(_named(day).capitalize())}</h2>{''.join(charts)}</section>"


def _played(script: Script, day: Day) -> str:
    """The day in spans, as the historical one."""
    drawn = [Span(label, from_s, to_s) for label, from_s, to_s in spans_of(day)]
    return spans("The same, as played", drawn, x=_hours(script))


def _shares(script: Script, day: Day) -> str:
    drawn = [Line("leases held", _per_minute(day.leases.held))]
    if day.network is not None:
        drawn.append(Line("launches made, of those attempted", _made(day.network)))
        drawn.append(Line("resolvers that find an address", _resolves(script, day)))
    if day.health is not None:
        drawn.append(Line("capacity in DNS, of what should serve", _capacity(day.health)))
    return lines("Shares", drawn, x=_hours(script), y=SHARES)


def _resolves(script: Script, day: Day) -> list[tuple[float, float]]:
    end_s = script.cause_s
    return [(0.0, 1.0), (0.0, 0.0), (end_s, 0.0), (max(end_s, day.leases.back_s), 1.0), (script.until_s, 1.0)]


def _made(network: Network) -> list[tuple[float, float]]:
    """In each ten minutes; where nobody tried, as before."""
    found: list[tuple[float, float]] = []
    for at_s, made, tried in zip(_TEN, _tens(network.made), _tens(network.attempts), strict=False):
        found.append((at_s, made / tried if tried else (found[-1][1] if found else 1.0)))
    return found


_TEN: Final = range(0, 86_400, 600)


def _tens(minutes: Sequence[int]) -> list[int]:
    return [sum(minutes[at : at + 10]) for at in range(0, len(minutes), 10)]


def _capacity(health: Flapping) -> list[tuple[float, float]]:
    """The least of each two minutes: a dip is not lost."""
    series = health.series
    return [
        (series[at][0], min(share for _, share in series[at : at + ROUNDS]))
        for at in range(0, len(series), ROUNDS)
    ]


def _waits(script: Script, network: Network) -> str:
    new = [wait_s / 60 for wait_s in network.create_wait_s]
    serving = [wait_s / 60 for wait_s in network.lag_s]
    axis = _amounts(max(10.0, *new, *serving), " min")
    drawn = [
        Line("how long a new instance waits for its network", _per_minute(new)),
        Line("how long a host that serves waits for what is new", _per_minute(serving)),
    ]
    return lines("Configuration backlog", drawn, x=_hours(script), y=axis, height=180)


def _launches(script: Script, network: Network) -> str:
    tried, made = _tens(network.attempts), _tens(network.made)
    failed = [t - m for t, m in zip(tried, made, strict=True)]
    axis = _amounts(float(max(10, *tried, *network.without_network)), "")
    drawn = [
        Line("attempts that failed, in ten minutes", list(zip(_TEN, failed, strict=False))),
        Line("launches made, in ten minutes", list(zip(_TEN, made, strict=False))),
        Line("launched and without their network", _per_minute(network.without_network)),
    ]
    return lines(f"Launches, of {LISTED} hosts", drawn, x=_hours(script), y=axis, height=180)


def _amounts(most: float, unit: str) -> Axis:
    return Axis("", most, tuple((most * n / 4, f"{most * n / 4:.3g}{unit}") for n in range(5)))


def _per_minute(values: Sequence[float]) -> list[tuple[float, float]]:
    """Every second minute is enough for the eye."""
    return [(at * 60.0, value) for at, value in enumerate(values)][::2]


def _assumed(assumed: Assumed) -> str:
    rows = "".join(
        f'<tr><td class="mono">{p.name}</td><td class="figure">{p.low:g}</td><td class="figure">{p.high:g}</td>'
        f'<td class="figure">{getattr(assumed, p.name):.4g}</td><td>{html.escape(p.about)}</td></tr>'
        for p in PARAMETERS
    )
    head = "".join(f'<th class="figure">{word}</th>' for word in ("from", "to", "in this draw"))
    said = paragraph("The operator published none of these. Each is an assumption, with its range.")
    return (
        f'<section><h2>What is assumed</h2>{said}<div class="sheet scroll"><table><tr><th>parameter</th>{head}'
        f"<th>what it is</th></tr>{rows}</table></div></section>"
    )
