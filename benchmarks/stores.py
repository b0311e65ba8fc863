"""Time to converge and plans a second with the store on SQLite, PostgreSQL and etcd, side by side.

    python benchmarks/stores.py [--rounds 7] [--names 10000] [--only etcd]

All on this machine: PostgreSQL with its defaults (flushing), etcd as three members that share a disk and the
cores, so it pays three times for each commit. Engines that are not installed are left out and said.

    commit     one compare-and-set of one small key by one writer, median of many
    plan       a plan created whole (R14: chunks, head, newest), one target changed since the one before: median
    plans/s    the small plans that one planner creates one after the other
    reaction   from the probe that made the quorum to the changed DNS answer, as benchmarks/reaction.py
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "system"))

import msgspec
from planning import judged, made, scope, situation
from quickstart_world import quickstart
from reaction import one_round
from store_engines import ENGINES

from holdfast.config.store_address import StoreSettings
from holdfast.documents.plans import publish_plan
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan
from holdfast.planner.decide import decide
from holdfast.planner.desk import Desk
from holdfast.ports.store import Commit, Committed, Compare, Get, Put
from holdfast.runtime.driver import Answers, drive
from holdfast.stores.opening import open_store
from holdfast.stores.port import Store
from servers.process import Missing

HERE = Path(__file__).parent
SMALL_NAMES = 100
SMALL_PLANS = 30
LARGE_PLANS = 4
COMMITS = 200


class OnSqlite:
    """The file, as an engine."""

    name = "sqlite"

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="holdfast-stores-")

    def lines(self) -> tuple[str, ...]:
        """The default."""
        return ()

    def settings(self) -> StoreSettings:
        """A file of its own."""
        return StoreSettings(path=f"{self._directory.name}/store.sqlite")


@contextmanager
def on_sqlite() -> Iterator[OnSqlite]:
    """The file, removed afterwards."""
    engine = OnSqlite()
    yield engine
    engine._directory.cleanup()


def plans(names: int, count: int) -> tuple[list[Plan], Desk]:
    """A chain of plans: the first, then one in which a target is down, and one in which it is back, in turn."""
    stored, desk = scope(names), Desk()
    chain = [made(decide(situation(stored, None, judged(stored)), desk))]
    target = f"{stored.configuration.groups[0].name}/a"
    for number in range(count):
        verdicts = judged(stored, down="" if number % 2 else target)
        chain.append(made(decide(situation(stored, chain[-1], verdicts), desk)))
    return chain, desk


async def publish(store: Store, chain: list[Plan], desk: Desk, name: str) -> list[float]:
    """Milliseconds of each plan's creation."""
    answers = Answers()
    answers.register(Commit, store.commit)
    answers.register(Get, store.get)
    keys, newest, took = Keys(name), 0, []
    for plan in chain:
        begin = time.perf_counter()
        conditions = (Compare(keys.newest, newest),)
        result = await drive(publish_plan(keys, plan, conditions, (), desk.encoder.bytes_of), answers)
        took.append((time.perf_counter() - begin) * 1000)
        assert isinstance(result, Committed), result
        newest = result.revision
    return took


async def commits(store: Store, count: int) -> list[float]:
    """Milliseconds of each compare-and-set."""
    revision, took = 0, []
    for number in range(count):
        begin = time.perf_counter()
        result = await store.commit(Commit((Compare("k", revision),), (Put("k", b"%d" % number),)))
        took.append((time.perf_counter() - begin) * 1000)
        assert isinstance(result, Committed), result
        revision = result.revision
    return took


async def measure_store(settings: StoreSettings, names: int) -> dict[str, Any]:
    """What needs the store alone."""
    small, small_desk = plans(SMALL_NAMES, SMALL_PLANS)
    large, large_desk = plans(names, LARGE_PLANS)
    store = open_store(settings)
    found = {
        "commit_ms": await commits(store, COMMITS),
        "small_ms": await publish(store, small, small_desk, "small"),
        "large_ms": await publish(store, large, large_desk, "large"),
        "large_bytes": sum(len(large_desk.encoder.bytes_of(section)) for section in large[-1].sections),
    }
    await store.close()
    return found


def measure_reaction(lines: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """What needs all of holdfast."""
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-stores-") as directory,
        quickstart(Path(directory), store_lines=lines) as world,
    ):
        world.demo_up()
        measured = [one_round(world, turn) for turn in range(rounds)]
    return {"reaction_ms": [r for r, _ in measured], "in_all_ms": [a for _, a in measured]}


def main() -> None:
    """Measure, print a table, keep the raw figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--names", type=int, default=10_000)
    arguments.add_argument("--only", default="")
    chosen = arguments.parse_args()
    engines: dict[str, Callable[[], AbstractContextManager[Any]]] = {OnSqlite.name: on_sqlite, **ENGINES}
    raw: dict[str, Any] = {}
    print(
        f"{'median, ms':<20}{'commit':>8}{'plan':>8}{'plans/s':>9}{'large plan':>12}{'reaction':>10}{'in all':>8}"
    )
    for name, start in engines.items():
        if chosen.only not in ("", name):
            continue
        try:
            with start() as engine:
                found = asyncio.run(measure_store(engine.settings(), chosen.names))
                found |= measure_reaction(engine.lines(), chosen.rounds)
        except Missing as absent:
            print(f"{name:<20}left out: {absent}")
            continue
        raw[name] = found
        median = {key: statistics.median(values) for key, values in found.items() if isinstance(values, list)}
        print(
            f"{name:<20}{median['commit_ms']:>8.1f}{median['small_ms']:>8.1f}{1000 / median['small_ms']:>9.0f}"
            f"{median['large_ms']:>12.0f}{median['reaction_ms']:>10.1f}{median['in_all_ms']:>8.0f}",
            flush=True,
        )
    size = max((found["large_bytes"] for found in raw.values()), default=0)
    print(
        f"plan: {SMALL_NAMES} names; large plan: {chosen.names:,} names, {size:,} bytes; {chosen.rounds} reactions"
    )
    out = HERE / "out" / "stores.json"
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(msgspec.json.format(json.dumps(raw).encode()))


if __name__ == "__main__":
    main()
