"""CSV: `from,to[,strength][,phase][,group,at_least]`, in any order, with a heading."""

from __future__ import annotations

import csv
import io

from holdfast.depmap.merging import Reading, StatedNeed, StatedService
from holdfast.depmap.sources.faults import Unreadable, Warned
from holdfast.depmap.values import Basis, Evidence, Phase

_FROM = ("from", "source", "caller", "parent", "client", "service", "dependent")
_TO = ("to", "target", "callee", "child", "server", "depends_on", "dependency")
FIELD_BYTES_MAX = 4096


def read_csv(text: str, path: str) -> Reading:
    """Each row is one dependency; rows of one `group` of a service are its members. Bad rows are counted."""
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:4096], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    rows = csv.reader(io.StringIO(text), dialect)
    try:
        heading = [cell.strip().lower() for cell in next(rows, [])]
    except csv.Error as error:
        raise Unreadable(f"{path}:1", str(error), "is this CSV?") from None
    of_at, on_at = _column(heading, _FROM), _column(heading, _TO)
    if of_at is None or on_at is None:
        raise Unreadable(
            f"{path}:1", f"the heading {heading[:8]} names no two services", "begin with a line `from,to`"
        )
    reading, warned = Reading(source=path, kind="csv"), Warned()
    groups: dict[tuple[str, str], list[tuple[str, StatedNeed]]] = {}
    try:
        for row in rows:
            where = f"{path}:{rows.line_num}"
            if not any(row):
                continue
            if len(row) <= max(of_at, on_at) or not row[of_at].strip():
                warned.note("a row without two names", where)
                continue
            _row(
                dict(zip(heading, row, strict=False)),
                row[of_at].strip(),
                row[on_at].strip(),
                where,
                reading,
                groups,
                warned,
            )
    except csv.Error as error:
        raise Unreadable(f"{path}:{rows.line_num}", str(error), "is this CSV?") from None
    for (of, title), members in groups.items():
        first = members[0][1]
        on = tuple(dict.fromkeys(name for name, _ in members))
        reading.needs.append(
            StatedNeed(of, on, first.evidence, first.basis, first.hard, first.phase, first.at_least, title)
        )
    reading.warnings = warned.lines()
    return reading


def _column(heading: list[str], names: tuple[str, ...]) -> int | None:
    return next((heading.index(name) for name in names if name in heading), None)


def _row(
    cells: dict[str, str],
    of: str,
    on: str,
    where: str,
    reading: Reading,
    groups: dict[tuple[str, str], list[tuple[str, StatedNeed]]],
    warned: Warned,
) -> None:
    evidence = Evidence(reading.source, where, f"{of} -> {on}")
    reading.services.append(StatedService(of, evidence))
    if not on:
        return
    reading.services.append(StatedService(on, evidence))
    strength, phase = cells.get("strength", "").strip().lower(), cells.get("phase", "").strip().lower()
    if strength not in ("", "hard", "soft"):
        warned.note(f"strength {strength[:40]!r} is neither hard nor soft, and is left open", where)
    if phase and phase not in (p.value for p in Phase):
        warned.note(f"phase {phase[:40]!r} is none of run, boot, both, and is left open", where)
    need = StatedNeed(
        of=of,
        on=(on,),
        evidence=evidence,
        basis=Basis.DECLARED,
        hard={"hard": True, "soft": False}.get(strength),
        phase=next((p for p in Phase if p.value == phase), None),
        at_least=_whole(cells.get("at_least", "").strip(), where, warned),
    )
    group = cells.get("group", "").strip()
    if group:
        groups.setdefault((of, group), []).append((on, need))
    else:
        reading.needs.append(need)


def _whole(text: str, where: str, warned: Warned) -> int:
    if text.isdecimal() and int(text[:9]) >= 1 and len(text) < 9:
        return int(text)
    if text:
        warned.note(f"at_least {text[:40]!r} is no number from 1 on; 1 is taken", where)
    return 1
