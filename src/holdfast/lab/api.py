"""Searching other people's code: `explore`, `prove` and `replay`, for actors on the ports and for plain asyncio.

A subject is a `Scenario` (`lab.scenario`), or an `async def` without arguments that is called afresh for each
schedule. Both give the same kind of report, with its bounds, its story and a tape.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from holdfast.lab.actor import LabError
from holdfast.lab.aio import searching
from holdfast.lab.aio.choosing import Follow
from holdfast.lab.aio.determinism import check_repeatable
from holdfast.lab.aio.running import Body, Ended, Terms
from holdfast.lab.aio.running import run as run_once
from holdfast.lab.aio.shrinking import departures
from holdfast.lab.aio.shrinking import shrink as shrink_schedule
from holdfast.lab.aio.telling import tell as tell_schedule
from holdfast.lab.aio.telling import trace_of
from holdfast.lab.building import ScenarioError, check_start
from holdfast.lab.canonical import NotCanonicalError
from holdfast.lab.engines import dpor, exhaustive, sampling
from holdfast.lab.engines.found import Outcome
from holdfast.lab.engines.shrink import preemptions, shrink
from holdfast.lab.report import Replayed, Report
from holdfast.lab.story import tell
from holdfast.lab.system import Scenario, System
from holdfast.lab.tape import Tape, TapeMismatchError, decode_tape
from holdfast.lab.tape import replay as replay_run

Subject: TypeAlias = Scenario | Body

ENGINES = ("auto", "sample", "exhaustive", "dpor")
SCHEDULES = 10_000
SECONDS = 10.0


def explore(
    subject: Subject,
    *,
    engine: str = "auto",
    seed: int = 0,
    schedules: int = SCHEDULES,
    seconds: float = SECONDS,
    pauses: int = 0,
    name: str = "",
    passes: tuple[type[BaseException], ...] = (),
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Search until something breaks, everything is searched, or a budget ends.

    Args:
        subject: a scenario on the ports, or an `async def` without arguments.
        engine: `exhaustive` (proof within the bounds), `sample` (quick finds in what is too large for a proof),
            `dpor` (ports only); `auto` is exhaustive for half of the budget, and then samples.
        seed: of what is sampled; the same seed gives the same schedules.
        schedules: the most schedules, executions or states (these times 100) to look at.
        seconds: the longest time.
        pauses: asyncio only: how often one run may hold back a task while time goes on.
        name: for people and on the tape; without it the subject's own.
        passes: asyncio only: exceptions that are no finding and end the search.
        on_progress: told how many schedules are done.

    Raises:
        ScenarioError: the subject or an argument makes no sense; says what to do.
        NonDeterminismError: the code does other things under the same schedule; says where, and by what.
        RealIoRefusedError: asyncio code asked for real I/O.
    """
    _check_arguments(engine, schedules, seconds, pauses)
    budget = searching.Budget(schedules, seconds)
    if isinstance(subject, Scenario):
        if pauses:
            raise ScenarioError(
                "pauses are for asyncio code: on the ports any actor may rest for as long as it likes"
            )
        return _explore_ports(subject, engine, seed, budget, name or subject.name, on_progress)
    if not callable(subject):
        raise ScenarioError(
            f"can't search {type(subject).__name__}: pass a lab.scenario(...), or an async function itself, not"
            " its call"
        )
    called = name or getattr(subject, "__qualname__", type(subject).__name__).split("<locals>.")[-1]
    return _explore_asyncio(
        subject, engine, seed, budget, called, Terms(pauses=pauses, passes=passes), on_progress
    )


