"""RFC 2136 section 3 as a table, the traps of the facts file, and properties of any sequence of updates."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from dns_world import FENCE, ZONE, rr, small_zone
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.records import RRset
from holdfast.nameserver.changes import AddRecords, Change, DeleteName, DeleteRecords, ZoneUpdate
from holdfast.nameserver.encoding import encode_update
from holdfast.nameserver.parsing import parse_update
from holdfast.nameserver.updating import BIND, POWERDNS, RFC, Quirks, apply
from holdfast.nameserver.wire import update_message
from holdfast.nameserver.zone import Zone, serial_after, serial_newer
from holdfast.ports.dns import DeleteRRset, Existence, Prerequisite, Rcode, SetRRset, Update

E = Existence
WWW = f"www.{ZONE}"
BOTH = ("192.0.2.1", "192.0.2.2")


@pytest.mark.parametrize(
    ("prerequisite", "rcode"),
    [
        (Prerequisite(E.RRSET_IS, WWW, "A", BOTH), Rcode.NOERROR),
        (Prerequisite(E.RRSET_IS, WWW, "A", BOTH[:1]), Rcode.NXRRSET),
        (Prerequisite(E.RRSET_IS, WWW, "A", (*BOTH, "192.0.2.3")), Rcode.NXRRSET),
        (Prerequisite(E.RRSET_IS, f"no.{ZONE}", "A", BOTH), Rcode.NXRRSET),
        (Prerequisite(E.RRSET_IS, WWW, "A", ()), Rcode.FORMERR),
        (Prerequisite(E.RRSET_EXISTS, WWW, "A"), Rcode.NOERROR),
        (Prerequisite(E.RRSET_EXISTS, WWW, "TXT"), Rcode.NXRRSET),
        (Prerequisite(E.RRSET_ABSENT, WWW, "CNAME"), Rcode.NOERROR),
        (Prerequisite(E.RRSET_ABSENT, WWW, "A"), Rcode.YXRRSET),
        (Prerequisite(E.RRSET_ABSENT, ZONE, "NS"), Rcode.YXRRSET),
        (Prerequisite(E.NAME_IN_USE, WWW), Rcode.NOERROR),
        (Prerequisite(E.NAME_IN_USE, f"no.{ZONE}"), Rcode.NXDOMAIN),
        (Prerequisite(E.NAME_IN_USE, f"empty.{ZONE}"), Rcode.NXDOMAIN),
        (Prerequisite(E.NAME_ABSENT, f"empty.{ZONE}"), Rcode.NOERROR),
        (Prerequisite(E.NAME_ABSENT, WWW), Rcode.YXDOMAIN),
        (Prerequisite(E.NAME_ABSENT, "elsewhere.example"), Rcode.NOTZONE),
        (Prerequisite(E.RRSET_EXISTS, f"x.wild.{ZONE}", "TXT"), Rcode.NXRRSET),
    ],
)
def test_prerequisites(prerequisite: Prerequisite, rcode: Rcode) -> None:
    """Each form, met and not met; wildcards and empty non-terminals do not count (RFC 2136 section 3.2)."""
    zone = small_zone(rr("below.empty", "A", "192.0.2.1"), rr("*.wild", "TXT", '"w"'))
    after, got = apply(zone, Update(ZONE, (prerequisite,), (SetRRset(rr("new", "A", "192.0.2.9")),)))
    assert got is rcode
    assert (after is zone) is (rcode is not Rcode.NOERROR)


A3 = rr("www", "A", "192.0.2.3")


@pytest.mark.parametrize(
    ("change", "name", "rtype", "rdatas"),
    [
        (SetRRset(A3), WWW, "A", ("192.0.2.3",)),
        (AddRecords(A3), WWW, "A", (*BOTH, "192.0.2.3")),
        (DeleteRRset(WWW, "A"), WWW, "A", None),
        (DeleteName(WWW), WWW, "A", None),
        (DeleteRecords(WWW, "A", BOTH[:1]), WWW, "A", BOTH[1:]),
        (DeleteRecords(WWW, "A", BOTH), WWW, "A", None),
        (DeleteRecords(WWW, "A", ("192.0.2.99",)), WWW, "A", BOTH),
        # What the RFC silently ignores.
        (AddRecords(rr("www", "CNAME", f"ns1.{ZONE}")), WWW, "CNAME", None),
        (AddRecords(rr("alias", "A", "192.0.2.3")), f"alias.{ZONE}", "A", None),
        (AddRecords(rr("alias", "CNAME", f"ns1.{ZONE}")), f"alias.{ZONE}", "CNAME", (f"ns1.{ZONE}",)),
        (DeleteRRset(ZONE, "NS"), ZONE, "NS", (f"ns1.{ZONE}",)),
        (DeleteRecords(ZONE, "NS", (f"ns1.{ZONE}",)), ZONE, "NS", (f"ns1.{ZONE}",)),
        (DeleteName(ZONE), ZONE, "NS", (f"ns1.{ZONE}",)),
        (DeleteName(ZONE), ZONE, "TXT", None),
    ],
)
def test_changes(change: Change, name: str, rtype: str, rdatas: tuple[str, ...] | None) -> None:
    """What each change leaves behind (RFC 2136 section 3.4.2)."""
    zone = small_zone(rr("alias", "CNAME", f"www.{ZONE}"), rr("@", "TXT", '"apex"'))
    after, rcode = apply(zone, ZoneUpdate(ZONE, (), (change,)))
    assert rcode is Rcode.NOERROR
    found = after.rrset(name, rtype)
    assert (None if found is None else found.rdatas) == rdatas


@pytest.mark.parametrize(
    ("given_", "after"),
    [(11, 11), (500, 500), (10, 10), (9, 10), (10 + 2**31, 10), (10 + 2**31 - 1, 10 + 2**31 - 1)],
)
def test_an_soa_that_is_not_newer_is_ignored(given_: int, after: int) -> None:
    """By serial arithmetic; the SOA itself can't be deleted either."""
    soa = rr("@", "SOA", f"ns1.{ZONE} hostmaster.{ZONE} {given_} 3600 600 1209600 5")
    zone, rcode = apply(small_zone(serial=10), ZoneUpdate(ZONE, (), (DeleteRRset(ZONE, "SOA"), AddRecords(soa))))
    assert (rcode, zone.serial) == (Rcode.NOERROR, after)


