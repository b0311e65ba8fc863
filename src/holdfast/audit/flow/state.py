"""What is known at one point of a function: whose values the locals hold, which checks the code depends on, and
over which of them others had a chance to run.

A *reading* is one read of something shared, at one place. A *gap* is the first point after it at which others may
run. A *check* is a reading that a branch was taken on. The state maps readings to gaps, so that everything that
was derived from a reading grows stale with it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from holdfast.audit.flow.paths import Path


@dataclass(eq=False, slots=True)
class Reading:
    """One read of `path`, by the expression `node`. `op` is the store operation, if a store was read."""

    path: Path
    node: ast.AST
    op: object | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression evaluates to: the readings it derives from, and the object it is, where known."""

    readings: frozenset[Reading] = frozenset()
    """What it is, a part of, or computed from."""
    through: frozenset[Reading] = frozenset()
    """What was given to a call that it came out of."""
    path: Path | None = None
    fresh: bool = False
    """Made here: nobody else has it yet."""
    kind: str = ""
    """Class name or kind of object, where known."""
    constant: object = None
    node: ast.AST | None = None

    @property
    def all(self) -> frozenset[Reading]:
        """Everything that it derives from."""
        return self.readings | self.through

    def with_node(self, node: ast.AST | None) -> Value:
        """The same, from another expression."""
        return replace(self, node=node)


NOTHING = Value()


@dataclass(frozen=True, slots=True)
class Check:
    """The code from here on runs only because of this test. `present`: it found something (None: not known)."""

    reading: Reading
    present: bool | None
    kind: str
    node: ast.AST
    loop: bool = False
    direct: bool = True
    """The test is of what was read itself, not of something that a call made of it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Where others run. `how` is await, async with, async for, yield, or io (a round trip to a store)."""

    node: ast.AST
    how: str


@dataclass(slots=True)
class State:
    """Everything at one point. Copied at branches, joined where they meet."""

    values: dict[str, Value] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    gaps: dict[Reading, Gap] = field(default_factory=dict)
    guards: dict[Reading, frozenset[object]] = field(default_factory=dict)
    """Locks held, and claims standing, when the reading was made. Whoever still holds one is protected."""
    held: frozenset[object] = frozenset()
    decisions: tuple[ast.AST, ...] = ()
    """All tests that the code from here on depends on, also those of nothing shared."""
    live: bool = True

    def copy(self) -> State:
        """For a branch."""
        return State(
            dict(self.values),
            self.checks,
            dict(self.gaps),
            dict(self.guards),
            self.held,
            self.decisions,
            self.live,
        )

    def read(self, reading: Reading) -> None:
        """The reading is made now: no gap yet."""
        self.gaps.pop(reading, None)
        self.guards[reading] = self.held

    def gap(self, gap: Gap) -> None:
        """Others run here: all readings without a gap have theirs now."""
        for reading in self.guards:
            self.gaps.setdefault(reading, gap)

    def stale(self, reading: Reading) -> Gap | None:
        """The gap since the reading, unless a lock held then is held still."""
        if self.guards.get(reading, frozenset()) & self.held:
            return None
        return self.gaps.get(reading)

    def drop(self, path: Path) -> None:
        """`path` is looked at or written anew: earlier checks of it and below count no more."""
        self.checks = tuple(c for c in self.checks if not c.reading.path.extends(path))

    def claim(self, claim: object) -> None:
        """From here on whoever looks finds it taken: what was read without a gap stays protected."""
        self.held |= {claim}
        for reading in self.guards:
            if reading not in self.gaps:
                self.guards[reading] |= {claim}

    def supersede(self, path: Path) -> None:
        """`path` was written here: what was read of it before is outdated by ourselves, not by others."""
        for reading in [r for r in self.guards if r.path.extends(path)]:
            del self.guards[reading]
            self.gaps.pop(reading, None)

    def bind(self, name: str, value: Value) -> None:
        """A local is bound: paths that mention it are other paths from now on."""
        self.checks = tuple(c for c in self.checks if not c.reading.path.mentions(name))
        for other, old in list(self.values.items()):
            if old.path is not None and old.path.mentions(name):
                self.values[other] = replace(old, path=None)
        self.values[name] = value


def join(states: list[State]) -> State:
    """Where branches meet: a check counts if all came by it, a gap if any did, a lock if all hold it."""
    live = [s for s in states if s.live]
    if not live:
        dead = states[0].copy() if states else State()
        dead.live = False
        return dead
    first, *others = live
    if not others:
        return first.copy()
    met = first.copy()
    for other in others:
        met.checks = tuple(c for c in met.checks if c in other.checks)
        met.held &= other.held
        met.decisions = tuple(d for d in met.decisions if d in other.decisions)
        for reading, gap in other.gaps.items():
            met.gaps.setdefault(reading, gap)
        for reading, held in other.guards.items():
            met.guards[reading] = met.guards[reading] & held if reading in met.guards else held
        for name in list(met.values):
            mine, theirs = met.values[name], other.values.get(name)
            if theirs is None or mine == theirs:
                continue
            met.values[name] = Value(
                mine.readings | theirs.readings,
                mine.through | theirs.through,
                mine.path if mine.path == theirs.path else None,
                mine.fresh and theirs.fresh,
                mine.kind if mine.kind == theirs.kind else "",
            )
        for name, value in other.values.items():
            met.values.setdefault(name, value)
    return met
