"""The server's rules without sockets: fuzzing, weights, signatures, the table of pages."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.tsig
import pytest
from dns_world import KEY, KEY_NAME, ZONE, rr, small_zone
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.model.records import TYPE_WEIGHT, RRset, Weighted
from holdfast.nameserver.answering import Answerer, SendZone, TakeUpdate
from holdfast.nameserver.encoding import encode_update
from holdfast.nameserver.signing import append_signature
from holdfast.nameserver.weights import decode_weight, encode_weight
from holdfast.nameserver.wire import ask_message
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import Rcode, SetRRset, Update

WWW = f"www.{ZONE}"
UPDATE = encode_update(Update(ZONE, (), (SetRRset(rr("www", "A", "192.0.2.9")),)), message_id=77)


def answerer(zone: Zone, **more: object) -> Answerer:
    """The rules around one zone, with chance fixed."""
    return Answerer(
        {ZONE: zone},
        keys={KEY_NAME: KEY},
        grants={ZONE: frozenset({KEY_NAME})},
        report=lambda kind, text: None,
        uniform=random.Random(7).random,
        **more,  # type: ignore[arg-type]  # each test names what it means
    )


def ask(
    server: Answerer, name: str, rtype: str, *, signed: bool = False, stream: bool = False
) -> dns.message.Message:
    """One question, and its answer as dnspython reads it."""
    query = ask_message(name, rtype)
    if signed:
        query.use_tsig(KEY)
    answer = server.take(query.to_wire(), stream=stream)
    assert isinstance(answer, bytes)
    return dns.message.from_wire(answer, keyring=KEY if signed else None, request_mac=query.mac)


def addresses(message: dns.message.Message) -> list[str]:
    """All addresses of an answer, in order."""
    return [item.to_text() for rrset in message.answer for item in rrset if rrset.rdtype in (1, 28)]


def weighted(*pairs: tuple[str, int]) -> tuple[RRset, RRset]:
    """Addresses at the name `w` and their weights."""
    weights = sorted(encode_weight(Weighted(address, weight)) for address, weight in pairs)
    return rr("w", "A", *(address for address, _ in pairs)), rr("w", TYPE_WEIGHT, *weights)


def test_first_answers_follow_the_weights() -> None:
    """Of 4,000 answers, 3 of 4 begin with the address of weight 3; both addresses are in all of them."""
    server = answerer(small_zone(*weighted(("192.0.2.1", 300), ("192.0.2.2", 100))))
    answers = [addresses(ask(server, f"w.{ZONE}", "A")) for _ in range(4000)]
    firsts = Counter(answer[0] for answer in answers)
    assert 0.72 < firsts["192.0.2.1"] / 4000 < 0.78
    assert all(len(answer) == 2 for answer in answers)


def test_weight_zero_is_absent_unless_signed() -> None:
    """The public does not see it, read-back does; all zero would be empty, so then all count (I2)."""
    server = answerer(small_zone(*weighted(("192.0.2.1", 0), ("192.0.2.2", 5), ("192.0.2.3", 5))))
    assert set(addresses(ask(server, f"w.{ZONE}", "A"))) == {"192.0.2.2", "192.0.2.3"}
    assert len(addresses(ask(server, f"w.{ZONE}", "A", signed=True))) == 3
    none = answerer(small_zone(*weighted(("192.0.2.1", 0), ("192.0.2.2", 0))))
    assert len(addresses(ask(none, f"w.{ZONE}", "A"))) == 2


def test_a_limit_on_answers_draws_a_subset() -> None:
    """With at most one answer, each address comes in its share, and signed questions still see all."""
    server = answerer(small_zone(*weighted(("192.0.2.1", 1), ("192.0.2.2", 1))), answers_max=1)
    seen = Counter(tuple(addresses(ask(server, f"w.{ZONE}", "A"))) for _ in range(1000))
    assert set(seen) == {("192.0.2.1",), ("192.0.2.2",)}
    assert min(seen.values()) > 400
    assert len(addresses(ask(server, f"w.{ZONE}", "A", signed=True))) == 2


def test_weights_of_both_families_and_foreign_rdata() -> None:
    """A weight survives its encoding; rdata that is no weight is nobody's."""
    for one in (Weighted("192.0.2.1", 65535), Weighted("2001:db8::1", 0)):
        assert decode_weight(encode_weight(one)) == one
    assert decode_weight("\\# 3 000001") is None
    assert decode_weight("garbage") is None
    with pytest.raises(ValueError, match="65536"):
        encode_weight(Weighted("192.0.2.1", 65536))


def test_pages_are_forgotten_when_told() -> None:
    """A changed zone shows after `forget`; each answer carries its own question's id and case."""
    zone = small_zone()
    server = answerer(zone)
    assert addresses(ask(server, WWW, "A")) != ["192.0.2.9"]
    zone.absorb({WWW: (rr("www", "A", "192.0.2.9"),)})
    server.forget()
    for _ in range(2):
        assert addresses(ask(server, WWW, "A")) == ["192.0.2.9"]
    query = dns.message.make_query("wWw.eXample.test", "A")
    answer = server.take(query.to_wire(), stream=False)
    assert isinstance(answer, bytes)
    assert answer[:2] == query.to_wire()[:2]
    assert b"\x03wWw\x07eXample\x04test" in answer


