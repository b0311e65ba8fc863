"""Up from nothing: what can start, in which order, how long it takes, and what waits for itself for ever.

A service starts when what it needs to boot serves already. It serves when it has started and what it needs to run
serves too; run-time needs may go in a circle (two services that call each other come up together), boot needs may
not. So, component by component with dependencies first:

    the next wave = the largest set of services whose boot needs are met by what serves already,
                    and whose run needs are met by that and by the set itself

until no wave is found. What is left is a deadlock, or waits behind one.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import msgspec

from holdfast.depmap.components import components
from holdfast.depmap.values import Map, Need, Phase


class Rise(msgspec.Struct, frozen=True):
    """When a service serves, counted from nothing, in seconds, and which service it waited for last."""

    name: str
    serves_s: float
    after: str = ""


class Deadlock(msgspec.Struct, frozen=True):
    """A circle of services, each of which can't start or serve without the next."""

    circle: tuple[str, ...]


class BlackStart(msgspec.Struct, frozen=True):
    """`order` by time; `stuck` are the services that never come up, deadlocked or behind a deadlock."""

    order: tuple[Rise, ...]
    stuck: tuple[str, ...]
    deadlocks: tuple[Deadlock, ...]

    def critical_path(self) -> tuple[Rise, ...]:
        """The chain that makes the whole recovery as long as it is, first to start first."""
        if not self.order:
            return ()
        by_name = {rise.name: rise for rise in self.order}
        path = [self.order[-1]]
        while path[-1].after:
            path.append(by_name[path[-1].after])
        return tuple(reversed(path))


class _Rule(msgspec.Struct, frozen=True):
    of: int
    members: tuple[int, ...]
    at_least: int
    phase: Phase


_BOOT = (Phase.BOOT, Phase.BOTH)
_RUN = (Phase.RUN, Phase.BOTH)


def black_start(of: Map) -> BlackStart:
    """What comes up when everything is down and everything is startable again."""
    return _Start(of).result()


class _Start:
    def __init__(self, of: Map) -> None:
        self.names = [service.name for service in of.services]
        self.takes_s = [service.start_s for service in of.services]
        index = {name: at for at, name in enumerate(self.names)}
        self.rules: list[list[_Rule]] = [[] for _ in self.names]
        for need in of.needs:
            if need.hard:
                self.rules[index[need.of]].append(_rule(need, index))
        self.serves_s: dict[int, float] = {}
        self.after: dict[int, int] = {}
        edges = [[m for rule in rules for m in rule.members] for rules in self.rules]
        for component in components(edges):
            self._rise(set(component))

    def _rise(self, left: set[int]) -> None:
        """Bring up what can come up of one component."""
        while left:
            wave = self._wave(left)
            if not wave:
                return
            self._time(wave)
            left -= wave

    def _wave(self, left: set[int]) -> set[int]:
        wave = {one for one in left if self._met(one, _BOOT, self.serves_s)}
        while True:
            able = wave | self.serves_s.keys() if len(left) > 1 else self.serves_s
            unmet = {one for one in wave if not self._met(one, _RUN, able)}
            if not unmet:
                return wave
            wave -= unmet

    def _met(self, one: int, phases: tuple[Phase, ...], up: Container[int]) -> bool:
        return all(
            sum(m in up for m in rule.members) >= rule.at_least for rule in self.rules[one] if rule.phase in phases
        )

    def _time(self, wave: set[int]) -> None:
        """When each of the wave serves: its start, and the run needs it waits for. Rises until nothing changes."""
        starts = {one: self._reached(one, _BOOT) for one in sorted(wave)}  # before any of the wave serves
        for one, (ready, after) in starts.items():
            self.serves_s[one] = ready + self.takes_s[one]
            if after is not None:
                self.after[one] = after
        changed = True
        while changed:
            changed = False
            for one in sorted(wave):
                ready, after = self._reached(one, _RUN)
                if after is not None and ready > self.serves_s[one]:
                    self.serves_s[one] = ready
                    self.after[one] = after
                    changed = True

    def _reached(self, one: int, phases: tuple[Phase, ...]) -> tuple[float, int | None]:
        """When the needs of these phases are met, and by which service last."""
        latest, by = 0.0, None
        for rule in self.rules[one]:
            if rule.phase in phases:
                served = sorted((self.serves_s[m], m) for m in rule.members if m in self.serves_s)
                at, member = served[rule.at_least - 1]
                if by is None or at > latest:
                    latest, by = at, member
        return latest, by

    def result(self) -> BlackStart:
        order = sorted(self.serves_s, key=lambda one: (self.serves_s[one], self.names[one]))
        stuck = [one for one in range(len(self.names)) if one not in self.serves_s]
        return BlackStart(
            order=tuple(
                Rise(self.names[one], self.serves_s[one], self.names[self.after[one]] if one in self.after else "")
                for one in order
            ),
            stuck=tuple(sorted(self.names[one] for one in stuck)),
            deadlocks=tuple(Deadlock(tuple(self.names[one] for one in circle)) for circle in self._circles(stuck)),
        )

    def _circles(self, stuck: Sequence[int]) -> list[list[int]]:
        """A shortest circle in each knot that waits for nothing outside of itself."""
        place = {one: at for at, one in enumerate(stuck)}
        waits = [[place[m] for m in self._missing(one) if m in place] for one in stuck]
        found = []
        for component in components(waits):
            inside = set(component)
            if all(other in inside for one in component for other in waits[one]):
                found.append([stuck[at] for at in shortest_circle(waits, component)])
        return found

    def _missing(self, one: int) -> list[int]:
        return [
            m
            for rule in self.rules[one]
            if sum(m in self.serves_s for m in rule.members) < rule.at_least
            for m in rule.members
            if m not in self.serves_s
        ]


def _rule(need: Need, index: dict[str, int]) -> _Rule:
    return _Rule(index[need.of], tuple(dict.fromkeys(index[n] for n in need.on)), need.at_least, need.phase)


def shortest_circle(edges: Sequence[Sequence[int]], component: Sequence[int]) -> list[int]:
    """A shortest circle within a strongly connected component, from its smallest member on."""
    best: list[int] = []
    inside = set(component)
    for root in sorted(component)[:200]:  # in a knot of thousands any short circle will do
        before: dict[int, int] = {}
        queue = [root]
        for one in queue:
            for other in edges[one]:
                if other == root:
                    circle = [one]
                    while circle[-1] != root:
                        circle.append(before[circle[-1]])
                    if not best or len(circle) < len(best):
                        best = circle[::-1]
                elif other in inside and other not in before:
                    before[other] = one
                    queue.append(other)
        if len(best) == 1:
            break
    return best
