"""What `holdfast lab` does, without a terminal: build a system by name, search it, replay tapes, run drills."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path

import msgspec

from holdfast.lab import production
from holdfast.lab.drills import Drill, october
from holdfast.lab.engines import dpor, exhaustive, modular, sampling
from holdfast.lab.engines.found import Outcome
from holdfast.lab.engines.shrink import shrink
from holdfast.lab.specimens import first_fix, group_fences, lost_chunks, paused_planner
from holdfast.lab.specimens import october as october_specimen
from holdfast.lab.story import report
from holdfast.lab.system import Scenario, System
from holdfast.lab.tape import Run, Tape, TapeMismatchError, decode_tape, encode_tape, replay


class Engine(enum.Enum):
    """How to search."""

    SAMPLE = "sample"
    EXHAUSTIVE = "exhaustive"
    DPOR = "dpor"
    MODULAR = "modular"


class Size(msgspec.Struct, frozen=True):
    """How much of everything; what a design does not have is ignored."""

    plans: int = 3
    enactors: int = 3
    endpoints: int = 3
    rounds: int = 0
    faults: int = 0


DESIGNS: dict[str, Callable[[Size], Scenario]] = {
    "2025": lambda s: october_specimen.scenario(
        plans=s.plans, enactors=s.enactors, endpoints=s.endpoints, rounds=s.rounds, faults=s.faults
    ),
    "first-fix": lambda s: first_fix.scenario(
        plans=s.plans, enactors=s.enactors, endpoints=s.endpoints, faults=s.faults
    ),
    "group-fences": lambda s: group_fences.scenario(enactors=s.enactors, faults=s.faults),
    "paused-planner": lambda s: paused_planner.scenario(planners=2, revisions=s.plans, faults=s.faults),
    "lost-chunks": lambda s: lost_chunks.scenario(plans=min(s.plans, 3), enactors=min(s.enactors, 2)),
    "holdfast": lambda s: production.scenario(plans=s.plans, enactors=s.enactors, faults=s.faults),
    "holdfast-freeze": lambda s: production.with_freeze(plans=s.plans, enactors=s.enactors, faults=s.faults),
}


class UnknownDesignError(ValueError):
    """No such design; the text lists those there are."""


def system_of(design: str, size: Size) -> System:
    """The system to search.

    Raises:
        UnknownDesignError: no such design.
    """
    build = DESIGNS.get(design)
    if build is None:
        raise UnknownDesignError(f"no design {design!r}; there are {', '.join(DESIGNS)}")
    return System(build(size))


class Exploration(msgspec.Struct, frozen=True):
    """What a search came to; with a tape and its run if something broke and an engine found how."""

    outcome: Outcome
    tape: Tape | None = None
    run: Run | None = None

    def text(self, command: str = "") -> str:
        """For people."""
        return report(self.outcome, self.run, command)


def explore(
    design: str,
    size: Size,
    *,
    engine: Engine = Engine.SAMPLE,
    seed: int = 0,
    seconds: float = 60.0,
    count: int = 10_000_000,
    wedge: bool = False,
    shrunk: bool = True,
    on_progress: Callable[[str], None] | None = None,
) -> Exploration:
    """Search a design within a budget of seconds and of schedules, states or executions.

    Raises:
        UnknownDesignError: no such design.
        UnsupportedFaultError: DPOR was asked for faults that it does not reduce.
    """
    system = system_of(design, size)
    say = on_progress or (lambda text: None)
    if engine is Engine.SAMPLE:
        outcome = sampling.sample(
            system, seed=seed, schedules=count, seconds=seconds, on_progress=lambda n: say(f"{n} schedules")
        )
    elif engine is Engine.DPOR:
        outcome = dpor.explore(system, executions=count, seconds=seconds)
    elif engine is Engine.MODULAR:
        outcome = modular.prove(system, crowd="enactor", seconds=seconds)
    else:
        limits = exhaustive.Limits(states=count, seconds=seconds)
        outcome = exhaustive.search(
            system, limits=limits, wedge=wedge, on_progress=lambda done, known: say(f"{done} of {known} states")
        )
    found = outcome.found
    if found is None or not found.choices:
        return Exploration(outcome)
    if shrunk and engine is not Engine.EXHAUSTIVE:
        found, _ = shrink(system, found)
    run = replay(system_of(design, size), found.choices)
    options: dict[str, int | str] = dict(msgspec.structs.asdict(size))
    tape = Tape(design, options, found.choices, found.broken, run.trace, seed if engine is Engine.SAMPLE else None)
    return Exploration(outcome, tape, run)


def replay_tape(tape: Tape) -> Run:
    """Run a tape on the real code and hold it to what it says.

    Raises:
        TapeMismatchError: the code does something else today, at which step, or with which trace.
        UnknownDesignError: the tape is of a design that there is no more.
    """
    run = replay(system_of(tape.scenario, msgspec.convert(tape.options, Size)), tape.choices)
    if tape.trace and run.trace != tape.trace:
        raise TapeMismatchError(f"the trace is {run.trace}, the tape says {tape.trace}: the code has changed")
    if tape.broken and run.broken and run.broken != tape.broken:
        raise TapeMismatchError(f"the run breaks {run.broken!r}, the tape says {tape.broken!r}")
    return run


def load_tape(path: Path) -> Tape:
    """Read a tape file.

    Raises:
        TapeMismatchError: it is none.
    """
    return decode_tape(path.read_bytes())


def save_tape(path: Path, tape: Tape) -> None:
    """Write a tape file."""
    path.write_bytes(encode_tape(tape))


DRILLS: dict[str, Callable[[], Drill]] = {"october-2025": october}


def drill(name: str) -> Drill:
    """Run a drill: the same day on the design of 2025 and on holdfast.

    Raises:
        UnknownDesignError: no such drill.
    """
    run = DRILLS.get(name)
    if run is None:
        raise UnknownDesignError(f"no drill {name!r}; there are {', '.join(DRILLS)}")
    return run()