def prove(
    subject: Subject,
    *,
    schedules: int = 1_000_000,
    seconds: float = 60.0,
    pauses: int = 0,
    name: str = "",
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Search everything within the bounds: `explore` with the exhaustive engine and a larger budget.

    `Report.proved` says whether it came to the end; with `converged` it also shows that nothing is wedged.
    """
    return explore(
        subject,
        engine="exhaustive",
        schedules=schedules,
        seconds=seconds,
        pauses=pauses,
        name=name,
        on_progress=on_progress,
    )


def replay(subject: Subject, tape: Tape | Path | str) -> Replayed:
    """Run a tape, or the file that holds it, on the code as it is today.

    Raises:
        TapeMismatchError: the file is no tape, or one of the other kind of subject.
        OSError: the file can't be read.
    """
    read = tape if isinstance(tape, Tape) else decode_tape(Path(tape).read_bytes())
    kind = "ports" if isinstance(subject, Scenario) else "asyncio"
    if read.options.get("mode") != kind:
        raise TapeMismatchError(f"the tape of {read.scenario!r} is no tape of {kind} code")
    return _replay_ports(subject, read) if isinstance(subject, Scenario) else _replay_asyncio(subject, read)


def _check_arguments(engine: str, schedules: int, seconds: float, pauses: int) -> None:
    if engine not in ENGINES:
        raise ScenarioError(f"no engine {engine!r}; there are {', '.join(ENGINES)}")
    for name, value, least in (("schedules", schedules, 1), ("pauses", pauses, 0)):
        if value < least:
            raise ScenarioError(f"{name} is {value}; it must be at least {least}")
    if not seconds > 0:
        raise ScenarioError(f"seconds is {seconds}; it must be more than 0")


# -- actors on the ports ------------------------------------------------------------------------------------------


def _explore_ports(
    subject: Scenario,
    engine: str,
    seed: int,
    budget: searching.Budget,
    name: str,
    on_progress: Callable[[int], None] | None,
) -> Report:
    try:
        system = System(subject)
        check_start(system.view(system.start), subject)
        outcome = _search(system, engine, seed, budget, on_progress)
        return _report_ports(subject, system, outcome, seed, name)
    except NotCanonicalError as error:
        raise ScenarioError(
            f"{error}: a search compares states by the values of their variables. Keep such objects out of the"
            " coroutine's variables, or bring the code as plain asyncio"
        ) from error


def _search(
    system: System, engine: str, seed: int, budget: searching.Budget, on_progress: Callable[[int], None] | None
) -> Outcome:
    if engine == "sample":
        return sampling.sample(
            system, seed=seed, schedules=budget.schedules, seconds=budget.seconds, on_progress=on_progress
        )
    if engine == "dpor":
        return _dpor(system, budget)
    if engine == "auto":
        half = searching.Budget(max(1, budget.schedules // 2), budget.seconds / 2)
        outcome = _search(system, "exhaustive", seed, half, on_progress)
        if outcome.complete or outcome.found is not None:
            return outcome
        return _search(system, "sample", seed, half, on_progress)
    return exhaustive.search(
        system,
        limits=exhaustive.Limits(states=100 * budget.schedules, seconds=budget.seconds),
        wedge=system.scenario.converged is not None,
        on_progress=None if on_progress is None else lambda done, _: on_progress(done),
    )


def _dpor(system: System, budget: searching.Budget) -> Outcome:
    try:
        return dpor.explore(system, executions=budget.schedules, seconds=budget.seconds)
    except dpor.UnsupportedFaultError as error:
        raise ScenarioError(f"{error}, or a Faults(kinds=...) without it") from error
    except RecursionError as error:
        raise ScenarioError(
            "the engine 'dpor' is for actors that end, and these go on (a loop that polls?): bound their rounds,"
            " or use 'exhaustive', which knows a state when it comes again"
        ) from error


def _report_ports(subject: Scenario, system: System, outcome: Outcome, seed: int, name: str) -> Report:
    if outcome.found is None:
        return Report(outcome)
    found, runs = shrink(system, outcome.found)
    run = replay_run(System(subject), found.choices)
    switches = preemptions(system, found.choices)
    tape = Tape(
        scenario=name,
        options={"mode": "ports", "engine": outcome.engine},
        choices=found.choices,
        broken=found.broken,
        trace=run.trace,
        seed=seed if outcome.engine == "sampler" else None,
    )
    note = f"{len(found.choices)} steps, {_times(switches, 'preemption')}"
    before = preemptions(system, outcome.found.choices)
    if found.choices != outcome.found.choices:
        was = f"{len(outcome.found.choices)} steps with {_times(before, 'preemption')}"
        note += f"; shrunk from {was} in {_times(runs, 'run')}"
    return Report(outcome, f"{tell(run)}{_hint(found.broken)}", tape, note, run)


def _hint(broken: str) -> str:
    if "no running event loop" in broken or "no current event loop" in broken:
        return (
            "\n        (an actor on the ports awaits only operations of holdfast.ports. For asyncio code, give the"
            " async function itself to lab.explore)"
        )
    return ""


def _replay_ports(subject: Scenario, tape: Tape) -> Replayed:
    try:
        run = replay_run(System(subject), tape.choices)
    except TapeMismatchError as error:
        return Replayed("", "", str(error))
    misfit = "" if run.trace == tape.trace else "another trace than the tape's"
    return Replayed(run.broken, tell(run), misfit, run)


# -- ordinary asyncio ---------------------------------------------------------------------------------------------


def _explore_asyncio(
    body: Body,
    engine: str,
    seed: int,
    budget: searching.Budget,
    name: str,
    terms: Terms,
    on_progress: Callable[[int], None] | None,
) -> Report:
    if engine == "dpor":
        raise ScenarioError(
            "the engine 'dpor' needs to see what each step reads and writes, which asyncio code does not show: use"
            " 'sample' or 'exhaustive', or write the code on holdfast.ports"
        )
    outcome, broken, _ = _search_schedules(body, engine, seed, budget, name, terms, on_progress)
    if outcome.found is None or broken is None:
        return Report(outcome)
    check_repeatable(body, terms, outcome.found.choices)
    ended, runs = shrink_schedule(body, terms, outcome.found.choices, broken)
    tape = Tape(
        scenario=name,
        options={"mode": "asyncio", "engine": outcome.engine, "pauses": terms.pauses, "python": _python()},
        choices=ended.choices,
        broken=broken.text if ended.broken is None else ended.broken.text,
        trace=trace_of(ended),
        seed=seed if outcome.engine == "sampler" else None,
    )
    return Report(outcome, tell_schedule(ended), tape, _note(outcome.found.choices, ended, runs), ended)


def _search_schedules(
    body: Body,
    engine: str,
    seed: int,
    budget: searching.Budget,
    name: str,
    terms: Terms,
    on_progress: Callable[[int], None] | None,
) -> searching.Searched:
    if engine == "sample":
        return searching.sample(body, terms, name=name, seed=seed, budget=budget, on_progress=on_progress)
    if engine == "exhaustive":
        return searching.exhaust(body, terms, name=name, budget=budget, on_progress=on_progress)
    half = searching.Budget(max(1, budget.schedules // 2), budget.seconds / 2)
    searched = searching.exhaust(body, terms, name=name, budget=half, on_progress=on_progress)
    if searched.outcome.complete or searched.broken is not None:
        return searched
    return searching.sample(
        body, terms, name=name, seed=seed, budget=half, already=searched.done, on_progress=on_progress
    )


def _note(before: Sequence[int], ended: Ended, runs: int) -> str:
    was, now = departures(before), departures(ended.choices)
    text = (
        f"departs from asyncio's own order at {_times(now, 'place')}" if now else "asyncio's own order, unchanged"
    )
    return text + (f"; shrunk from {was} in {_times(runs, 'run')}" if was > now else "")


def _replay_asyncio(body: Body, tape: Tape) -> Replayed:
    follow = Follow(tape.choices)
    pauses = tape.options.get("pauses", 0)
    ended = run_once(body, follow, Terms(pauses=pauses if isinstance(pauses, int) else 0), detail=True)
    misfit = follow.misfit
    if not misfit and trace_of(ended) != tape.trace:
        misfit = "another trace than the tape's"
        if tape.options.get("python") != _python():
            misfit += f", which was made on Python {tape.options.get('python')}"
    broken = "" if ended.broken is None else ended.broken.text
    return Replayed(broken, tell_schedule(ended), misfit, ended)


def _python() -> str:
    """asyncio's own steps differ from one minor version to the next."""
    return ".".join(platform.python_version_tuple()[:2])


def _times(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


__all__ = ["ENGINES", "LabError", "Subject", "explore", "prove", "replay"]
