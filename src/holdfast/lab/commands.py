"""What `holdfast lab` does, without a terminal: search a design, replay tapes, run drills."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from holdfast.lab.designs import (
    DESIGNS,
    Size,
    SizeError,
    UnknownDesignError,
    design_named,
    scenario_of,
)
from holdfast.lab.drills import Drill, october
from holdfast.lab.engines import crowd, dpor, exhaustive, modular, parallel, sampling
from holdfast.lab.engines.found import CONVERGES, PROGRESS, Found, Outcome
from holdfast.lab.engines.settling import Settling
from holdfast.lab.engines.shrink import preemptions, shrink
from holdfast.lab.engines.way_on import way_on
from holdfast.lab.story import report
from holdfast.lab.system import System
from holdfast.lab.tape import NotATapeError, Run, Tape, TapeMismatchError, decode_tape, encode_tape, replay

__all__ = ["DESIGNS", "Engine", "Exploration", "Size", "SizeError", "Status", "UnknownDesignError"]

CROWD = "enactor"


class Engine(enum.Enum):
    """How to search."""

    SAMPLE = "sample"
    EXHAUSTIVE = "exhaustive"
    DPOR = "dpor"
    COLUMNS = "columns"
    MODULAR = "modular"


class Budget(msgspec.Struct, frozen=True):
    """Where a search stops: seconds, and schedules, states or executions."""

    seconds: float = 60.0
    count: int = 10_000_000


class Order(msgspec.Struct, frozen=True):
    """What an engine is told. `say` takes how far it has come, now and then."""

    design: str
    size: Size
    budget: Budget
    seed: int
    jobs: int
    wedge: bool
    settles: bool
    say: Callable[[str], None]


def _sample(system: System, order: Order) -> Outcome:
    def say(count: int) -> None:
        order.say(f"{count:,} schedules")

    count, seconds = order.budget.count, order.budget.seconds
    if order.jobs == 1:
        return sampling.sample(system, seed=order.seed, schedules=count, seconds=seconds, on_progress=say)
    build = partial(scenario_of, order.design, order.size)
    return parallel.sample_over(
        build, jobs=order.jobs, seed=order.seed, schedules=count, seconds=seconds, on_progress=say
    )


def _exhaustive(system: System, order: Order) -> Outcome:
    limits = exhaustive.Limits(states=order.budget.count, seconds=order.budget.seconds)
    return exhaustive.search(
        system,
        limits=limits,
        wedge=order.wedge,
        settle=order.settles,
        on_progress=lambda done, known: order.say(f"{done:,} of {known:,} states known so far"),
    )


def _columns(system: System, order: Order) -> Outcome:
    try:
        from holdfast.lab.engines.columns import packing, searching
    except ModuleNotFoundError as error:
        raise EngineError(f"the columns engine needs {error.name}: pip install 'holdfast[lab]'") from None
    try:
        return searching.search(
            system,
            limits=exhaustive.Limits(states=order.budget.count, seconds=order.budget.seconds),
            wedge=order.wedge,
            on_progress=lambda done, known: order.say(f"{done:,} of {known:,} states known so far"),
        )
    except packing.TooWideError as error:
        raise EngineError(str(error)) from None


def _dpor(system: System, order: Order) -> Outcome:
    return dpor.explore(system, executions=order.budget.count, seconds=order.budget.seconds)


def _modular(system: System, order: Order) -> Outcome:
    if not any(a.kind == CROWD for a in system.actors):
        raise SizeError(f"{system.scenario.name} has no {CROWD}s, of which the modular engine proves any number")
    return modular.prove(
        system,
        crowd=CROWD,
        seconds=order.budget.seconds,
        spare=system.scenario.faults.total,
        disasters=order.size.disasters,
        bounds=crowd.Bounds(rewrites=order.size.restarts + 1),
        wedge=order.wedge,
        on_progress=lambda pairs: order.say(f"{pairs:,} pairs"),
    )


ENGINES: dict[Engine, Callable[[System, Order], Outcome]] = {
    Engine.SAMPLE: _sample,
    Engine.EXHAUSTIVE: _exhaustive,
    Engine.DPOR: _dpor,
    Engine.COLUMNS: _columns,
    Engine.MODULAR: _modular,
}
SHARED_ENGINES = frozenset({Engine.SAMPLE})
SETTLING_ENGINES = frozenset({Engine.EXHAUSTIVE})
WEDGE_ENGINES = frozenset({Engine.EXHAUSTIVE, Engine.COLUMNS, Engine.MODULAR})
CALM = frozenset({Engine.SAMPLE, Engine.DPOR})
"""Engines whose finds are shrunk; the exhaustive one finds the shortest by itself."""


def system_of(design: str, size: Size) -> System:
    """The system to search.

    Raises:
        UnknownDesignError: no such design.
        SizeError: a number is out of its range.
    """
    return System(scenario_of(design, size))


class Status(enum.Enum):
    """What a search came to, in a word."""

    BROKEN = "broken"
    PROVED = "proved"
    """Within the bounds, which belong into every sentence about it."""
    OPEN = "open"
    """Nothing found, nothing proved: the budget ended first, or the engine proves nothing by its nature."""
    SUSPECTED = "suspected"
    """The modular engine could not prove it, and has no run to show: an engine that finds runs must confirm it."""


class Exploration(msgspec.Struct, frozen=True):
    """What a search came to; with a tape and its run if something broke and an engine found how."""

    design: str
    size: Size
    engine: Engine
    outcome: Outcome
    tape: Tape | None = None
    run: Run | None = None
    preemptions: int = 0

    @property
    def status(self) -> Status:
        """In a word."""
        if self.outcome.found is None:
            return Status.PROVED if self.outcome.complete else Status.OPEN
        return Status.SUSPECTED if self.outcome.found.suspected else Status.BROKEN

    def sentence(self) -> str:
        """In one sentence, with the bounds; what broke is told as the shrunk run has it."""
        if self.tape is None or self.outcome.found is None:
            return self.outcome.sentence()
        shown = Found(self.tape.broken, self.outcome.found.choices)
        return msgspec.structs.replace(self.outcome, found=shown).sentence()

    def text(self, command: str = "") -> str:
        """For people."""
        return report(self.sentence(), self.run, command)


class EngineError(Exception):
    """The engine can't search this, or not here; the text says what to do."""


