"""Reports in words, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.depmap.difference import Difference
from holdfast.depmap.report import Answers, Report
from holdfast.depmap.values import Coverage, Need

WARNINGS_SHOWN = 5
NAMES_SHOWN = 12


def words(of: Report, top: int) -> str:
    """The whole report; `top` rows of the ranking."""
    parts = [
        f"{of.services:,} services, {of.dependencies:,} dependencies, {of.hard:,} of them hard"
        + (f" ({of.assumed:,} only because nothing says otherwise)" if of.assumed else ""),
        sources(of.coverage),
        ranking(of, top),
        common(of, top),
        _found(of),
        _start(of),
    ]
    return "\n\n".join(part for part in parts if part)


def sources(of: Sequence[Coverage]) -> str:
    """What each source covers."""
    rows = [("source", "kind", "services", "dependencies", "without any")]
    rows += [(c.source, c.kind, f"{c.services:,}", f"{c.dependencies:,}", f"{c.lonely:,}") for c in of]
    notes = []
    for c in of:
        notes += [f"  warning: {w}" for w in c.warnings[:WARNINGS_SHOWN]]
        if len(c.warnings) > WARNINGS_SHOWN:
            notes.append(
                f"  and {len(c.warnings) - WARNINGS_SHOWN:,} more kinds of warnings; --format json has all"
            )
    return "\n".join([table(rows), *notes])


def ranking(of: Report, top: int) -> str:
    """Services by what falls with them."""
    rows = [("blast radius", "weight", "its single points", "service")]
    rows += [
        (f"{r.blast:,}", f"{r.blast_weight:,.10g}", f"{r.points:,}", r.name) for r in of.rows[:top] if r.blast
    ]
    return table(rows) if len(rows) > 1 else "Nothing falls with anything else."


def common(of: Report, top: int) -> str:
    """Common causes."""
    rows = [("falls", "have it", "common cause")]
    rows += [
        (f"{c.falls:,}", f"{len(c.members):,}", f"{c.attribute.replace('_', ' ')} {c.value}")
        for c in of.causes[:top]
    ]
    return table(rows) if len(rows) > 1 else ""


def _found(of: Report) -> str:
    return "\n".join(f"{f.kind.value}: {f.says}" for f in of.findings)


def _start(of: Report) -> str:
    path = " -> ".join(f"{rise.name} ({duration(rise.serves_s)})" for rise in of.critical_path)
    lines = [f"Up from nothing in {duration(of.recovery_s)}; the chain that takes it: {path}"] if path else []
    if of.stuck:
        lines.append(f"Never up from nothing: {few(of.stuck)}")
    return "\n".join(lines)


def order(of: Answers) -> str:
    """The order of recovery."""
    rows = [("serves after", "service", "waits last for")]
    rows += [(duration(r.serves_s), r.name, r.after) for r in of.started.order]
    parts = [table(rows)]
    parts += [f"deadlock: {' -> '.join((*d.circle, d.circle[0]))}" for d in of.started.deadlocks]
    if of.started.stuck:
        parts.append(f"Never up from nothing: {few(of.started.stuck)}")
    return "\n\n".join(parts)


def one(of: Answers, name: str, cuts: Sequence[frozenset[int]] | None, cuts_note: str) -> str:
    """Everything about one service."""
    points, blast = of.points(name), of.blast(name)
    parts = [
        f"{name} falls with any of {len(points):,} single failures: {few(points)}"
        if points
        else f"{name} falls with no other single failure",
        f"With {name} fall {len(blast):,}: {few(blast)}" if blast else f"Nothing falls with {name}",
        "\n".join(need(n) for n in of.map.needs if n.of == name) or f"{name} has no dependencies",
    ]
    if cuts is not None:
        names = of.running.on.names
        larger = [sorted(names[m] for m in cut) for cut in cuts if len(cut) > 1]
        those = "; those of more than one:" if larger else ", all of them single failures"
        parts.append(
            f"{len(cuts):,} minimal cut sets{cuts_note}{those}"
            + "".join(f"\n  {' + '.join(cut)}" for cut in larger[:NAMES_SHOWN])
            + (f"\n  and {len(larger) - NAMES_SHOWN:,} more" if len(larger) > NAMES_SHOWN else "")
        )
    elif cuts_note:
        parts.append(cuts_note)
    return "\n\n".join(parts)


def need(of: Need) -> str:
    """One need with where it comes from."""
    strength = "hard" if of.hard else "soft"
    what = of.on[0] if len(of.on) == 1 else f"{of.at_least} of {', '.join(of.on)}"
    why = "; ".join(dict.fromkeys(f"{e.where}: {e.says}" for e in of.evidence[:2]))
    return f"  needs {what} ({strength}, {of.phase.value}, {of.basis.value}) [{why}]"


def changed(of: Difference) -> str:
    """A comparison, what got worse first."""
    lines = [f"new single point: {p.of} falls with {p.point} alone now" for p in of.new_points]
    lines += [f"new {f.kind.value}: {f.says}" for f in of.new_findings]
    lines += [f"gone: {p.of} no longer falls with {p.point} alone" for p in of.gone_points]
    lines += [f"gone {f.kind.value}: {f.says}" for f in of.gone_findings]
    if of.added or of.removed:
        lines.append(
            f"services: {len(of.added):,} new ({few(of.added)}), {len(of.removed):,} gone ({few(of.removed)})"
        )
    return "\n".join(lines) or "No difference in what falls with what."


def duration(seconds: float) -> str:
    """Such as `9 h 1 min`; below an hour with seconds."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def few(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    more = len(names) - NAMES_SHOWN
    return (", ".join(names[:NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")) or "none"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows under headings; figures to the right, the last column as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if rows[-1][at][:1].isdigit() else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
