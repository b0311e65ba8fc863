"""What happens in a storm over three zones, and when: pure functions of a seed.

A topology (which servers, where) is that of ten seeds in a row: starting a world costs more than a storm.
"""

from __future__ import annotations

import enum
import itertools
import random

import msgspec

from zones.net import ZONES

SEEDS_A_WORLD = 10
BACKENDS = tuple((zone, last) for zone in ZONES for last in (11, 12))
PRIMARY, SECONDARY = "primary", "secondary"
PAIRS = tuple(itertools.combinations(ZONES, 2))


class Kind(enum.Enum):
    """Faults, in the words of a report. Each lasts for a while, edits excepted."""

    KILL = "kill -9"
    STOP = "SIGSTOP"
    LONG_STOP = "SIGSTOP longer than any timeout"
    POWER = "a zone's processes all killed"
    PARTITION = "a zone cut off"
    CUT = "two zones cut off from each other"
    ONE_WAY = "packets of one direction lost"
    LATE = "latency"
    LOSS = "loss"
    DISK = "full disk"
    CLOCK = "clock set"
    DIE = "backend killed"
    HANG = "backend stopped"
    EDIT = "configuration applied"
    FREEZE = "freeze"


class Fault(msgspec.Struct, frozen=True, order=True):
    """One fault, from `at_s` to `until_s` after the storm began. `amount` is its measure, if it has one."""

    at_s: float
    until_s: float
    kind: str
    subject: str
    amount: float = 0.0


class Topology(msgspec.Struct, frozen=True):
    """Which servers, and in which zones."""

    primary: str
    secondary: str
    primary_zone: int
    secondary_zone: int
    planners: int

    def processes(self) -> dict[str, int]:
        """Roles and servers that faults strike, with their zones."""
        letters = "abc"
        roles = {f"{role}-{letters[z - 1]}": z for z in ZONES for role in ("enactor", "prober")}
        planners = {f"planner-{letters[z - 1]}": z for z in ZONES[: self.planners]}
        members = {f"etcd-{z}": z for z in ZONES}
        return {**roles, **planners, **members, PRIMARY: self.primary_zone, SECONDARY: self.secondary_zone}


def topology(seed: int) -> Topology:
    """That of a seed and its neighbours."""
    block = seed // SEEDS_A_WORLD
    rng = random.Random(f"topology {block}")
    primary_zone, secondary_zone = rng.sample(ZONES, 2)
    return Topology(
        primary=("knot", "powerdns")[block % 2],
        secondary=rng.choice(("knot", "bind")),
        primary_zone=primary_zone,
        secondary_zone=secondary_zone,
        planners=rng.choice((2, 3)),
    )


_SHARES = {
    Kind.KILL: 20,
    Kind.STOP: 10,
    Kind.LONG_STOP: 4,
    Kind.POWER: 3,
    Kind.PARTITION: 6,
    Kind.CUT: 6,
    Kind.ONE_WAY: 8,
    Kind.LATE: 6,
    Kind.LOSS: 6,
    Kind.DISK: 5,
    Kind.CLOCK: 6,
    Kind.DIE: 10,
    Kind.HANG: 5,
}
_LASTS_S = {
    Kind.KILL: (0.1, 2.0),
    Kind.STOP: (0.3, 4.0),
    Kind.LONG_STOP: (7.0, 10.0),
    Kind.POWER: (0.5, 3.0),
    Kind.PARTITION: (1.5, 6.0),
    Kind.CUT: (1.5, 6.0),
    Kind.ONE_WAY: (1.5, 6.0),
    Kind.LATE: (2.0, 6.0),
    Kind.LOSS: (2.0, 6.0),
    Kind.DISK: (2.0, 5.0),
    Kind.CLOCK: (3.0, 8.0),
    Kind.DIE: (1.5, 6.0),
    Kind.HANG: (1.5, 6.0),
}
OFFSETS_S = (-7200, -600, -30, -3, 3, 30, 600, 7200)
"""600 s is beyond TSIG's fudge of 300 s: such a machine can't write, or nobody can write to it."""


def schedule(seed: int, *, seconds: float, every_s: float = 0.6) -> tuple[Fault, ...]:
    """The faults, in order; those that last longer than the storm end with it."""
    rng = random.Random(f"storm {seed}")
    where = topology(seed)
    faults: list[Fault] = []
    busy: dict[str, float] = {}
    at_s = 0.3
    while at_s < seconds:
        kind = rng.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
        subject, amount = _subject(rng, kind, where)
        until_s = at_s + rng.uniform(*_LASTS_S[kind])
        if all(busy.get(one, 0.0) <= at_s for one in _struck(kind, subject, where)):
            faults.append(Fault(at_s, until_s, kind.name, subject, amount))
            busy |= dict.fromkeys(_struck(kind, subject, where), until_s + 0.3)
        at_s += every_s * rng.uniform(0.5, 1.5)
    return tuple(sorted([*faults, *_acts(rng, seconds)]))


def _subject(rng: random.Random, kind: Kind, where: Topology) -> tuple[str, float]:
    """Whom it strikes, and how much."""
    match kind:
        case Kind.KILL | Kind.STOP:
            return rng.choice(tuple(where.processes())), 0.0
        case Kind.LONG_STOP:
            return rng.choice([p for p in where.processes() if p.startswith(("enactor", "planner"))]), 0.0
        case Kind.POWER | Kind.PARTITION | Kind.DISK:
            return str(rng.choice(ZONES)), 0.0
        case Kind.CLOCK:
            return str(rng.choice(ZONES)), float(rng.choice(OFFSETS_S))
        case Kind.CUT | Kind.LATE | Kind.LOSS:
            amounts = {Kind.LATE: rng.uniform(0.02, 0.3), Kind.LOSS: rng.uniform(0.03, 0.4)}
            return "{}-{}".format(*rng.choice(PAIRS)), amounts.get(kind, 0.0)
        case Kind.ONE_WAY:
            return "{}>{}".format(*rng.choice(tuple(itertools.permutations(ZONES, 2)))), 0.0
        case _:
            return "{}.{}".format(*rng.choice(BACKENDS)), 0.0


def _struck(kind: Kind, subject: str, where: Topology) -> tuple[str, ...]:
    """What can't be struck by a second fault of its sort meanwhile."""
    match kind:
        case Kind.POWER:
            zone = int(subject)
            backends = (f"{z}.{last}" for z, last in BACKENDS if z == zone)
            return (*(name for name, z in where.processes().items() if z == zone), *backends)
        case Kind.DISK | Kind.CLOCK:
            return (f"{kind.name} {subject}",)
        case Kind.PARTITION | Kind.CUT | Kind.ONE_WAY | Kind.LATE | Kind.LOSS:
            return (f"{kind.name} {subject}",)
        case _:
            return (subject,)


def _acts(rng: random.Random, seconds: float) -> list[Fault]:
    """What people do meanwhile. The number is the zone that they do it from."""
    acts = []
    at_s = rng.uniform(0.5, 4.0)
    while at_s < seconds - 1.0:
        acts.append(Fault(at_s, at_s, Kind.EDIT.name, str(rng.choice(ZONES)), float(rng.randrange(len(BACKENDS)))))
        at_s += rng.uniform(3.0, 8.0)
    if rng.random() < 0.7:
        at_s = rng.uniform(0.5, seconds / 2)
        acts.append(Fault(at_s, at_s + rng.uniform(2.0, 5.0), Kind.FREEZE.name, str(rng.choice(ZONES))))
    return acts