class SearchInterruptedError(Exception):
    """Somebody stopped a search; the text says how far it had come, and within which bounds."""


def explore(
    design: str,
    size: Size,
    *,
    engine: Engine = Engine.SAMPLE,
    seed: int = 0,
    jobs: int = 1,
    seconds: float = 60.0,
    count: int = 10_000_000,
    wedge: bool = False,
    settles: bool = False,
    shrunk: bool = True,
    on_progress: Callable[[str], None] | None = None,
) -> Exploration:
    """Search a design within a budget of seconds and of schedules, states or executions.

    Raises:
        UnknownDesignError: no such design.
        SizeError: a number is out of its range.
        UnsupportedFaultError: DPOR was asked for faults that it does not reduce.
        EngineError: the columns engine has no numpy, or a state does not fit into 64 bits.
        SearchInterruptedError: by Ctrl-C, before anything was found.
    """
    system = system_of(design, size)
    if jobs > 1 and engine not in SHARED_ENGINES:
        raise SizeError("only the sampler is shared out over processes: --jobs 1, or --engine sample")
    if wedge and (engine not in WEDGE_ENGINES or system.scenario.converged is None):
        raise SizeError(
            f"only the exhaustive, columns and modular engines look for wedges, and {design} must say what"
            " converged means"
        )
    if settles and (engine not in SETTLING_ENGINES or system.scenario.converged is None):
        raise SizeError(
            f"only the exhaustive engine sees whether all settles, and {design} must say what converged means"
        )
    say = on_progress or (lambda text: None)
    outcome = _search(system, engine, Order(design, size, Budget(seconds, count), seed, jobs, wedge, settles, say))
    found = outcome.found
    if found is None or engine is Engine.MODULAR:
        return Exploration(design, size, engine, outcome)
    if shrunk and engine in CALM:
        found = _shrunk(system, found)
    run = _with_end(replay(system_of(design, size), found.choices), found.broken)
    options: dict[str, int | str] = dict(msgspec.structs.asdict(size))
    tape = Tape(design, options, found.choices, found.broken, run.trace, seed if engine is Engine.SAMPLE else None)
    return Exploration(design, size, engine, outcome, tape, run, preemptions(system, found.choices))


