"""(c) Plan and difference at 427,000 names of two targets each: the size at which an ExternalDNS user reports 35
minutes a sync.

    python benchmarks/planning.py [--names 427000] [--rounds 7]

Names share groups as real ones do: most groups serve few names, some serve hundreds. "Little changed" is one
target down in a group of a handful of names; the time is decision, encoding with digests, and difference. The
store's write (every chunk of the plan, R14) is reported beside it, because no plan shares chunks with another.
Raw figures go to benchmarks/out/planning.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from holdfast.documents.plans import publish_plan
from holdfast.documents.reading import absent
from holdfast.model.configuration import (
    Check,
    Configuration,
    EndpointConfig,
    GroupConfig,
    Mode,
    ProviderKind,
    StoredConfiguration,
    TargetConfig,
    ZoneConfig,
    target_key,
)
from holdfast.model.directives import Directives
from holdfast.model.keys import Keys
from holdfast.model.observation import Health, Verdict, Verdicts
from holdfast.model.plan import Plan
from holdfast.planner.decide import decide
from holdfast.planner.desk import Desk
from holdfast.planner.difference import difference
from holdfast.planner.situation import Decision, Situation, Standing
from holdfast.ports.store import Commit, Committed, Get
from holdfast.runtime.driver import Answers, drive
from holdfast.stores.sqlite import SqliteStore

T = TypeVar("T")
ZONES = ("eu.bench.test", "us.bench.test")
SIZES = (1, 2, 3, 5, 8, 13, 40, 250)
"""Names of a group, in turn: a handful mostly, some hundreds."""


def scope(names: int) -> StoredConfiguration:
    """A configuration of so many names."""
    groups: list[GroupConfig] = []
    endpoints: list[EndpointConfig] = []
    while len(endpoints) < names:
        index = len(groups)
        group = f"g{index:06d}"
        targets = tuple(
            TargetConfig(
                name=side,
                a=f"10.{64 * half + (index >> 16)}.{(index >> 8) & 255}.{index & 255}",
                aaaa=None,
                port=443,
                label=f"az{half + 1}",
            )
            for half, side in enumerate("ab")
        )
        groups.append(GroupConfig(name=group, targets=targets, check=Check()))
        for _ in range(min(SIZES[index % len(SIZES)], names - len(endpoints))):
            # Neighbours in the alphabet are not of one group: the number is scattered.
            number = len(endpoints) * 2_654_435_761 % 2**32
            zone = ZONES[number & 1]
            endpoints.append(EndpointConfig(name=f"svc-{number:08x}.{zone}", zone=zone, group=group))
    configuration = Configuration(
        scope="bench",
        mode=Mode.ENFORCE,
        zones=tuple(ZoneConfig(name=z, provider=ProviderKind.MEMORY, server="") for z in ZONES),
        groups=tuple(groups),
        endpoints=tuple(sorted(endpoints, key=lambda e: e.name)),
        probers=(),
        allowed_prefixes=("10.0.0.0/8",),
    )
    return StoredConfiguration(revision=1, origin="benchmark", digest="0", configuration=configuration)


def judged(stored: StoredConfiguration, *, down: str = "") -> Verdicts:
    """Fresh verdicts, as a judge makes them each time; one target down."""
    keys = (target_key(g.name, t.name) for g in stored.configuration.groups for t in g.targets)
    return Verdicts(
        tuple(Verdict(k, Health.UNHEALTHY if k == down else Health.HEALTHY, "3 of 3 vantage points") for k in keys)
    )


def situation(stored: StoredConfiguration, parent: Plan | None, verdicts: Verdicts) -> Situation:
    """Everything applied, nothing spent that a timer would not have given back."""
    identity = None if parent is None else parent.identity
    charges = () if parent is None else parent.head.ledger
    return Situation(
        configuration=stored,
        directives=Directives(),
        verdicts=verdicts,
        observers=(),
        parent=parent,
        incarnation=1,
        standings=tuple(Standing(zone, identity) for zone in ZONES),
        fired=frozenset(f"refund/{c.generation}/{c.zone}" for c in charges),
        planner="bench",
    )


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds, and the result."""
    begin = time.perf_counter()
    result = work()
    return (time.perf_counter() - begin) * 1000, result


def made(decision: Decision) -> Plan:
    """The plan, which a benchmark without one must not survive."""
    assert decision.plan is not None, decision
    return decision.plan