def test_referral_with_glue_and_negative_ttl() -> None:
    """A delegation gives NS and the addresses of its servers; a negative one with the SOA's minimum."""
    server = answerer(small_zone(rr("sub", "NS", f"ns.sub.{ZONE}"), rr("ns.sub", "A", "192.0.2.3")))
    referral = ask(server, f"x.sub.{ZONE}", "A")
    assert not referral.flags & dns.flags.AA
    assert [r.to_text() for r in referral.authority] == [f"sub.{ZONE}. 30 IN NS ns.sub.{ZONE}."]
    assert [r.to_text() for r in referral.additional] == [f"ns.sub.{ZONE}. 30 IN A 192.0.2.3"]
    assert ask(server, f"nothing.{ZONE}", "A").authority[0].ttl == 5


def sign(wire: bytes, key: dns.tsig.Key = KEY, *, age_s: int = 0) -> bytes:
    """A message with its TSIG, signed now: a whole test run lasts longer than a signature."""
    return append_signature(wire, key, now_s=int(time.time()) - age_s)[0]


@pytest.mark.parametrize(
    ("key", "age_s", "stream", "rcode", "error"),
    [
        (None, 0, True, Rcode.REFUSED, None),
        (KEY, 0, False, Rcode.REFUSED, None),
        (dns.tsig.Key("other", KEY.secret), 0, True, Rcode.NOTAUTH, dns.rcode.BADKEY),
        (dns.tsig.Key(KEY_NAME, b"wrong"), 0, True, Rcode.NOTAUTH, dns.rcode.BADSIG),
        (dns.tsig.Key(KEY_NAME, KEY.secret, "hmac-sha512"), 0, True, Rcode.NOTAUTH, dns.rcode.BADKEY),
        (KEY, 3600, True, Rcode.NOTAUTH, dns.rcode.BADTIME),
    ],
)
def test_updates_without_a_right(
    key: dns.tsig.Key | None, age_s: int, stream: bool, rcode: Rcode, error: int | None
) -> None:
    """Unsigned, over UDP, with a key, secret, algorithm or time that is wrong: the RFC's code for each."""
    wire = UPDATE if key is None else sign(UPDATE, key, age_s=age_s)
    answer = answerer(small_zone()).take(wire, stream=stream)
    assert isinstance(answer, bytes)
    message = dns.message.from_wire(answer, keyring=False, continue_on_error=True)
    assert message.rcode() == dns.rcode.from_text(rcode.value)
    assert message.id == 77
    assert (message.tsig[0].error or None if message.tsig else None) == error


def test_what_a_right_gives() -> None:
    """A signed update over TCP may be tried, a signed transfer sent; a key without a grant gets REFUSED."""
    zone = small_zone()
    taken = answerer(zone).take(sign(UPDATE), stream=True)
    assert isinstance(taken, TakeUpdate)
    transfer = ask_message(ZONE, "AXFR").to_wire()
    assert isinstance(answerer(zone).take(sign(transfer), stream=True), SendZone)
    ungranted = Answerer({ZONE: zone}, keys={KEY_NAME: KEY}, grants={}, report=lambda kind, text: None)
    for wire in (UPDATE, transfer):
        answer = ungranted.take(sign(wire), stream=True)
        assert isinstance(answer, bytes)
        assert answer[3] & 0xF == dns.rcode.REFUSED


SEEDS = [
    ask_message(WWW, "A").to_wire(),
    dns.message.make_query(f"nothing.{ZONE}", "ANY", use_edns=0, payload=4096).to_wire(),
    UPDATE,
    sign(UPDATE),
    sign(ask_message(ZONE, "AXFR").to_wire()),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real message with a few bytes changed, cut, or something appended."""
    wire = bytearray(draw(st.sampled_from(SEEDS)))
    for place, byte in draw(st.lists(st.tuples(st.integers(0, len(wire) - 1), st.integers(0, 255)), max_size=6)):
        wire[place] = byte
    cut = draw(st.one_of(st.just(len(wire)), st.integers(0, len(wire))))
    return bytes(wire[:cut]) + draw(st.binary(max_size=8))


def _check(take: Callable[[bytes], object], wire: bytes) -> None:
    answer = take(wire)
    if isinstance(answer, bytes):
        assert answer[:2] == wire[:2]
        assert answer[2] & 0x80, "an answer says that it is one"
        dns.message.from_wire(answer, keyring=False, continue_on_error=True)


@given(st.one_of(damaged(), st.binary(max_size=600)), st.booleans())
@example(b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", False)
@example(b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x00\0\1\0\1", True)
@example(b"\0\1\x28\0\0\1\0\0\0\0\0\1" + b"\0\0\6\0\1" + b"\0\0\xfa\0\xff\0\0\0\0\0\0", True)
def test_garbage_never_raises(wire: bytes, stream: bool) -> None:
    """Any bytes get an answer with their id, an action, or silence; never an exception."""
    server = answerer(small_zone())
    _check(lambda w: server.take(w, stream=stream), wire)
    _check(lambda w: server.take(w, stream=stream), wire)
