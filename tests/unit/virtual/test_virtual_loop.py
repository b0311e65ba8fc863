"""The event loop in virtual time: asyncio's own order, time only when nothing is ready, nothing real."""

from __future__ import annotations

import asyncio

import pytest

from holdfast.virtual.loop import RefusedError, VirtualLoop


def made() -> VirtualLoop:
    """A loop."""
    return VirtualLoop()  # type: ignore[abstract]  # what it hasn't, `Refusing` refuses


def test_time_passes_only_between_what_is_ready() -> None:
    """Sleeps end in order of their time, at exactly that time; what is due together in the order of asking."""
    loop, seen = made(), []

    async def sleeps(name: str, for_s: float) -> None:
        await asyncio.sleep(for_s)
        seen.append((name, loop.time()))

    for name, for_s in (("a", 3600.0), ("b", 1.0), ("c", 1.0)):
        loop.create_task(sleeps(name, for_s))
    loop.run(10.0)
    assert seen == [("b", 1.0), ("c", 1.0)]
    assert loop.time() == 10.0
    loop.run(4000.0)
    assert seen[-1] == ("a", 3600.0)
    loop.end()


def test_it_stops_when_it_is_enough_and_goes_on_from_there() -> None:
    """Between two runs nothing is lost."""
    loop, ticks = made(), []

    async def ticking() -> None:
        while True:
            await asyncio.sleep(1.0)
            ticks.append(loop.time())

    loop.create_task(ticking())
    loop.run(100.0, enough=lambda: len(ticks) == 3)
    assert loop.time() == 3.0
    loop.run(5.0)
    assert ticks == [1.0, 2.0, 3.0, 4.0, 5.0]
    loop.end()


def test_timeouts_and_tasks_are_asyncios_own() -> None:
    """`asyncio.timeout` ends what takes too long, a cancelled timer never comes, a failure is kept."""
    loop, seen = made(), []

    async def waits() -> None:
        try:
            async with asyncio.timeout(5.0):
                await loop.create_future()
        except TimeoutError:
            seen.append(loop.time())
        async with asyncio.timeout(5.0):
            await asyncio.sleep(1.0)
        seen.append(loop.time())

    def fails() -> None:
        raise KeyError("here")

    loop.create_task(waits())
    loop.call_later(1.0, fails)
    loop.run(60.0)
    assert seen == [5.0, 6.0]
    assert [type(error) for error in loop.troubles] == [KeyError]
    loop.end()


def test_nothing_real_is_done() -> None:
    """Sockets and threads are refused by name; so is a run within a run."""
    loop, seen = made(), []

    async def reaches_out() -> None:
        with pytest.raises(RefusedError, match="sockets"):
            await asyncio.open_connection("192.0.2.1", 53)
        with pytest.raises(RefusedError, match="threads"):
            await asyncio.to_thread(print)
        with pytest.raises(RuntimeError, match="within a running event loop"):
            loop.run(1.0)
        seen.append("refused")

    loop.create_task(reaches_out())
    loop.run(1.0)
    assert seen == ["refused"]
    loop.end()
