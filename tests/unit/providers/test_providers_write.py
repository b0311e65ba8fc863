"""What a write comes to when the server, or what stands before it, does not do what it says."""

from __future__ import annotations

from typing import Any

import pytest
from provider_world import ZONE, World, a

from holdfast.model.configuration import ProviderKind, Route53Settings, ZoneConfig
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity
from holdfast.model.records import NameRecords, RRset, Weighted
from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.updating import Quirks
from holdfast.ports.dns import Answer, AskMany, Rcode, Response, SetRRset, Transfer, Update
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.provider import (
    Blocked,
    Denied,
    FenceAbsent,
    FencedWrite,
    FenceFound,
    FenceMoved,
    FenceUnreadable,
    Fencing,
    PinFence,
    PinRepair,
    RRsetChange,
    Soa,
    Wrote,
    ZoneRRsets,
)
from holdfast.providers.bind import BIND
from holdfast.providers.factory import provider_for
from holdfast.providers.knot import KNOT
from holdfast.providers.memory import MEMORY
from holdfast.providers.proof import proof_owner
from holdfast.providers.reading import interpret_fence
from holdfast.providers.rfc2136 import Rfc2136Provider

SCOPE = "s"


def fence(generation: int) -> Fence:
    """A fence."""
    return Fence(identity=Identity(1, generation, f"{generation:032x}"), writer="unit")


def fenced(*rrsets: RRset, lie: Any = None) -> World:
    """A zone that has fence 1."""
    return World(RRset(fence_owner(SCOPE, ZONE), "TXT", 5, (fence(1).rdata(),)), *rrsets, lie=lie)


def create(label: str, *addresses: str) -> RRsetChange:
    """A new name."""
    rrset = a(label, *addresses)
    return RRsetChange(rrset.name, "A", None, rrset)


def is_write(operation: Operation[Any]) -> bool:
    """Whether it changes something."""
    return isinstance(operation, Update) and bool(operation.changes)


def test_server_that_drops_a_record_is_found_by_the_read_back() -> None:
    """R4: NOERROR is not "applied" (a Lua policy of PowerDNS may drop records): Blocked, and the name says why."""
    world = fenced()
    provider = Rfc2136Provider(ZONE, BIND)
    write = FencedWrite(PinFence(fence(1)), None, (create("kept", "192.0.2.1"), create("dropped", "192.0.2.1")))

    def drop(operation: Operation[Any], answer: Any) -> Any:
        if is_write(operation):
            world.dns.put(world.zone().changed({f"dropped.{ZONE}": ()}))
        return answer

    world.lie = drop
    result = world.run(provider.write(SCOPE, write))
    assert isinstance(result, Blocked)
    assert [(o.name, o.why) for o in result.offenders] == [
        (f"dropped.{ZONE}", "A reads nothing after writing 192.0.2.1")
    ]


def test_server_that_does_not_move_the_fence() -> None:
    """R4: NOERROR with the old fence still there is a lost race, not a success."""
    world = fenced(lie=lambda op, answer: Response(Rcode.NOERROR) if is_write(op) else answer)
    before = world.zone()

    def swallow(operation: Operation[Any], answer: Any) -> Any:
        if is_write(operation):
            world.dns.put(before)
        return answer

    world.lie = swallow
    write = FencedWrite(PinFence(fence(1)), fence(2), ())
    assert world.run(Rfc2136Provider(ZONE, BIND).write(SCOPE, write)) == FenceMoved(FenceFound(fence(1)))


def test_servfail_of_anothers_message_is_no_verdict() -> None:
    """Knot's bulk: a SERVFAIL that applied nothing and has no offender is asked again later, and then works."""
    world = fenced()
    before = world.zone()

    def fail(operation: Operation[Any], answer: Any) -> Any:
        if is_write(operation):
            world.dns.put(before)
            return Response(Rcode.SERVFAIL)
        return answer

    provider = Rfc2136Provider(ZONE, KNOT)
    write = FencedWrite(PinFence(fence(1)), fence(2), (create("x", "192.0.2.1"),))
    world.lie = fail
    result = world.run(provider.write(SCOPE, write))
    assert isinstance(result, CouldNotAsk)
    assert not result.maybe_applied
    world.lie = None
    assert world.run(provider.write(SCOPE, write)) == Wrote(fence(2))


def test_servfail_although_applied_is_recovered() -> None:
    """R5: whatever the server says, my identity and my data in DNS are done."""
    world = fenced(lie=lambda op, answer: Response(Rcode.SERVFAIL) if is_write(op) else answer)
    write = FencedWrite(PinFence(fence(1)), fence(2), (create("x", "192.0.2.1"),))
    assert world.run(Rfc2136Provider(ZONE, BIND).write(SCOPE, write)) == Wrote(fence(2), recovered=True)


