"""Whether the code does the same under the same schedule; if not, which task, at which step, and by what.

The first suspect is found by watching one run with the interpreter's profiler: calls of clocks and of chance
from the user's code.
"""

from __future__ import annotations

import asyncio
import sysconfig
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from holdfast.lab.actor import NonDeterminismError
from holdfast.lab.aio.choosing import Follow
from holdfast.lab.aio.places import Place, is_users
from holdfast.lab.aio.running import Body, Ended, Terms, run
from holdfast.lab.suspects import named, profiled

_STDLIB = sysconfig.get_path("stdlib")


def check_repeatable(body: Body, terms: Terms, choices: Sequence[int]) -> Ended:
    """Run a schedule twice and compare step by step.

    Raises:
        NonDeterminismError: they differ; names task, step and the first suspect.
    """
    one = run(body, Follow(choices), terms, detail=True)
    two = run(body, Follow(choices), terms, detail=True)
    number = _differ(one, two)
    if number is not None:
        _complain(body, terms, choices, one, two, number)
    return one


def explain(body: Body, terms: Terms, choices: Sequence[int]) -> NoReturn:
    """A search saw two runs differ: say how.

    Raises:
        NonDeterminismError: always.
    """
    check_repeatable(body, terms, choices)
    raise NonDeterminismError(
        f"the code did other things under the same schedule, once: {_suspicion(body, terms, choices)}"
    )


def _differ(one: Ended, two: Ended) -> int | None:
    """The first step at which the runs differ, from 0."""
    for number, (a, b) in enumerate(zip(one.told, two.told, strict=False)):
        if a.trace != b.trace:
            return number
    if len(one.told) != len(two.told):
        return min(len(one.told), len(two.told))
    return len(one.told) - 1 if (one.broken is None) != (two.broken is None) else None


def _complain(body: Body, terms: Terms, choices: Sequence[int], one: Ended, two: Ended, number: int) -> NoReturn:
    first, other = (_at(e, number) for e in (one, two))
    raise NonDeterminismError(
        f"under the same schedule, step {number + 1} was {first} in one run and {other} in the next:"
        f" {_suspicion(body, terms, choices)}"
    )


def _at(ended: Ended, number: int) -> str:
    if number >= len(ended.told):
        return "not there"
    told = ended.told[number]
    how = told.end or (f"{told.place.short} ({told.place.source})" if told.place else told.what or "run")
    broken = f", then {ended.broken.text}" if number == len(ended.told) - 1 and ended.broken else ""
    return f"task {told.who}: {how} at {told.time_s:g} s{broken}"


def _suspicion(body: Body, terms: Terms, choices: Sequence[int]) -> str:
    seen: list[str] = []
    with _watching(seen):
        run(body, Follow(choices), terms)
    if seen:
        return (
            f"{'; '.join(seen[:3])}. Take the time from asyncio.get_running_loop().time(), and chance from a"
            " random.Random(seed) that is made inside the scenario"
        )
    return (
        "no clock and no chance was seen. Look for state that one run leaves to the next (a module's variable, a"
        " fixture, a cache) and for sets of objects that are walked in the order of their addresses"
    )


@contextmanager
def _watching(seen: list[str]) -> Iterator[None]:
    def watch(frame: types.FrameType, event: str, called: Any) -> None:
        name = named(called) if event == "c_call" else None
        task = asyncio.current_task() if name is not None and asyncio._get_running_loop() is not None else None
        place = _caller(frame) if task is not None else None
        if name is not None and place is not None and task is not None:
            text = f"task {task.get_name()} calls {name[0]} at {place.short} ({place.source})"
            if text not in seen:
                seen.append(text)

    with profiled(watch):
        yield


def _caller(frame: types.FrameType | None) -> Place | None:
    """The nearest frame of the user's code; None when the call is asyncio's or the laboratory's own."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not is_users(file):
            return None
        if not file.startswith(_STDLIB) or "site-packages" in file:
            return Place(file, frame.f_lineno, frame.f_code.co_qualname, "")
        frame = frame.f_back
    return None
