"""`holdfast providers verify route53`: does the live service do what the fence rests on? On a scratch name.

    free? -> first fence -> stale, twice, atomic, identical -> forms of answers -> limits -> race -> throttle
          -> INSYNC -> swept

Everything is written below the scratch name, under a fence of its own there, and is taken away again whatever
happens. What the vendor leaves open (an identical DELETE + CREATE, how soon it throttles) is told and decides
nothing: holdfast does not rest on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from holdfast import __version__
from holdfast.model.configuration import Answers, ProviderKind, ZoneConfig
from holdfast.model.records import NameRecords, Weighted
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    FenceAbsent,
    FencedWrite,
    FenceFound,
    FenceMoved,
    PinRepair,
    RRsetChange,
    Soa,
    Wrote,
)
from holdfast.ports.route53 import (
    Accepted,
    BatchRefused,
    ChangeRecordSets,
    GetHostedZone,
    HostedZone,
    InSync,
    ListRecordSets,
    NotAllowed,
    RecordSet,
    SetAction,
    SetChange,
    Start,
)
from holdfast.providers.route53 import batch
from holdfast.runtime.route53.transport import Route53Transport
from holdfast.service.route53.bench import SCOPE, TRIES, TTL_S, Bench, CannotVerify, Plan, fence_at
from holdfast.service.route53.record import Step, Verification

WRITERS: Final = 12
SYNC_WAIT_S: Final = 300.0
BURST: Final = 40


async def verify(plan: Plan, tell: Callable[[Step], None]) -> Verification:
    """Try everything; each step is told as it comes.

    Raises:
        CannotVerify: the zone can't be had, or the scratch name is in use.
        NoCredentials: there are none.
    """
    zone = ZoneConfig(plan.name, ProviderKind.ROUTE53, "", timeout_s=30.0, route53=plan.settings)
    transport = Route53Transport((zone,))
    bench = Bench(plan, transport)
    steps: list[Step] = []
    try:
        steps.append(await _free(bench))
        tell(steps[-1])
        try:
            async for step in _tried(bench):
                steps.append(step)
                tell(step)
        finally:
            steps.append(await _swept(bench))
            tell(steps[-1])
    finally:
        await transport.close()
    return Verification(
        plan.settings.endpoint, plan.settings.zone_id, plan.name, int(time.time()), __version__, tuple(steps)
    )


async def _free(bench: Bench) -> Step:
    zone = await bench.again(lambda: bench.transport.hosted_zone(GetHostedZone(bench.zone)))
    if isinstance(zone, NotAllowed):
        raise CannotVerify(f"hosted zone {bench.plan.settings.zone_id}: {zone.code}: {zone.text}")
    if isinstance(zone, CouldNotAsk):
        raise CannotVerify(zone.reason)
    assert isinstance(zone, HostedZone)
    if not bench.zone.endswith(f".{zone.name}"):
        raise CannotVerify(f"{bench.zone} does not lie below {zone.name}, which is the zone of that id")
    found = await bench.sets()
    if found:
        raise CannotVerify(
            f"{found[0].name} has a {found[0].rtype} record set: the scratch name must be free, with all below it"
        )
    return Step("zone", True, f"{zone.name}, {zone.record_sets} record sets; {bench.zone} is free")


async def _tried(bench: Bench) -> AsyncIterator[Step]:
    yield await _first(bench)
    yield await _raised(bench)
    yield await _stale(bench)
    yield await _whole(bench)
    yield await _identical(bench)
    yield await _forms(bench)
    yield await _limit(bench)
    yield await _race(bench)
    yield await _busy(bench)
    if bench.plan.burst:
        yield await _throttle(bench)
    yield await _in_sync(bench)


async def _first(bench: Bench) -> Step:
    """The first fence by CREATE alone; a second CREATE is refused."""
    pin = PinRepair(FenceAbsent(), Soa(0, ""))
    write = FencedWrite(pin, fence_at(1), ())
    first = await bench.again(lambda: bench.run(bench.provider().write(SCOPE, write)))
    second = await bench.change(SetChange(SetAction.CREATE, batch.fence_set(SCOPE, bench.zone, fence_at(9))))
    good = isinstance(first, Wrote) and isinstance(second, BatchRefused)
    return Step("create", good, f"first fence: {_said(first)}; a second CREATE: {_said(second)}")


async def _raised(bench: Bench) -> Step:
    """Exact DELETE + CREATE, with data."""
    result = await bench.write(fence_at(1), fence_at(2), bench.address("data", "192.0.2.1"))
    return Step("raise", isinstance(result, Wrote), f"exact DELETE + CREATE with data: {_said(result)}")


async def _stale(bench: Bench) -> Step:
    """A batch of an older fence changes nothing; the same for one with another TTL than the fence has."""
    result = await bench.write(fence_at(1), fence_at(1, sequence=1), bench.address("data", "192.0.2.66"))
    held = batch.fence_set(SCOPE, bench.zone, fence_at(2))
    other = msgspec.structs.replace(held, ttl=held.ttl + 1)
    inexact = await bench.change(SetChange(SetAction.DELETE, other))
    there = await bench.addresses("data")
    good = (
        result == FenceMoved(FenceFound(fence_at(2)))
        and isinstance(inexact, BatchRefused)
        and there == ("192.0.2.1",)
    )
    text = f"an older fence's batch: {_said(result)}; a DELETE with another TTL: {_said(inexact)}; data {there}"
    return Step("stale", good, text)


async def _whole(bench: Bench) -> Step:
    """One change that can't be made keeps all of a batch from being made."""
    good_one = SetChange(SetAction.CREATE, RecordSet(bench.name("half"), "A", TTL_S, ("192.0.2.1",)))
    bad_one = SetChange(SetAction.DELETE, RecordSet(bench.name("none"), "A", TTL_S, ("192.0.2.1",)))
    answer = await bench.change(good_one, bad_one)
    there = await bench.addresses("half")
    return Step(
        "atomic", isinstance(answer, BatchRefused) and not there, f"{_said(answer)}; the good half: {there}"
    )


