"""What happens in a storm and when: a pure function of a seed, so that a failure can be run again.

processes   kill -9 and start again; SIGSTOP and SIGCONT, some longer than any timeout
backends    one dies and comes back; now and then all die together
file        a weight goes to 0 and back; a target leaves a group and returns; a name moves to another group
"""

from __future__ import annotations

import enum
import random

import msgspec

PLANNERS = ("planner-a", "planner-b")
ENACTORS = ("enactor-a", "enactor-b", "enactor-c")
PROBERS = ("a", "b")
PROCESSES = (*PLANNERS, *ENACTORS, *(f"prober-{p}" for p in PROBERS))
BACKENDS = ("b1", "b2", "b3", "b4")
ALL = "all"
SELECTORS = ("scope", "zone:storm.test", "name:img.storm.test")
LONG_STOP_S = 13.0
"""Longer than the DNS timeout (5 s), the longest retry, window and hold-down (10 s), and observations' life."""


class Kind(enum.Enum):
    """Kinds of steps; a fault and its end are two steps."""

    KILL = "kill -9"
    START = "start again"
    STOP = "SIGSTOP"
    LONG_STOP = "SIGSTOP longer than any timeout"
    CONTINUE = "SIGCONT"
    DIE = "backend killed"
    REVIVE = "backend started"
    BLACKOUT = "all backends killed"
    RETURN = "all backends started"
    WEIGHT = "weight changed"
    MEMBER = "membership changed"
    MOVE = "name moved to another group"
    FREEZE = "frozen"
    THAW = "thawed"


FAULTS = (Kind.KILL, Kind.STOP, Kind.LONG_STOP)


class Step(msgspec.Struct, frozen=True, order=True):
    """One step, `at_s` after the storm began."""

    at_s: float
    kind: str
    subject: str = ""


def schedule(seed: int, *, seconds: float, fault_every_s: float) -> tuple[Step, ...]:
    """All steps, in order; ends of faults may lie beyond `seconds`."""
    rng = random.Random(seed)
    steps = [*_process_faults(rng, seconds, fault_every_s), *_backend_faults(rng, seconds)]
    steps += [*_edits(rng, seconds), *_freezes(rng, seconds)]
    return tuple(sorted(steps))


def _process_faults(rng: random.Random, seconds: float, every_s: float) -> list[Step]:
    steps: list[Step] = []
    free_at = dict.fromkeys(PROCESSES, 0.0)
    at_s, number = 1.0, 0
    while at_s < seconds:
        free = [p for p in PROCESSES if free_at[p] <= at_s]
        if free:
            subject = rng.choice(free)
            number += 1
            # Every twelfth fault is a long pause: an enactor of 2025.
            kind = Kind.LONG_STOP if number % 12 == 4 else rng.choice((Kind.KILL, Kind.KILL, Kind.STOP))
            lasts_s = _lasts_s(rng, kind)
            end = Kind.START if kind is Kind.KILL else Kind.CONTINUE
            steps += [Step(at_s, kind.name, subject), Step(at_s + lasts_s, end.name, subject)]
            free_at[subject] = at_s + lasts_s + rng.uniform(1.0, 3.0)
        at_s += every_s * rng.uniform(0.6, 1.4)
    return steps


def _lasts_s(rng: random.Random, kind: Kind) -> float:
    match kind:
        case Kind.KILL:
            return rng.uniform(0.05, 1.0)
        case Kind.STOP:
            return rng.uniform(0.2, 3.0)
        case _:
            return rng.uniform(LONG_STOP_S, LONG_STOP_S + 4.0)


def _backend_faults(rng: random.Random, seconds: float) -> list[Step]:
    steps: list[Step] = []
    at_s, number = 2.0, 0
    while at_s < seconds:
        number += 1
        if number % 6 == 3:
            lasts_s = rng.uniform(4.0, 8.0)
            steps += [Step(at_s, Kind.BLACKOUT.name, ALL), Step(at_s + lasts_s, Kind.RETURN.name, ALL)]
        else:
            lasts_s, subject = rng.uniform(6.0, 11.0), rng.choice(BACKENDS)
            steps += [Step(at_s, Kind.DIE.name, subject), Step(at_s + lasts_s, Kind.REVIVE.name, subject)]
        at_s += lasts_s + rng.uniform(3.0, 7.0)
    return steps


def _edits(rng: random.Random, seconds: float) -> list[Step]:
    steps: list[Step] = []
    at_s = 5.0
    while at_s < seconds:
        kind = rng.choice((Kind.WEIGHT, Kind.MEMBER, Kind.MOVE))
        steps.append(Step(at_s, kind.name, rng.choice(BACKENDS)))
        at_s += rng.uniform(7.0, 13.0)
    return steps


def _freezes(rng: random.Random, seconds: float) -> list[Step]:
    steps: list[Step] = []
    at_s = 10.0
    while at_s < seconds:
        lasts_s = rng.uniform(6.0, 9.0)
        steps += [Step(at_s, Kind.FREEZE.name, rng.choice(SELECTORS)), Step(at_s + lasts_s, Kind.THAW.name)]
        at_s += lasts_s + rng.uniform(12.0, 30.0)
    return steps
