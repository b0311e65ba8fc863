"""The page of a whole day: the historical timeline, each design under it on the same axis, what is assumed."""

from __future__ import annotations

import html
from collections.abc import Sequence

from holdfast.fleet.day.assumed import PARAMETERS, Assumed
from holdfast.fleet.day.play import Day
from holdfast.fleet.day.scripts import SCRIPTS, Script
from holdfast.fleet.day.shape import kept_by, shape_of
from holdfast.fleet.day.telling import end_of, lead_of
from holdfast.webpage.filling import Facts, facts_list, filled, paragraph
from holdfast.webpage.plots import Axis, Line, Span, lines, spans

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
    charts = [_chart(_shares(script, day))]
    if day.network is not None:
        charts.append(_chart(_waits(script, day)))
    return f"<section><h2>{html.escape(_named(day).capitalize())}</h2>{''.join(charts)}</section>"


def _shares(script: Script, day: Day) -> str:
    drawn = [Line("leases held", _per_minute(day.leases.held))]
    if day.network is not None:
        made = [m / a if a else 1.0 for m, a in zip(day.network.launched, day.network.asked, strict=True)]
        drawn.append(Line("launches made, of those asked for", _per_minute(made)))
        drawn.append(Line("resolvers that find an address", _resolves(script, day)))
    if day.health is not None:
        drawn.append(Line("capacity in DNS, of what should serve", _capacity(script, day)))
    return lines("Shares", drawn, x=_hours(script), y=SHARES)


def _resolves(script: Script, day: Day) -> list[tuple[float, float]]:
    end_s = script.cause_s
    return [(0.0, 1.0), (0.0, 0.0), (end_s, 0.0), (max(end_s, day.leases.back_s), 1.0), (script.until_s, 1.0)]


def _capacity(script: Script, day: Day) -> list[tuple[float, float]]:
    """Whole before the first launches; then as played, thinned to a point in two minutes."""
    assert day.health is not None
    begin_s = day.health_from_s
    played = [(begin_s + at_s, share) for at_s, share in day.health.series[::12]]
    return [(0.0, 1.0), (begin_s, 1.0), *played, *([(script.until_s, 1.0)] if day.design == "holdfast" else [])]


def _waits(script: Script, day: Day) -> str:
    assert day.network is not None
    minutes = [wait_s / 60 for wait_s in day.network.latency_s]
    most = max(10.0, *minutes)
    axis = Axis("", most, tuple((most * n / 4, f"{most * n / 4:.3g} min") for n in range(5)))
    drawn = [Line("how long a new instance waits for its network", _per_minute(minutes))]
    return lines("Configuration backlog", drawn, x=_hours(script), y=axis, height=180)


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
