"""`lab.watch`: an invariant that a scenario states itself, checked after every step of its run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from holdfast import lab
from holdfast.lab.aio.running import Body


def transfers(check: Callable[[dict[str, int]], str | bool | None]) -> Body:
    """A scenario that moves money in two steps, and is right again at its end."""

    async def body() -> None:
        accounts = {"a": 10, "b": 0}
        lab.watch("no money is lost", lambda: check(accounts))

        async def move() -> None:
            accounts["a"] -= 4
            await asyncio.sleep(0)
            accounts["b"] += 4

        await asyncio.gather(move(), move())
        assert sum(accounts.values()) == 10

    return body


def whole(accounts: dict[str, int]) -> bool:
    """The invariant as a truth."""
    return sum(accounts.values()) == 10


def said(accounts: dict[str, int]) -> str | None:
    """The invariant in words."""
    return None if whole(accounts) else f"{10 - sum(accounts.values())} are on their way"


def asserted(accounts: dict[str, int]) -> None:
    """The invariant as an assertion."""
    assert whole(accounts), "not whole"


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (whole, "no money is lost: it does not hold"),
        (said, "no money is lost: 4 are on their way"),
        (asserted, "no money is lost: AssertionError: not whole (at test_aio_watching.py:"),
    ],
    ids=["a truth", "in words", "an assertion"],
)
def test_what_holds_only_at_the_end_is_found(
    check: Callable[[dict[str, int]], str | bool | None], broken: str
) -> None:
    """The run is stopped at the step after which it does not hold, though its end would have been right."""
    report = lab.explore(transfers(check))
    assert report.broken.startswith(broken)
    steps = [line.split(" s  ")[1].split()[0] for line in report.story.splitlines() if " s  " in line]
    assert steps == ["main", "move"]
    assert f"=> BROKEN: {report.broken}" in report.story
    assert report.tape is not None
    assert lab.replay(transfers(check), report.tape).broken == report.broken


@pytest.mark.parametrize("holds", [True, None, ""])
def test_what_holds_is_proved(holds: str | bool | None) -> None:
    """True, None and no words mean that it holds."""
    assert lab.prove(transfers(lambda _: holds)).check().proved


def test_every_step_of_every_schedule_is_checked() -> None:
    """As many checks as steps, and only those of the run that registered it."""
    checks: list[int] = []

    async def body() -> None:
        run: list[None] = []
        lab.watch("counted", lambda: checks.append(len(run)))

        async def step() -> None:
            run.append(None)
            await asyncio.sleep(0)
            run.append(None)

        await asyncio.gather(step(), step())

    report = lab.explore(body, engine="exhaustive")
    assert report.proved
    assert report.outcome.count > 4
    assert set(checks) == set(range(5))
    assert len(checks) >= report.outcome.steps


def test_the_first_that_breaks_is_named() -> None:
    """Several may be watched; the report has the name of the one that broke."""

    async def body() -> None:
        seen: list[str] = []
        lab.watch("there are at most two", lambda: len(seen) <= 2)
        lab.watch("b is never first", lambda: seen[:1] != ["b"])

        async def add(name: str) -> None:
            seen.append(name)

        await asyncio.gather(add("a"), add("b"))

    assert lab.explore(body).broken == "b is never first: it does not hold"


async def test_a_real_loop_is_refused() -> None:
    """Under asyncio itself nobody would check it: said, not ignored."""
    with pytest.raises(
        RuntimeError, match=r"lab\.watch is for code under lab\.explore .*; this loop is a real one"
    ):
        lab.watch("never checked", lambda: True)


def test_without_a_loop_it_is_refused() -> None:
    """Outside of any loop too."""
    with pytest.raises(RuntimeError, match=r"lab\.watch is for code under lab\.explore .*; no loop runs here"):
        lab.watch("never checked", lambda: True)
