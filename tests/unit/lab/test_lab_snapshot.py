"""Local states: what tells them apart, and what must not."""

from __future__ import annotations

import socket
import types
from collections.abc import Generator
from typing import Any

import pytest

from holdfast.lab.actor import NonDeterminismError, PortBypassedError
from holdfast.lab.automaton import Automaton
from holdfast.lab.canonical import Forms, NotCanonicalError, text
from holdfast.lab.snapshot import snapshot
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.store import Get


async def _walk(keys: tuple[str, ...]) -> int:
    found = 0
    for key in keys:
        if await Get(key) is not None:
            found += 1
    return found


def test_the_value_stack_counts() -> None:
    """Two runs at the same line with equal locals differ if their loop stands elsewhere in what it walks."""
    first, second = _walk(("a", "a", "b")), _walk(("a", "a", "b"))
    first.send(None)
    second.send(None)
    second.send(None)
    forms = Forms()
    assert snapshot(first, forms)[0] != snapshot(second, forms)[0]
    first.send(None)
    assert snapshot(first, forms)[0] == snapshot(second, forms)[0]


@types.coroutine
def _passed_on(running: Any, limit: int) -> Generator[Any, Any, int]:
    answer, count = None, 0
    while count < limit:
        answer = yield running.send(answer)
        count += 1
    running.close()
    return count


def test_a_generator_that_passes_operations_on_counts() -> None:
    """It is no `__await__` of an operation: what it holds is part of the state, and what it drives."""
    runs = [_passed_on(_walk(("a", "a", "a")), limit) for limit in (2, 3, 2)]
    for running in runs:
        running.send(None)
    forms = Forms()
    one, other, same = (snapshot(running, forms)[0] for running in runs)
    assert one == same
    assert one != other
    runs[2].send(None)
    assert snapshot(runs[2], forms)[0] != one


def test_a_half_built_call_counts() -> None:
    """What an expression has computed before it awaits lies on the value stack only: it tells states apart."""

    async def build(number: int) -> tuple[int, object]:
        return (number * 1000, await Get("x"))  # `number` itself is dead by then

    forms = Forms()
    one, other, same = build(0), build(1), build(0)
    for running in (one, other, same):
        running.send(None)
    assert snapshot(one, forms)[0] != snapshot(other, forms)[0]
    assert snapshot(one, forms)[0] == snapshot(same, forms)[0]
    for running in (one, other, same):
        running.close()


def test_a_comprehension_that_awaits_counts() -> None:
    """What a comprehension has gathered so far, and where it stands, tell states apart (3.12 inlines them)."""

    async def gather(keys: tuple[str, ...]) -> list[object]:
        return [(key, await Get("x")) for key in keys]

    forms = Forms()
    runs = [gather(("a", "b", "c")) for _ in range(3)]
    for running, results in zip(runs, ((None, 1), (None, 2), (None, 1)), strict=True):
        for result in results:
            running.send(result)
    assert snapshot(runs[0], forms)[0] != snapshot(runs[1], forms)[0]
    assert snapshot(runs[0], forms)[0] == snapshot(runs[2], forms)[0]
    for running in runs:
        running.close()


def test_what_only_a_handler_reads_is_live() -> None:
    """A local that is read only when something goes wrong later tells states apart."""

    async def guarded(word: str) -> object:
        try:
            return await Get("x")
        except ValueError:
            return word

    forms = Forms()
    one, other = guarded("a"), guarded("b")
    one.send(None)
    other.send(None)
    assert snapshot(one, forms)[0] != snapshot(other, forms)[0]
    one.close()
    other.close()


def test_dead_locals_do_not_count() -> None:
    """What is overwritten before it is read does not tell states apart: loops come back to the same state."""

    async def loop() -> None:
        while True:
            seen = await Get("a")
            if seen is not None:
                await Get("b")
            await Idle(Rest.POLL)

    automaton = Automaton("loop", loop)
    at = automaton.step(automaton.step(automaton.step(0, None), False), None)
    other = automaton.step(automaton.step(automaton.step(automaton.step(0, b"x"), None), False), None)
    assert at == other


def test_live_locals_count() -> None:
    """What is read later does tell states apart."""

    async def remember() -> object:
        seen = await Get("a")
        await Get("b")
        return seen

    automaton = Automaton("remember", remember)
    assert automaton.step(automaton.step(0, b"x"), None) != automaton.step(automaton.step(0, b"y"), None)


def test_what_is_no_value_is_refused_by_name() -> None:
    """A socket in a local has no canonical form; the refusal says where it is held."""

    async def holds() -> None:
        with socket.socket() as held:
            await Get("a")
            held.listen()

    running = holds()
    running.send(None)
    with pytest.raises(NotCanonicalError, match=r"holds: (held|value stack): .*socket\.socket"):
        snapshot(running, Forms())
    running.close()


def test_hidden_chance_is_detected_and_named() -> None:
    """An actor that asks something else after the same results is reported with actor and port."""
    keys = iter("abcdefghijkl")

    async def loop() -> None:
        await Get("x")
        while True:
            await Get(next(keys))

    automaton = Automaton("gambler", loop, merge=False)
    with pytest.raises(NonDeterminismError, match=r"gambler: the same results led to store.Get"):
        automaton.step(0, None)


def test_bypassing_the_ports_is_refused() -> None:
    """Awaiting anything but an operation of the ports stops the search."""

    class Future:
        def __await__(self):  # type: ignore[no-untyped-def]
            yield "a future"

    async def loop() -> None:
        await Future()

    with pytest.raises(PortBypassedError, match=r"awaited builtins\.str"):
        Automaton("sneaky", loop)


def test_text_is_the_same_for_equal_values() -> None:
    """Sets are written in order, structs with their fields: hashes of traces rest on it."""
    assert text(frozenset({"b", "a"})) == "{'a','b'}"
    assert text(Get("k")) == "Get(key='k')"
