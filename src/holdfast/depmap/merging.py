"""Statements of many sources made one map: the better founded wins, all of them stay as evidence.

A source yields `Stated` services and dependencies in any order and as often as it likes. For what is said of one
dependency twice, the order is: said by the user > declared > inferred from calls > assumed; between equals the
more cautious one wins (hard over soft, the longer phase), and the difference is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from holdfast.depmap.values import RANK, Basis, Coverage, Evidence, Map, Need, Phase, Plane, Service

EVIDENCE_MAX = 8
"""Pieces of evidence kept for one service or need; a trace repeats itself."""


class StatedService(msgspec.Struct, frozen=True):
    """What a source says of a service. Only what is given replaces what others said."""

    name: str
    evidence: Evidence
    basis: Basis = Basis.DECLARED
    kind: str | None = None
    weight: float | None = None
    plane: Plane | None = None
    owner: str | None = None
    region: str | None = None
    code: str | None = None
    config: str | None = None
    kept_by: str | None = None
    start_s: float | None = None
    fails: bool | None = None


class StatedNeed(msgspec.Struct, frozen=True):
    """What a source says of a dependency. `hard` None: it does not say."""

    of: str
    on: tuple[str, ...]
    evidence: Evidence
    basis: Basis = Basis.DECLARED
    hard: bool | None = None
    phase: Phase | None = None
    at_least: int = 1
    group: str = ""


class Reading(msgspec.Struct):
    """What one source stated, with what could not be used."""

    source: str
    kind: str
    services: list[StatedService] = []
    needs: list[StatedNeed] = []
    warnings: list[str] = []
    aliases: dict[str, str] = {}
    """Other names of services: the user's own map says which is which."""


_FIELDS = ("kind", "weight", "plane", "owner", "region", "code", "config", "kept_by", "start_s", "fails")

UNKNOWN = -1


class _Pot(msgspec.Struct):
    """What is known of one service or need so far."""

    rank: dict[str, int] = {}
    values: dict[str, object] = {}
    evidence: dict[Evidence, None] = {}

    def put(self, name: str, value: object, rank: int, cautious: Callable[[object, object], bool]) -> bool:
        """Take a value if it is better founded, or as well founded and more cautious. False: equals disagree."""
        known = self.rank.get(name, UNKNOWN)
        agrees = known != rank or self.values[name] == value
        if rank > known or (rank == known and cautious(value, self.values[name])):
            self.rank[name], self.values[name] = rank, value
        return agrees

    def seen(self, evidence: Evidence) -> None:
        if len(self.evidence) < EVIDENCE_MAX:
            self.evidence[evidence] = None


def merge(readings: Iterable[Reading]) -> Map:
    """One map of all readings, sorted by name."""
    readings = list(readings)
    aliases = {alias: name for reading in readings for alias, name in reading.aliases.items()}
    services: dict[str, _Pot] = {}
    needs: dict[tuple[str, tuple[str, ...], str], _Pot] = {}
    notes: dict[str, list[str]] = {}
    for reading in readings:
        notes.setdefault(reading.source, []).extend(reading.warnings)
        for stated in reading.services:
            _take_service(services, stated, aliases)
        for need in reading.needs:
            _take_need(services, needs, need, aliases, notes[reading.source])
    return Map(
        services=tuple(_service(name, services[name]) for name in sorted(services)),
        needs=tuple(_need(key, needs[key]) for key in sorted(needs)),
        coverage=tuple(_coverage(reading, aliases, notes[reading.source]) for reading in readings),
    )


def _take_service(services: dict[str, _Pot], stated: StatedService, aliases: dict[str, str]) -> None:
    pot = services.setdefault(aliases.get(stated.name, stated.name), _Pot())
    pot.seen(stated.evidence)
    for name in _FIELDS:
        value = getattr(stated, name)
        if value is not None:
            pot.put(name, value, RANK[stated.basis], lambda new, old: False)


def _take_need(
    services: dict[str, _Pot],
    needs: dict[tuple[str, tuple[str, ...], str], _Pot],
    need: StatedNeed,
    aliases: dict[str, str],
    notes: list[str],
) -> None:
    of = aliases.get(need.of, need.of)
    on = tuple(sorted({aliases.get(name, name) for name in need.on} - {of}))
    if not on:
        return
    for name in (of, *on):
        services.setdefault(name, _Pot()).seen(need.evidence)
    pot = needs.setdefault((of, on, need.group), _Pot())
    pot.seen(need.evidence)
    rank = RANK[need.basis]
    agrees = pot.put("at_least", min(need.at_least, len(on)), rank, lambda new, old: bool(new > old))  # type: ignore[operator]
    hard = need.hard if need.hard is not None else True
    agrees &= pot.put("hard", hard, _rank(need.basis, need.hard), lambda new, old: bool(new))
    phase = need.phase if need.phase is not None else Phase.RUN
    pot.put("phase", phase, _rank(need.basis, need.phase), lambda new, old: new is Phase.BOTH)
    basis = need.basis if need.hard is not None else Basis.ASSUMED
    pot.put("basis", basis, RANK[basis], lambda new, old: False)
    if not agrees:
        notes.append(
            f"{need.evidence.where}: equally founded statements on {of} -> {', '.join(on)} differ;"
            " the cautious one counts"
        )


def _rank(basis: Basis, given: object) -> int:
    return RANK[Basis.ASSUMED] if given is None else RANK[basis]


def _service(name: str, pot: _Pot) -> Service:
    return Service(name=name, evidence=tuple(pot.evidence), **pot.values)  # type: ignore[arg-type]


def _need(key: tuple[str, tuple[str, ...], str], pot: _Pot) -> Need:
    of, on, group = key
    return Need(of=of, on=on, group=group, evidence=tuple(pot.evidence), **pot.values)  # type: ignore[arg-type]


def _coverage(reading: Reading, aliases: dict[str, str], warnings: list[str]) -> Coverage:
    named = {aliases.get(s.name, s.name) for s in reading.services}
    linked: set[str] = set()
    for need in reading.needs:
        linked.update(aliases.get(n, n) for n in (need.of, *need.on))
    return Coverage(
        source=reading.source,
        kind=reading.kind,
        services=len(named | linked),
        dependencies=len({(n.of, n.on, n.group) for n in reading.needs}),
        lonely=len(named - linked),
        warnings=tuple(dict.fromkeys(warnings)),
    )