@pytest.mark.parametrize(
    ("update", "rcode"),
    [
        (ZoneUpdate("other.test", (), ()), Rcode.NOTAUTH),
        (ZoneUpdate(ZONE, (), (DeleteName("elsewhere.example"),)), Rcode.NOTZONE),
        (ZoneUpdate(ZONE, (), (SetRRset(A3), DeleteRRset(WWW, "AXFR"))), Rcode.FORMERR),
    ],
)
def test_what_is_refused_changes_nothing(update: ZoneUpdate, rcode: Rcode) -> None:
    """A fault anywhere in the message, also after good changes, leaves the very same zone."""
    zone = small_zone()
    assert apply(zone, update) == (zone, rcode)
    assert apply(zone, update)[0] is zone


def test_trap_cname_swap_beside_a_stray_txt() -> None:
    """Facts: NOERROR, the fence moves on, and the name is left with neither addresses nor alias (R4 guards)."""
    zone = small_zone(rr("www", "TXT", '"stray"'), rr("_holdfast-main", "TXT", '"one"'))
    update = Update(
        ZONE,
        (Prerequisite(E.RRSET_IS, FENCE, "TXT", ('"one"',)),),
        (
            SetRRset(rr("_holdfast-main", "TXT", '"two"')),
            DeleteRRset(WWW, "A"),
            SetRRset(rr("www", "CNAME", f"ns1.{ZONE}")),
        ),
    )
    after, rcode = apply(zone, update, BIND)
    assert rcode is Rcode.NOERROR
    assert after.rrset(FENCE, "TXT") == rr("_holdfast-main", "TXT", '"two"')
    assert [r.rtype for r in after.node(WWW)] == ["TXT"]
    assert apply(zone, update, POWERDNS) == (zone, Rcode.REFUSED)


def test_trap_strings_and_case_of_a_txt_prerequisite() -> None:
    """`"ab" "cd"` is never `"abcd"`; case counts, except on PowerDNS."""
    zone = small_zone(rr("t", "TXT", '"abcd"'))

    def compare(rdata: str, quirks: Quirks) -> Rcode:
        return apply(zone, Update(ZONE, (Prerequisite(E.RRSET_IS, f"t.{ZONE}", "TXT", (rdata,)),), ()), quirks)[1]

    assert compare('"ab" "cd"', RFC) is Rcode.NXRRSET
    assert compare('"ABCD"', RFC) is Rcode.NXRRSET
    assert compare('"ABCD"', POWERDNS) is Rcode.NOERROR