def test_failed_read_back_is_no_success() -> None:
    """R4: written but not read back is "maybe"."""
    silent = CouldNotAsk("no answer")
    world = fenced(lie=lambda op, answer: silent if isinstance(op, Update) and not op.changes else answer)
    write = FencedWrite(PinFence(fence(1)), None, (create("x", "192.0.2.1"),))
    result = world.run(Rfc2136Provider(ZONE, BIND).write(SCOPE, write))
    assert isinstance(result, CouldNotAsk)
    assert result.maybe_applied


def test_request_that_never_left_is_not_looked_for() -> None:
    """A message that surely was not sent costs no further question."""
    world = fenced(lie=lambda op, answer: CouldNotAsk("no connection") if is_write(op) else answer)
    write = FencedWrite(PinFence(fence(1)), None, (create("x", "192.0.2.1"),))
    assert world.run(Rfc2136Provider(ZONE, BIND).write(SCOPE, write)) == CouldNotAsk("no connection")
    assert len(world.asked) == 1


@pytest.mark.parametrize("rcode", [Rcode.REFUSED, Rcode.NOTAUTH, Rcode.NOTIMP, Rcode.NOTZONE, Rcode.FORMERR])
def test_refusals_are_configuration(rcode: Rcode) -> None:
    """A server that will not take our updates is Denied, whatever it calls it."""
    world = fenced(lie=lambda op, answer: Response(rcode) if is_write(op) else answer)
    write = FencedWrite(PinFence(fence(1)), None, (create("x", "192.0.2.1"),))
    result = world.run(Rfc2136Provider(ZONE, BIND).write(SCOPE, write))
    assert isinstance(result, Denied)
    assert rcode.value in result.reason


def test_primary_without_authority_counts_for_nothing() -> None:
    """R2: a non-authoritative answer is "could not ask": for the fence, the SOA and the data."""

    def forget(operation: Operation[Any], answer: Any) -> Any:
        def one(found: Answer) -> Answer:
            return Answer(found.rcode, found.rrset, authoritative=False)

        return tuple(map(one, answer)) if isinstance(operation, AskMany) else one(answer)

    world = fenced(a("x", "192.0.2.1"), lie=forget)
    provider = Rfc2136Provider(ZONE, BIND)
    assert isinstance(world.run(provider.read_fence(SCOPE)), CouldNotAsk)
    assert isinstance(world.run(provider.read_soa()), CouldNotAsk)
    assert isinstance(world.run(provider.read_rrsets((f"x.{ZONE}",))), CouldNotAsk)


def test_refused_transfer_falls_back_to_questions() -> None:
    """Many names are read by transfer; where that is refused, by questions: the same RRsets."""
    world = fenced(a("x", "192.0.2.1"), a("y", "192.0.2.2"))
    names = (f"x.{ZONE}", f"y.{ZONE}", f"none.{ZONE}")
    provider = Rfc2136Provider(ZONE, BIND, transfer_from=2)
    by_transfer = world.run(provider.read_rrsets(names))
    assert [type(op) for op in world.asked] == [Transfer]
    world.lie = lambda op, answer: CouldNotAsk("REFUSED") if isinstance(op, Transfer) else answer
    assert world.run(provider.read_rrsets(names)) == by_transfer
    assert by_transfer == ZoneRRsets((a("x", "192.0.2.1"), a("y", "192.0.2.2")))


def test_names_below_a_delegation_are_offenders() -> None:
    """What lies below a zone cut is not served from here: named, by questions and by transfer."""
    world = fenced(RRset(f"sub.{ZONE}", "NS", 60, ("ns.elsewhere.test",)), a("deep.sub", "192.0.2.1"))
    names = (f"deep.sub.{ZONE}", f"free.{ZONE}")
    for start in (1, 100):
        found = world.run(Rfc2136Provider(ZONE, BIND, transfer_from=start).read_rrsets(names))
        assert isinstance(found, ZoneRRsets)
        assert found.rrsets == ()
        assert [o.name for o in found.aliases] == [f"deep.sub.{ZONE}"]


def test_repair_proves_the_serial_first_and_once() -> None:
    """R3: the first repair proves the serial, which moves it, so it reports a lost race; the next one lands."""
    world = World()
    provider = Rfc2136Provider(ZONE, BIND)

    def repair(generation: int) -> Any:
        soa = world.run(provider.read_soa())
        assert isinstance(soa, Soa)
        write = FencedWrite(PinRepair(FenceAbsent(), soa), fence(generation), ())
        return world.run(provider.write(SCOPE, write))

    assert repair(1) == FenceMoved(FenceAbsent())
    assert not world.zone().exists(proof_owner(SCOPE, ZONE))
    assert repair(1) == Wrote(fence(1))
    assert provider.capabilities.serial_pin