async def _identical(bench: Bench) -> Step:
    """DELETE + CREATE of the very same fence: not documented, and not needed (the sequence moves)."""
    held = batch.fence_set(SCOPE, bench.zone, fence_at(2))
    answer = await bench.change(SetChange(SetAction.DELETE, held), SetChange(SetAction.CREATE, held))
    return Step("identical", None, f"DELETE + CREATE of an identical TXT: {_said(answer)}")


async def _forms(bench: Bench) -> Step:
    """A name goes from simple to weighted, changes a weight, goes to multivalue, and reads back each time."""
    fence, said = fence_at(2), []
    records = NameRecords(
        bench.name("forms"), bench.zone, TTL_S, (Weighted("192.0.2.1", 3), Weighted("192.0.2.2", 1)), (), "g"
    )
    heavier = msgspec.structs.replace(records, a=(Weighted("192.0.2.1", 9), Weighted("192.0.2.2", 1)))
    tried = (
        (Answers.SIMPLE, records),
        (Answers.WEIGHTED, records),
        (Answers.WEIGHTED, heavier),
        (Answers.MULTIVALUE, records),
    )
    good = True
    for answers, wanted in tried:
        provider = bench.provider(answers)
        changes = tuple(RRsetChange(r.name, r.rtype, None, r) for r in provider.render(wanted))
        after = msgspec.structs.replace(fence, sequence=fence.sequence + 1)
        result = await bench.write(fence, after, *changes, answers=answers)
        good = good and isinstance(result, Wrote)
        fence = after if isinstance(result, Wrote) else fence
        said.append(f"{answers.value} {_said(result)}")
    last = await bench.write(fence, fence_at(3))
    return Step("answers", good and isinstance(last, Wrote), "; ".join(said))


async def _limit(bench: Bench) -> Step:
    """One record more than a batch may have: refused, so nothing is written."""
    names = [bench.name(f"over{i:02}") for i in range(11)]
    values = tuple(f"198.18.{i >> 8}.{i & 255}" for i in range(91))
    over = tuple(SetChange(SetAction.CREATE, RecordSet(name, "A", TTL_S, values)) for name in names)
    answer = await bench.change(*over)
    return Step(
        "limit", isinstance(answer, (BatchRefused, NotAllowed)), f"a batch of 1,001 records: {_said(answer)}"
    )


