"""Packing: nothing lost, nothing split, and never above what a DNS message can carry."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity
from holdfast.model.records import RRset
from holdfast.nameserver.encoding import encode_update
from holdfast.ports.dns import DeleteRRset, SetRRset, Update
from holdfast.ports.provider import FenceAbsent, PinRepair, RRsetChange, Soa
from holdfast.providers.dialect import MESSAGE_BYTES_MAX, SIGNATURE_BYTES
from holdfast.providers.guards import as_written, created, fence_is, guards, pin
from holdfast.providers.packing import change_bytes, pack

ZONE = "unit.test"
ROOM = MESSAGE_BYTES_MAX - SIGNATURE_BYTES
FENCE = Fence(
    identity=Identity(1, 10**17, "f" * 32), freezes=tuple(f"frz{i:09}" for i in range(8)), writer="w" * 32
)
PIN = PinRepair(FenceAbsent(), Soa(1, f"ns1.{ZONE} hostmaster.{ZONE} 1 3600 600 86400 5"))

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?(\.[a-z]{1,20})?", fullmatch=True)


@st.composite
def changes(draw: st.DrawFn) -> tuple[RRsetChange, ...]:
    """Changes as an enactor makes them: many names alike, of both families, created, changed and removed."""
    base = draw(labels)
    count = draw(st.integers(1, 2500))
    addresses = draw(st.integers(0, 12))
    rtype = draw(st.sampled_from(["A", "AAAA"]))
    known = draw(st.booleans())
    found = []
    for i in range(count):
        name = f"{base}-{i}.{ZONE}" if "." not in base else f"{i}-{base}.{ZONE}"
        old = RRset(name, rtype, 30, ("192.0.2.1",) if rtype == "A" else ("2001:db8::1",))
        rdatas = tuple(sorted(f"10.0.0.{n}" if rtype == "A" else f"2001:db8::{n:x}" for n in range(addresses)))
        after = RRset(name, rtype, 30, rdatas) if rdatas else None
        found.append(RRsetChange(name, rtype, old if known or after is None else None, after))
    return tuple(found)


@settings(max_examples=25, deadline=None)
@given(changes())
def test_messages_fit_and_lose_nothing(changed: tuple[RRsetChange, ...]) -> None:
    """Every change is in one message; the message and its read-back fit the wire, with the largest fence."""
    messages = pack(changed, zone=ZONE, bytes_max=ROOM, rrsets_max=1000)
    assert sorted(c.name for m in messages for c in m) == sorted(c.name for c in changed)
    fence = SetRRset(RRset(fence_owner("s" * 40, ZONE), "TXT", 5, (FENCE.rdata(),)))
    for message in messages:
        sets = tuple(DeleteRRset(c.name, c.rtype) if c.after is None else SetRRset(c.after) for c in message)
        required = (*pin("s" * 40, ZONE, PIN), *guards(ZONE, message))
        assert len(encode_update(Update(ZONE, required, (fence, *sets)), message_id=0)) <= ROOM
        back = (fence_is("s" * 40, ZONE, (FENCE.rdata(),)), *as_written(message))
        assert len(encode_update(Update(ZONE, back, ()), message_id=0)) <= ROOM
        assert len(message) <= 1000


@settings(max_examples=25, deadline=None)
@given(changes())
def test_sizes_are_upper_bounds(changed: tuple[RRsetChange, ...]) -> None:
    """No change takes more of the wire than it was counted for."""
    for change in changed[:20]:
        update = DeleteRRset(change.name, change.rtype) if change.after is None else SetRRset(change.after)
        empty = len(encode_update(Update(ZONE, (), ()), message_id=0))
        assert len(encode_update(Update(ZONE, (), (update,)), message_id=0)) - empty <= change_bytes(change, ZONE)


def test_packing_is_stable() -> None:
    """The same changes in any order give the same messages: three enactors then send the same ones."""
    changed = tuple(
        RRsetChange(f"n{i}.{ZONE}", "A", None, RRset(f"n{i}.{ZONE}", "A", 5, ("10.0.0.1",))) for i in range(30)
    )
    one = pack(changed, zone=ZONE, bytes_max=ROOM, rrsets_max=7)
    assert one == pack(tuple(reversed(changed)), zone=ZONE, bytes_max=ROOM, rrsets_max=7)
    assert [len(m) for m in one] == [7, 7, 7, 7, 2]


def test_name_with_both_families_stays_together_at_the_limit() -> None:
    """A name's two RRsets go into the next message together rather than one into each."""
    changed = tuple(
        RRsetChange(f"n{i}.{ZONE}", t, None, RRset(f"n{i}.{ZONE}", t, 5, (v,)))
        for i in range(4)
        for t, v in (("A", "10.0.0.1"), ("AAAA", "2001:db8::1"))
    )
    assert [len(m) for m in pack(changed, zone=ZONE, bytes_max=ROOM, rrsets_max=3)] == [2, 2, 2, 2]


def test_guards_only_where_nothing_was_seen() -> None:
    """Owners with addresses carry no guard, new ones carry two, the apex one, removals none."""
    seen = RRset(f"seen.{ZONE}", "A", 5, ("10.0.0.1",))
    new = RRset(f"new.{ZONE}", "A", 5, ("10.0.0.1",))
    apex = RRset(ZONE, "A", 5, ("10.0.0.1",))
    changed = (
        RRsetChange(seen.name, "A", seen, seen),
        RRsetChange(seen.name, "AAAA", None, RRset(seen.name, "AAAA", 5, ("2001:db8::1",))),
        RRsetChange(new.name, "A", None, new),
        RRsetChange(ZONE, "A", None, apex),
        RRsetChange(f"gone.{ZONE}", "A", RRset(f"gone.{ZONE}", "A", 5, ("10.0.0.1",)), None),
    )
    assert created(changed) == {new.name, ZONE}
    assert [(p.name, p.rtype) for p in guards(ZONE, changed)] == [
        (new.name, "CNAME"),
        (new.name, "NS"),
        (ZONE, "CNAME"),
    ]
