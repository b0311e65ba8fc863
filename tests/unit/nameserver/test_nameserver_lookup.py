"""Look-up: the examples of RFC 4592, empty non-terminals, aliases, delegations, and a brute-force reference."""

from __future__ import annotations

import pytest
from dns_world import ZONE, rr, small_zone
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.records import RRset
from holdfast.nameserver.lookup import Kind, find, lookup, resolve
from holdfast.nameserver.names import ancestors, parent, within
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import Rcode

RFC4592 = Zone.of(
    "example",
    (
        RRset("example", "SOA", 3600, ("ns.example.com h.example 1 2 3 4 5",)),
        RRset("example", "NS", 3600, ("ns.example.com", "ns.example.net")),
        RRset("*.example", "TXT", 3600, ('"this is a wildcard"',)),
        RRset("*.example", "MX", 3600, ("10 host1.example",)),
        RRset("sub.*.example", "TXT", 3600, ('"this is not a wildcard"',)),
        RRset("host1.example", "A", 3600, ("192.0.2.1",)),
        RRset("_ssh._tcp.host1.example", "SRV", 3600, ("0 0 22 host1.example",)),
        RRset("_ssh._tcp.host2.example", "SRV", 3600, ("0 0 22 host2.example",)),
        RRset("subdel.example", "NS", 3600, ("ns.example.com", "ns.example.net")),
    ),
)


@pytest.mark.parametrize(
    ("name", "rtype", "kind"),
    [
        # RFC 4592 section 2.2.1, in its order: the first four are synthesised, or would be.
        ("host3.example", "MX", Kind.FOUND),
        ("host3.example", "A", Kind.NO_DATA),
        ("foo.bar.example", "TXT", Kind.FOUND),
        ("host1.example", "MX", Kind.NO_DATA),
        ("sub.*.example", "MX", Kind.NO_DATA),
        ("_telnet._tcp.host1.example", "SRV", Kind.NO_NAME),
        ("host.subdel.example", "A", Kind.REFERRAL),
        ("ghost.*.example", "MX", Kind.NO_NAME),
        # And its empty non-terminals: they exist, so no wildcard answers for them.
        ("_tcp.host1.example", "TXT", Kind.NO_DATA),
        ("host2.example", "TXT", Kind.NO_DATA),
        ("*.example", "TXT", Kind.FOUND),
        ("subdel.example", "NS", Kind.REFERRAL),
        ("subdel.example", "DS", Kind.NO_DATA),
        ("example", "NS", Kind.FOUND),
        ("elsewhere", "A", Kind.OUTSIDE),
    ],
)
def test_examples_of_rfc_4592(name: str, rtype: str, kind: Kind) -> None:
    """Each question of section 2.2.1 gets the outcome that the RFC states."""
    assert find(RFC4592, name, rtype).kind is kind


def test_synthesised_records_carry_the_name_that_was_asked() -> None:
    """A wildcard's answer has the question's name as its owner."""
    answer = lookup(RFC4592, "foo.bar.example", "TXT")
    assert answer.rrset == RRset("foo.bar.example", "TXT", 3600, ('"this is a wildcard"',))


def test_a_deeper_fence_would_silence_a_wildcard() -> None:
    """Why a fence's owner is one label: a deeper one makes an empty non-terminal, which hides the wildcard."""
    one_label = small_zone(rr("*", "A", "192.0.2.9"), rr("_holdfast-main", "TXT", '"f"'))
    deeper = small_zone(rr("*", "A", "192.0.2.9"), rr("main._holdfast", "TXT", '"f"'))
    assert lookup(one_label, f"x._holdfast.{ZONE}", "A").rrset is not None
    assert lookup(deeper, f"x._holdfast.{ZONE}", "A").rcode is Rcode.NXDOMAIN


def test_a_wildcard_that_is_an_empty_non_terminal() -> None:
    """`sub.*` without `*` records: the wildcard exists and has no data, so the name exists too."""
    zone = small_zone(rr("sub.*.deep", "TXT", '"x"'))
    assert find(zone, f"any.deep.{ZONE}", "TXT").kind is Kind.NO_DATA


def test_aliases_are_followed_within_the_zone_and_loops_end() -> None:
    """A chain ends at its address, outside the zone, or at itself; one step gives the alias only."""
    zone = small_zone(
        rr("a", "CNAME", f"b.{ZONE}"),
        rr("b", "CNAME", f"www.{ZONE}"),
        rr("out", "CNAME", "elsewhere.example"),
        rr("loop", "CNAME", f"loop.{ZONE}"),
        rr("gone", "CNAME", f"nothing.{ZONE}"),
    )
    assert [r.rtype for r in resolve(zone, f"a.{ZONE}", "A").answer] == ["CNAME", "CNAME", "A"]
    assert len(resolve(zone, f"out.{ZONE}", "A").answer) == 1
    assert len(resolve(zone, f"loop.{ZONE}", "A").answer) == 1
    assert resolve(zone, f"gone.{ZONE}", "A").kind is Kind.NO_NAME
    one = lookup(zone, f"a.{ZONE}", "A")
    assert (one.rrset, one.alias) == (None, f"b.{ZONE}")


def test_a_referral_is_not_authoritative() -> None:
    """Below a delegation nothing of ours counts (R2), records that lie there included."""
    zone = small_zone(rr("sub", "NS", f"ns.sub.{ZONE}"), rr("ns.sub", "A", "192.0.2.3"))
    answer = lookup(zone, f"ns.sub.{ZONE}", "A")
    assert (answer.rrset, answer.authoritative) == (None, False)


def test_names_with_escaped_dots() -> None:
    """A dot inside a label separates nothing."""
    assert parent("a\\.b.example") == "example"
    assert parent("a\\046b.example") == "example"
    assert not within("x\\.example", "example")
    assert list(ancestors("a\\.b.c.example", "example")) == ["c.example", "example"]


LABELS = st.sampled_from(["a", "b", "*"])
OWNERS = st.lists(LABELS, max_size=3).map(lambda labels: ".".join([*labels, ZONE]))


@given(st.sets(OWNERS), OWNERS)
def test_existence_agrees_with_a_search(owners: set[str], name: str) -> None:
    """A name exists when it has records or something below it has: by counts as by looking at all names."""
    zone = Zone.of(ZONE, [RRset(owner, "A", 1, ("192.0.2.1",)) for owner in owners])
    expected = name in owners or any(owner.endswith(f".{name}") for owner in owners)
    assert zone.exists(name) is expected
    if expected and name not in owners:
        assert find(zone, name, "A").kind is Kind.NO_DATA
