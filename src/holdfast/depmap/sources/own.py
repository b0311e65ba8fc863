"""The map's own TOML: what no other source knows, and the user's word over all of them."""

from __future__ import annotations

from holdfast.config.problems import Position, render
from holdfast.config.source import Source, read_source
from holdfast.config.tables import Notes, Table
from holdfast.depmap.merging import Reading, StatedNeed, StatedService
from holdfast.depmap.sources.faults import Unreadable
from holdfast.depmap.values import Basis, Evidence, Phase, Plane

FORMAT = 1
_LISTS = (
    ("needs", True, Phase.RUN),
    ("boots_with", True, Phase.BOOT),
    ("needs_always", True, Phase.BOTH),
    ("uses", False, Phase.RUN),
)


def read_own(text: str, path: str) -> Reading:
    """Read it whole. Raises `Unreadable` with every error, each with line and caret."""
    source = read_source(text, path)
    if not isinstance(source, Source):
        raise Unreadable(path, "is refused", render(source, text))
    notes = Notes(source)
    root = Table(notes, (), source.document)
    root.integer("format", FORMAT, least=FORMAT, most=FORMAT)
    reading = Reading(source=path, kind="map")
    for table in root.tables("service"):
        _service(table, reading)
    for table in root.tables("dependency"):
        _dependency(table, reading)
    root.close()
    if notes.problems:
        raise Unreadable(path, f"{len(notes.problems)} errors", render(notes.problems, text))
    return reading


def _evidence(table: Table, at: Position, says: str) -> Evidence:
    return Evidence(table.notes.source.path, f"{table.notes.source.path}:{at.line}", says)


def _service(table: Table, reading: Reading) -> None:
    name = table.text("name", None)
    at = table.notes.source.places.key(table.path)
    reading.services.append(
        StatedService(
            name=name,
            evidence=_evidence(table, at, f"service {name}"),
            basis=Basis.SAID,
            kind=_given(table, "kind"),
            weight=_weight(table),
            plane=table.choice("plane", Plane, Plane.DATA) if table.has("plane") else None,
            owner=_given(table, "owner"),
            region=_given(table, "region"),
            code=_given(table, "code"),
            config=_given(table, "config"),
            kept_by=_given(table, "kept_by"),
            start_s=table.duration_s("start", 1.0) if table.has("start") else None,
            fails=table.boolean("fails", True) if table.has("fails") else None,
        )
    )
    for alias in table.texts("aliases"):
        reading.aliases[alias] = name
    for key, hard, phase in _LISTS:
        for number, on in enumerate(table.texts(key)):
            place = table.notes.source.places.value((*table.at(key), number))
            says = _evidence(table, place, f"{name} {key.replace('_', ' ')} {on}")
            reading.needs.append(StatedNeed(name, (on,), says, Basis.SAID, hard, phase))
    for group in table.tables("group"):
        _group(group, name, reading)
    table.close()


def _group(table: Table, of: str, reading: Reading) -> None:
    members = table.texts("of")
    title = table.text("name", "")
    at = table.notes.source.places.key(table.path)
    if len(set(members)) < 2:
        table.notes.key(table.path, "a group has at least two different members", 'such as of = ["a", "b"]')
    least = table.integer("at_least", 1, least=1, most=max(1, len(set(members))))
    phase = table.choice("phase", Phase, Phase.RUN)
    hard = table.boolean("hard", True)
    table.close()
    says = _evidence(table, at, f"{of} needs {least} of {len(members)}")
    reading.needs.append(
        StatedNeed(of, members, says, Basis.SAID, hard, phase, least, title or f"{least} of {', '.join(members)}")
    )


def _dependency(table: Table, reading: Reading) -> None:
    of, on = table.text("from", None), table.text("to", None)
    strength = table.text("strength", "hard")
    at = table.notes.source.places.key(table.path)
    if strength not in ("hard", "soft"):
        table.notes.value(table.at("strength"), f"`{strength}` is no strength", "hard or soft")
    phase = table.choice("phase", Phase, Phase.RUN) if table.has("phase") else None
    reason = table.text("reason", "")
    table.close()
    if of and of == on:
        table.notes.key(table.path, f"{of} can't depend on itself", "name another service")
    says = _evidence(table, at, f"{strength}{f', because {reason}' if reason else ''}")
    reading.needs.append(StatedNeed(of, (on,), says, Basis.SAID, strength == "hard", phase))


def _given(table: Table, key: str) -> str | None:
    return table.text(key, "") if table.has(key) else None


def _weight(table: Table) -> float | None:
    if not table.has("weight"):
        return None
    return table.number("weight", 1.0, least=0, most=1e12, wanted="a number from 0 on, such as 10")