def test_powerdns_deletes_first_and_moves_the_serial_for_the_same_data() -> None:
    """Set, then deleted in one message: gone everywhere but there; the same data again move only its serial."""
    zone = small_zone()
    update = Update(ZONE, (), (SetRRset(A3), DeleteRRset(A3.name, "A")))
    assert apply(zone, update, RFC)[0].rrset(A3.name, "A") is None
    assert apply(zone, update, POWERDNS)[0].rrset(A3.name, "A") == A3
    there = apply(zone, Update(ZONE, (), (SetRRset(A3),)), POWERDNS)[0]
    again = Update(ZONE, (), (SetRRset(A3),))
    assert apply(there, again, RFC)[0] == there
    moved = apply(there, again, POWERDNS)[0]
    assert moved.soa != there.soa
    assert moved.node(A3.name) == there.node(A3.name)


def test_trap_more_than_a_hundred_records() -> None:
    """BIND refuses the whole update with SERVFAIL."""
    many = rr("many", "A", *(f"192.0.2.{i}" for i in range(101)))
    zone = small_zone()
    assert apply(zone, Update(ZONE, (), (SetRRset(A3), SetRRset(many))), BIND) == (zone, Rcode.SERVFAIL)
    assert apply(zone, Update(ZONE, (), (SetRRset(many),)))[1] is Rcode.NOERROR


def test_serial_arithmetic_wraps() -> None:
    """After the highest comes 1, which is newer."""
    assert serial_after(2**32 - 1) == 1
    assert serial_newer(1, 2**32 - 1)
    assert not serial_newer(2**32 - 1, 1)


_WWW_WIRE = b"\3www\xc0\x0c"


def _raw(prerequisites: tuple[bytes, ...], changes: tuple[bytes, ...]) -> bytes:
    """An UPDATE from records as bytes."""
    counts = struct.pack("!HHHHHH", 1, 5 << 11, 1, len(prerequisites), len(changes), 0)
    return counts + b"\7example\4test\0" + b"\0\6\0\1" + b"".join((*prerequisites, *changes))


def _record(rdtype: int, rdclass: int, ttl: int, data: bytes = b"") -> bytes:
    return _WWW_WIRE + struct.pack("!HHIH", rdtype, rdclass, ttl, len(data)) + data


ADDRESS = b"\xc0\0\2\1"
A_, ANY_, AXFR_, IN_, NONE_, CH_ = 1, 255, 252, 1, 254, 3


@pytest.mark.parametrize(
    ("section", "record", "sound"),
    [
        (0, _record(A_, IN_, 0, ADDRESS), True),
        (0, _record(A_, ANY_, 0), True),
        (0, _record(A_, IN_, 60, ADDRESS), False),
        (0, _record(A_, ANY_, 60), False),
        (0, _record(A_, ANY_, 0, ADDRESS), False),
        (0, _record(A_, NONE_, 0, ADDRESS), False),
        (0, _record(ANY_, IN_, 0), False),
        (0, _record(A_, CH_, 0, ADDRESS), False),
        (1, _record(A_, IN_, 60, ADDRESS), True),
        (1, _record(ANY_, ANY_, 0), True),
        (1, _record(A_, NONE_, 0, ADDRESS), True),
        (1, _record(A_, ANY_, 60), False),
        (1, _record(A_, NONE_, 60, ADDRESS), False),
        (1, _record(A_, ANY_, 0, ADDRESS), False),
        (1, _record(A_, IN_, 60, ADDRESS[:3]), False),
        (1, _record(A_, IN_, 2**31, ADDRESS), False),
        (1, _record(AXFR_, ANY_, 0), False),
        (1, _record(ANY_, IN_, 0), False),
        (1, _record(A_, CH_, 0, ADDRESS), False),
    ],
)
def test_forms_of_a_record_on_the_wire(section: int, record: bytes, sound: bool) -> None:
    """Class, type, TTL and length decide what a record means, or that it is FORMERR (RFC 2136 3.2, 3.4.1)."""
    parsed = parse_update(_raw((record,), ()) if section == 0 else _raw((), (record,)))
    assert isinstance(parsed, ZoneUpdate) is sound
    assert sound or parsed is Rcode.FORMERR