def _search(system: System, engine: Engine, order: Order) -> Outcome:
    begun = time.perf_counter()
    reached = ""

    def say(text: str) -> None:
        nonlocal reached
        reached = text
        order.say(text)

    try:
        return ENGINES[engine](system, msgspec.structs.replace(order, say=say))
    except KeyboardInterrupt:
        seed = f"; seed {order.seed}" if engine is Engine.SAMPLE else ""
        far = f" and {reached}" if reached else ""
        raise SearchInterruptedError(
            f"stopped after {time.perf_counter() - begun:.1f} s{far}: nothing found so far, and nothing proved,"
            f" for {system.scenario.bounds}{seed}"
        ) from None


def _shrunk(system: System, found: Found) -> Found:
    """As small as it gets; as it is, if somebody is tired of waiting."""
    try:
        return shrink(system, found)[0]
    except KeyboardInterrupt:
        return found


def _with_end(run: Run, broken: str) -> Run:
    """What may follow on the last state is broken by no step: the run says so at its end."""
    if run.broken or not broken.startswith((PROGRESS, CONVERGES)):
        return run
    return msgspec.structs.replace(run, broken=broken, broken_at=len(run.lines))


def replay_tape(tape: Tape) -> Run:
    """Run a tape on the real code and hold it to what it says: trace, and what breaks, at its end as well.

    Raises:
        TapeMismatchError: the code does something else today, at which step, or with which trace.
        NotATapeError: its sizes are none.
        UnknownDesignError: the tape is of a design that there is no more.
        SizeError: its numbers are out of their range.
    """
    try:
        size = msgspec.convert(tape.options, Size)
    except msgspec.ValidationError as error:
        raise NotATapeError(f"not a tape: options: {error}") from error
    system = system_of(tape.scenario, size)
    run = replay(system, tape.choices)
    if tape.trace and run.trace != tape.trace:
        raise TapeMismatchError(f"the trace is {run.trace}, the tape says {tape.trace}: the code has changed")
    if tape.broken.startswith((PROGRESS, CONVERGES)):
        _confirm_end(system, run, tape.broken)
        return _with_end(run, tape.broken)
    if run.broken != tape.broken:
        raise TapeMismatchError(
            f"the run breaks {run.broken or 'nothing'}, the tape says {tape.broken or 'nothing'}"
        )
    return run


def _confirm_end(system: System, run: Run, broken: str) -> None:
    if system.scenario.converged is None:
        return
    if broken.startswith(PROGRESS) and way_on(system, run.last):
        raise TapeMismatchError("the tape ends in a wedge, and today a way leads on from there")
    if broken.startswith(CONVERGES) and Settling(system).unsettled((run.last,)) is None:
        raise TapeMismatchError("the tape ends where all goes round for ever, and today it settles from there")


def load_tape(path: Path) -> Tape:
    """Read a tape file.

    Raises:
        NotATapeError: it is none.
        OSError: it can't be read.
    """
    return decode_tape(path.read_bytes())


def save_tape(path: Path, tape: Tape) -> None:
    """Write a tape file; its directory is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_tape(tape))


def about(design: str) -> str:
    """What a design is, in a sentence.

    Raises:
        UnknownDesignError: no such design.
    """
    return design_named(design).about


DRILLS: dict[str, Callable[[tuple[str, ...]], Drill]] = {"october-2025": october}


def drill(name: str, designs: tuple[str, ...] = ("2025", "holdfast")) -> Drill:
    """Run a drill: the same day on the design of 2025 and on holdfast, or on one of them.

    Raises:
        UnknownDesignError: no such drill.
    """
    run = DRILLS.get(name)
    if run is None:
        raise UnknownDesignError(f"no drill {name!r}; there are {', '.join(DRILLS)}")
    return run(designs)