async def _race(bench: Bench) -> Step:
    """Twelve writers race for each generation: one winner each, and nothing lost (I1)."""
    held, winners = fence_at(3), []
    started_s = time.monotonic()
    for generation in range(4, bench.plan.generations + 4):
        raised = [fence_at(generation, writer=f"racer-{i}") for i in range(WRITERS)]
        results = await asyncio.gather(
            *(
                bench.write(held, after, bench.address(f"g{generation}", f"192.0.2.{i}"))
                for i, after in enumerate(raised)
            )
        )
        won = [i for i, result in enumerate(results) if isinstance(result, Wrote)]
        if len(won) != 1:
            return Step("race", False, f"generation {generation}: {len(won)} winners of {WRITERS}")
        held = raised[won[0]]
        winners.append((f"g{generation}", won[0]))
    for label, winner in winners:
        if await bench.addresses(label) != (f"192.0.2.{winner}",):
            return Step("race", False, f"{label} does not hold what its winner wrote")
    took_s = time.monotonic() - started_s
    return Step("race", True, f"{WRITERS} writers x {len(winners)} generations, one winner each, {took_s:.0f} s")


async def _busy(bench: Bench) -> Step:
    """Two batches at once: the second may be turned away (PriorRequestNotComplete). Only told."""
    ops = [
        ChangeRecordSets(
            bench.zone,
            (SetChange(SetAction.UPSERT, RecordSet(bench.name(f"busy{i}"), "A", TTL_S, ("192.0.2.1",))),),
        )
        for i in range(2)
    ]
    found = await asyncio.gather(*(bench.transport.change_sets(op) for op in ops))
    return Step("busy", None, "two batches at once: " + ", ".join(_said(answer) for answer in found))


async def _throttle(bench: Bench) -> Step:
    """Ask too fast: some requests must be turned away as such, and the zone be readable right after."""
    settings = msgspec.structs.replace(bench.plan.settings, requests_per_s=1e6)
    zone = ZoneConfig(bench.zone, ProviderKind.ROUTE53, "", route53=settings)
    fast = Route53Transport((zone,))
    try:
        op = ListRecordSets(bench.zone, Start(bench.zone), 1)
        found = await asyncio.gather(*(fast.list_once(op) for _ in range(BURST)))
    finally:
        await fast.close()
    away = sum(isinstance(answer, CouldNotAsk) for answer in found)
    after = await bench.addresses("data")
    good = after == ("192.0.2.1",)
    return Step(
        "throttle", good, f"{away} of {BURST} requests at once were turned away; readable afterwards: {good}"
    )


async def _in_sync(bench: Bench) -> Step:
    """A change is listed at once, and comes to all name servers in the end."""
    name = bench.name("sync")
    answer = await bench.change(SetChange(SetAction.CREATE, RecordSet(name, "A", TTL_S, ("192.0.2.1",))))
    if not isinstance(answer, Accepted):
        return Step("insync", False, _said(answer))
    listed = await bench.addresses("sync") == ("192.0.2.1",)
    started_s = time.monotonic()
    while time.monotonic() - started_s < SYNC_WAIT_S:
        if await bench.transport.in_sync(InSync(bench.zone, answer.change_id)) is True:
            took_s = time.monotonic() - started_s
            return Step("insync", listed, f"listed at once: {listed}; INSYNC after {took_s:.0f} s")
        await asyncio.sleep(bench.plan.wait_s)
    return Step("insync", False, f"still PENDING after {SYNC_WAIT_S:.0f} s")


async def _swept(bench: Bench) -> Step:
    """Take all of it away again."""
    for _ in range(TRIES):
        left = await bench.sets()
        if not left:
            return Step("swept", True, f"nothing is left below {bench.zone}")
        await bench.change(*(SetChange(SetAction.DELETE, s) for s in left[:300]))
    return Step("swept", False, f"{len(left)} record sets are left below {bench.zone}: delete them by hand")


def _said(answer: object) -> str:
    """An answer in a few words."""
    match answer:
        case Accepted():
            return "accepted"
        case BatchRefused(messages=messages):
            return f"refused ({'; '.join(messages[:1])[:120]})"
        case NotAllowed(code=code, text=text):
            return f"{code} ({text[:120]})"
        case CouldNotAsk(reason=reason):
            return f"no answer ({reason[:120]})"
        case Wrote():
            return "applied"
        case FenceMoved():
            return "refused, the fence has moved"
        case _:
            return str(answer)[:160]