def test_repair_is_denied_where_the_serial_stands_still() -> None:
    """R3: a serial that an update leaves where it was pins nothing: repair is denied from then on."""
    world = World()
    world.dns = MemoryDns([world.zone()], quirks={ZONE: Quirks(serial_moves=False)})
    provider = Rfc2136Provider(ZONE, BIND)
    soa = world.run(provider.read_soa())
    assert isinstance(soa, Soa)
    write = FencedWrite(PinRepair(FenceAbsent(), soa), fence(1), ())
    for _ in range(2):
        assert isinstance(world.run(provider.write(SCOPE, write)), Denied)
    assert not provider.capabilities.serial_pin
    assert not world.zone().exists(fence_owner(SCOPE, ZONE))


def test_lost_repair_of_a_fence_that_jumped_is_not_done() -> None:
    """R3, R5: the damage reads as a newer fence with my data, and is what the repair was to replace (lab)."""
    damage = Fence(identity=Identity(1, 10**9, "f" * 32), writer="nobody")
    world = World(RRset(fence_owner(SCOPE, ZONE), "TXT", 5, (damage.rdata(),)))
    provider = Rfc2136Provider(ZONE, MEMORY)
    soa = world.run(provider.read_soa())
    assert isinstance(soa, Soa)
    before = world.zone()

    def never_arrives(operation: Operation[Any], answer: Any) -> Any:
        if not is_write(operation):
            return answer
        world.dns.put(before)
        return CouldNotAsk("timed out", maybe_applied=True)

    world.lie = never_arrives
    pin = PinRepair(FenceUnreadable((damage.rdata(),), "it jumped"), soa)
    result = world.run(provider.write(SCOPE, FencedWrite(pin, fence(2), ())))
    assert result == CouldNotAsk("timed out", maybe_applied=True)


def test_interrupted_proof_says_nothing() -> None:
    """R3: a foreign change in the middle of the proof neither proves nor refutes; the next repair tries again."""
    world = World()
    provider = Rfc2136Provider(ZONE, BIND)
    strikes = iter([True])

    def strike(operation: Operation[Any], answer: Any) -> Any:
        if is_write(operation) and next(strikes, False):
            world.dns.answer(Update(ZONE, (), (_set(a("foreign", "192.0.2.1")),)))
            return Response(Rcode.NXRRSET)
        return answer

    world.lie = strike
    soa = world.run(provider.read_soa())
    assert isinstance(soa, Soa)
    write = FencedWrite(PinRepair(FenceAbsent(), soa), fence(1), ())
    assert world.run(provider.write(SCOPE, write)) == FenceMoved(FenceAbsent())
    assert provider.capabilities.serial_pin


def _set(rrset: RRset) -> SetRRset:
    return SetRRset(rrset)


def test_fence_texts() -> None:
    """R6: one record, one string, our grammar; anything else is unreadable and says why."""
    good = fence(1)
    assert interpret_fence((good.rdata(),)) == FenceFound(good)
    for rdatas in (
        (good.rdata(), fence(2).rdata()),
        (good.rdata().replace(" gen", '" "gen'),),
        (good.rdata().upper(),),
        (f'"{good.text()} "',),
        (good.text(),),
        ('""',),
    ):
        reading = interpret_fence(rdatas)
        assert isinstance(reading, FenceUnreadable)
        assert reading.why


def test_provider_of_each_kind() -> None:
    """The factory knows every kind of the configuration; capabilities are as the facts file says."""
    fencing = {}
    for kind in ProviderKind:
        hosted = Route53Settings("Z1") if kind is ProviderKind.ROUTE53 else None
        provider = provider_for(ZoneConfig(name=ZONE, provider=kind, server="127.0.0.1:53", route53=hosted))
        assert provider.zone == ZONE
        fencing[kind] = provider.capabilities.fencing
        assert provider.capabilities.weights == (kind in (ProviderKind.EMBEDDED, ProviderKind.MEMORY))
    assert [k for k, f in fencing.items() if f is not Fencing.TRANSACTION] == [ProviderKind.POWERDNS]


def test_weights_are_rendered_where_they_are_kept() -> None:
    """With weights there is one more RRset at the name; without, any weight above 0 is the same."""
    records = NameRecords(
        name=f"x.{ZONE}",
        zone=ZONE,
        ttl=5,
        a=(Weighted("192.0.2.1", 2),),
        aaaa=(Weighted("2001:db8::1", 0),),
        group="g",
    )
    assert [r.rtype for r in Rfc2136Provider(ZONE, BIND).render(records)] == ["A"]
    kept = Rfc2136Provider(ZONE, MEMORY).render(records)
    assert [(r.rtype, r.rdatas) for r in kept] == [("A", ("192.0.2.1",)), ("TYPE65280", ("\\# 6 0002c0000201",))]