def measure(stored: StoredConfiguration, rounds: int) -> tuple[dict[str, Any], Plan, Plan, Desk]:
    """The full plan once, then one target after another going down."""
    desk = Desk()
    healthy = judged(stored)
    full_ms, first = timed(lambda: made(decide(situation(stored, None, healthy), desk)))
    full_difference_ms, changes = timed(lambda: difference(None, first))
    assert len(changes) == len(stored.configuration.endpoints)
    restart_ms, again = timed(lambda: decide(situation(stored, first, healthy), Desk()))
    assert again.plan is None
    still_ms, again = timed(lambda: decide(situation(stored, first, healthy), desk))
    assert again.plan is None
    little: list[tuple[float, float]] = []
    cpu: list[float] = []
    parent = before = first
    groups = [g for i, g in enumerate(stored.configuration.groups) if SIZES[i % len(SIZES)] == 8]
    for round_ in range(rounds):
        verdicts = judged(stored, down=f"{groups[round_ * 37].name}/a")
        now, before = situation(stored, parent, verdicts), parent
        begin = time.process_time()
        decide_ms, plan = timed(lambda now=now: made(decide(now, desk)))  # type: ignore[misc]  # bound at once
        difference_ms, moved = timed(lambda a=parent, b=plan: difference(a, b))  # type: ignore[misc]  # bound at once
        cpu.append((time.process_time() - begin) * 1000)
        assert 8 <= len(moved) <= 16, len(moved)
        little.append((decide_ms, difference_ms))
        parent = plan
    return (
        {
            "names": len(stored.configuration.endpoints),
            "groups": len(stored.configuration.groups),
            "sections": len(first.sections),
            "bytes": sum(len(desk.encoder.bytes_of(section)) for section in parent.sections),
            "full_ms": full_ms,
            "full_difference_ms": full_difference_ms,
            "restart_without_change_ms": restart_ms,
            "unchanged_ms": still_ms,
            "little_ms": [a + b for a, b in little],
            "little_cpu_ms": cpu,
            "little_difference_ms": [b for _, b in little],
        },
        before,
        parent,
        desk,
    )


async def store_write(plan: Plan, desk: Desk) -> float:
    """Milliseconds to create the plan in a SQLite store: every chunk, the head, the pointer."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "store.sqlite")
        answers = Answers()
        answers.register(Commit, store.commit)
        answers.register(Get, store.get)
        keys = Keys("bench")
        begin = time.perf_counter()
        conditions = (absent(keys.newest),)
        result = await drive(publish_plan(keys, plan, conditions, (), desk.encoder.bytes_of), answers)
        took = (time.perf_counter() - begin) * 1000
        await store.close()
    assert isinstance(result, Committed), result
    return took


def main() -> None:
    """Measure, print a table, keep the raw figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--names", type=int, default=427_000)
    arguments.add_argument("--rounds", type=int, default=7)
    chosen = arguments.parse_args()
    stored = scope(chosen.names)
    raw, _, plan, desk = measure(stored, chosen.rounds)
    raw["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    raw["store_write_ms"] = asyncio.run(store_write(plan, desk))
    out = Path(__file__).parent / "out" / "planning.json"
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(msgspec.json.format(json.dumps(raw).encode()))
    write = raw["store_write_ms"]
    rows = (
        (
            "little changed: decision, encoding, difference",
            f"{statistics.median(raw['little_ms']):.1f} ms median,"
            f" {max(raw['little_ms']):.1f} worst of {chosen.rounds}",
            "MUST 100 ms",
        ),
        (
            "  the same in processor time",
            f"{statistics.median(raw['little_cpu_ms']):.1f} ms median, {max(raw['little_cpu_ms']):.1f} worst",
            "without the machine's other load",
        ),
        ("  of which difference", f"{statistics.median(raw['little_difference_ms']):.1f} ms", ""),
        ("nothing changed", f"{raw['unchanged_ms']:.1f} ms", ""),
        ("in full: decision and encoding", f"{raw['full_ms']:.0f} ms", "AIM 3 s"),
        ("in full: difference", f"{raw['full_difference_ms']:.0f} ms", "with the above"),
        ("after a planner's restart, nothing changed", f"{raw['restart_without_change_ms']:.0f} ms", ""),
        ("peak resident memory", f"{raw['peak_rss_mib']:.0f} MiB", "MUST 2,048 MiB"),
        (
            "store write, all chunks (SQLite)",
            f"{write:.0f} ms",
            "beside",
        ),
    )
    print(f"{raw['names']:,} names, {raw['groups']:,} groups, {raw['sections']} sections, {raw['bytes']:,} bytes")
    for what, figure, bar in rows:
        print(f"  {what:<50} {figure:<36} {bar}")


if __name__ == "__main__":
    main()
