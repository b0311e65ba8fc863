"""Whole enactors on BIND: a plan that changes every name, from its publication to DNS, one enactor beside three.

    python benchmarks/enactors.py [--names N] [--rounds N] [--server bind]

Each enactor is a process of its own with the production loop, a SQLite store that all share, its own disk and its
own connection, as `holdfast enactor` runs. The clock starts when the plan is committed and stops when the first
enactor reports the zone converged, for then DNS has all of it: plan read and checked, zone read, difference,
distrust, fenced writes, each read back. The next round begins when the last one has reported. Medians.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from holdfast.documents.plans import publish_plan, read_newest
from holdfast.documents.reading import Document, absent
from holdfast.enactor.loop import enact
from holdfast.enactor.settings import EnactorSettings
from holdfast.model.codec import decode, seal, section_ref
from holdfast.model.configuration import ProviderKind
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import ExplicitAct, Inputs, Plan, PlanHead, Section
from holdfast.model.records import NameRecords, Weighted
from holdfast.model.report import EnactorReport
from holdfast.ports.events import Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Get
from holdfast.providers.factory import DIALECTS
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.runtime.clock import Pacing, ProcessClock
from holdfast.runtime.disk import DirectoryDisk
from holdfast.runtime.dns import DnsTransport
from holdfast.runtime.driver import drive
from holdfast.runtime.ports import actor_answers
from holdfast.runtime.zone_access import ZoneAccess
from holdfast.stores.sqlite import SqliteStore
from servers.bind import start_bind
from servers.embedded import start_embedded
from servers.knot import start_knot
from servers.process import Starter, ZoneSpec

SCOPE = "bench"
ZONE = "bench.test"
KEYS = Keys(SCOPE)
SECTION = 1024
STARTERS: dict[str, Starter] = {"bind": start_bind, "knot": start_knot, "embedded": start_embedded}


class Quiet:
    """An event sink that drops what it gets."""

    def emit(self, event: Event) -> None:
        """Nothing."""


def plan_of(generation: int, count: int, parent: Identity | None) -> Plan:
    """Every name with two addresses that no plan had before; the old ones go by word, which R9 exempts."""
    pair = (Weighted(f"192.0.2.{generation}", 1), Weighted(f"198.51.100.{generation}", 1))
    names = tuple(NameRecords(f"n{i:06}.{ZONE}", ZONE, 30, pair, (), f"g{i // 10}") for i in range(count))
    sections = tuple(Section(names[i : i + SECTION]) for i in range(0, count, SECTION))
    head = PlanHead(
        scope=SCOPE,
        incarnation=1,
        generation=generation,
        parent=parent,
        zones=(ZONE,),
        inputs=Inputs(1, 0, ()),
        sections=tuple(section_ref(s) for s in sections),
        explicit=tuple(
            ExplicitAct("remove-target", f"{net}.{g}", "bench")
            for net in ("192.0.2", "198.51.100")
            for g in range(1, generation)
        ),
        planner="bench",
    )
    return seal(head, sections)


def run_enactor(
    store_path: Path, disk_path: Path, access: ZoneAccess, kind: ProviderKind, turn: int, turns: int
) -> None:
    """One enactor, for ever: the body of a process."""

    async def run() -> None:
        store = SqliteStore(store_path)
        answers = actor_answers(
            store=store,
            clock=ProcessClock(subscribe=store.subscribe, pacing=Pacing()),
            events=Quiet(),
            disk=DirectoryDisk(disk_path),
            dns=DnsTransport([access]),
        )
        settings = EnactorSettings(SCOPE, f"e{turn}", turn=turn, turns=turns, ask_servers=False)
        await drive(enact(settings, {ZONE: Rfc2136Provider(ZONE, DIALECTS[kind])}), answers)

    asyncio.run(run())


async def converged(store: SqliteStore, wanted: Identity, turns: int) -> float:
    """When the first enactor says so; waits for all, at most two minutes."""
    deadline = time.perf_counter() + 120.0
    first = 0.0
    left = set(range(turns))
    while left:
        for turn in sorted(left):
            entry = await store.get(Get(KEYS.enactor(f"e{turn}")))
            if entry is None or isinstance(entry, CouldNotAsk):
                continue
            report = decode(entry.value, EnactorReport)
            if report.plan == wanted and report.zones and all(z.state == "converged" for z in report.zones):
                first = first or time.perf_counter()
                left.remove(turn)
        if time.perf_counter() > deadline:
            raise SystemExit(f"enactors {sorted(left)} did not get there")
        await asyncio.sleep(0.005)
    return first


async def measure(server: str, turns: int, count: int, rounds: int) -> list[float]:
    """Seconds of each round."""
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-bench-") as directory,
        STARTERS[server]((ZoneSpec(ZONE),)) as up,
    ):
        path = Path(directory)
        access = up.access(ZONE)
        store = SqliteStore(path / "store.db")
        processes = [
            context.Process(
                target=run_enactor,
                args=(path / "store.db", path / f"disk{t}", access, up.kind, t, turns),
                daemon=True,
            )
            for t in range(turns)
        ]
        try:
            for process in processes:
                process.start()
            answers = actor_answers(store=store, clock=ProcessClock(), events=Quiet())
            taken: list[float] = []
            for generation in range(1, rounds + 2):
                newest = await drive(read_newest(KEYS), answers)
                parent = newest if isinstance(newest, Document) else None
                plan = plan_of(generation, count, None if parent is None else parent.value)
                condition = absent(KEYS.newest) if parent is None else parent.unchanged()
                await drive(publish_plan(KEYS, plan, (condition,)), answers)
                started = time.perf_counter()
                taken.append(await converged(store, plan.identity, turns) - started)
            return taken[1:]  # the first also creates the names and proves the serial
        finally:
            for process in processes:
                process.terminate()
                process.join()
            await store.close()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--server", choices=sorted(STARTERS), default="bind")
    args = parser.parse_args()
    for turns in (1, 3):
        taken = asyncio.run(measure(args.server, turns, args.names, args.rounds))
        each = ", ".join(f"{t:.2f}" for t in taken)
        middle = statistics.median(taken)
        print(f"{args.server}, {args.names} names, {turns} enactors: median {middle:.2f} s ({each})")


if __name__ == "__main__":
    main()