NAMES = st.sampled_from(["a", "b", "x.a", "*", "@"])
DATA = {
    "A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
    "TXT": ['"a"', '"a" "b"', '"ab"'],
    "CNAME": [f"b.{ZONE}", "out.example"],
    "NS": [f"ns1.{ZONE}", "ns.out.example"],
    "SOA": [f"ns1.{ZONE} h.{ZONE} {n} 1 1 1 1" for n in (3, 12, 40)],
}
TYPES = st.sampled_from(sorted(DATA))


@st.composite
def rrsets(draw: st.DrawFn) -> RRset:
    """An RRset of a few names, types and values."""
    rtype = draw(TYPES)
    single = rtype in ("CNAME", "SOA")
    name = "@" if rtype == "SOA" else draw(NAMES)
    rdatas = draw(st.lists(st.sampled_from(DATA[rtype]), min_size=1, max_size=1 if single else 3, unique=True))
    return rr(name, rtype, *rdatas, ttl=draw(st.sampled_from([1, 60])))


OWNERS = NAMES.map(lambda name: rr(name, "A", "192.0.2.1").name)
OWN_CHANGES = st.one_of(rrsets().map(SetRRset), st.builds(DeleteRRset, OWNERS, TYPES))
CHANGES: st.SearchStrategy[Change] = st.one_of(
    OWN_CHANGES,
    rrsets().map(AddRecords),
    OWNERS.map(DeleteName),
    rrsets().map(lambda r: DeleteRecords(r.name, r.rtype, r.rdatas)),
)
PREREQUISITES = st.one_of(
    rrsets().map(lambda r: Prerequisite(E.RRSET_IS, r.name, r.rtype, r.rdatas)),
    st.builds(Prerequisite, st.sampled_from([E.RRSET_EXISTS, E.RRSET_ABSENT]), OWNERS, TYPES),
    st.builds(Prerequisite, st.sampled_from([E.NAME_IN_USE, E.NAME_ABSENT]), OWNERS),
)


def tuples(of: st.SearchStrategy[Change], most: int) -> st.SearchStrategy[tuple[Change, ...]]:
    """Changes of one message."""
    return st.lists(of, max_size=most).map(tuple)


@given(
    st.lists(
        st.builds(ZoneUpdate, st.just(ZONE), st.lists(PREREQUISITES, max_size=1).map(tuple), tuples(CHANGES, 4)),
        max_size=6,
    )
)
def test_any_sequence_of_updates_keeps_the_zone_sound(updates: list[ZoneUpdate]) -> None:
    """All or nothing; the serial moves exactly with effective updates and never falls; the apex keeps SOA and
    NS; a CNAME stands alone; counting names gives the same as building the zone anew."""
    zones = [small_zone()]
    for update in updates:
        zone, rcode = apply(zones[-1], update)
        if rcode is not Rcode.NOERROR:
            assert zone is zones[-1]
        zones.append(zone)
    for before, after in pairwise(zones):
        assert (before == after) is (before.serial == after.serial)
        assert before == after or serial_newer(after.serial, before.serial)
    last = zones[-1]
    assert last.soa is not None
    assert last.rrset(ZONE, "NS") is not None
    rebuilt = Zone.of(ZONE, last.content().rrsets)
    assert rebuilt == last
    assert hash(rebuilt) == hash(last)
    for name in [*last.names, f"x.{ZONE}", f"x.a.{ZONE}", f"a.{ZONE}"]:
        assert rebuilt.exists(name) is last.exists(name)
        types = {r.rtype for r in last.node(name)}
        assert "CNAME" not in types or types == {"CNAME"}


@given(
    st.lists(PREREQUISITES, max_size=2, unique_by=lambda p: (p.name, p.rtype)).map(tuple),
    st.lists(OWN_CHANGES, max_size=4).map(tuple),
)
def test_an_update_means_the_same_on_the_wire(
    prerequisites: tuple[Prerequisite, ...], changes: tuple[SetRRset | DeleteRRset, ...]
) -> None:
    """Judged as a value, written by us and read back, written by dnspython and read back: one outcome."""
    update = Update(ZONE, prerequisites, changes)
    ours = parse_update(encode_update(update, message_id=1))
    theirs = parse_update(update_message(update).to_wire(max_size=65535))
    assert isinstance(ours, ZoneUpdate)
    assert ours == theirs
    assert apply(small_zone(), ours) == apply(small_zone(), update)
