"""`import` writes a configuration that changes nothing: kept names are reproduced exactly, the rest left alone."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.config.loading import read_text
from holdfast.config.settings import Loaded
from holdfast.model.configuration import Configuration, ProviderKind, ZoneConfig
from holdfast.model.records import NameRecords, RRset, Weighted
from holdfast.ports.dns import Transfer, ZoneContent
from holdfast.providers.factory import provider_for
from holdfast.runtime.dns import DnsTransport
from holdfast.service.importing import CannotImport, SortedOut, import_text, sort_out, toml_text
from servers.bind import start_bind
from servers.process import Running, ZoneSpec

ZONE = "example.test"
ACCESS = ZoneConfig(
    name=ZONE, provider=ProviderKind.BIND, server="192.0.2.53:53", key_name="k", key_env="HOLDFAST_TEST_KEY"
)


def _loaded(text: str) -> Configuration:
    loaded = read_text(text, "imported.toml")
    assert isinstance(loaded, Loaded), (loaded.problems, text)
    assert loaded.problems == ()
    return loaded.configuration


def _planned(configuration: Configuration) -> set[RRset]:
    """What a plan from the configuration says of DNS: static targets are always healthy."""
    groups = {group.name: group.targets for group in configuration.groups}
    (zone,) = configuration.zones
    provider = provider_for(zone)
    return {
        rrset
        for endpoint in configuration.endpoints
        for rrset in provider.render(
            NameRecords(
                name=endpoint.name,
                zone=endpoint.zone,
                ttl=endpoint.ttl,
                a=tuple(sorted(Weighted(t.a, t.weight) for t in groups[endpoint.group] if t.a)),
                aaaa=tuple(sorted(Weighted(t.aaaa, t.weight) for t in groups[endpoint.group] if t.aaaa)),
                group=endpoint.group,
            )
        )
    }


def _addresses(rrsets: tuple[RRset, ...] | list[RRset]) -> set[RRset]:
    return {r for r in rrsets if r.rtype in ("A", "AAAA")}


_labels = st.from_regex(r"[a-z0-9_]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_owners = st.lists(_labels, max_size=3).map(lambda labels: ".".join([*labels, ZONE]))
_v4 = st.ip_addresses(v=4).map(str)
_v6 = st.ip_addresses(v=6).map(lambda a: str(ipaddress.ip_address(a)))


def _rrsets(rtype: str, rdata: st.SearchStrategy[str]) -> st.SearchStrategy[RRset]:
    rdatas = st.lists(rdata, min_size=1, max_size=4, unique=True).map(lambda r: tuple(sorted(r)))
    return st.builds(RRset, _owners, st.just(rtype), st.sampled_from([0, 30, 300, 2**31 - 1]), rdatas)


_zones = st.lists(
    st.one_of(
        _rrsets("A", _v4),
        _rrsets("AAAA", _v6),
        _rrsets("CNAME", _owners),
        _rrsets("NS", _owners),
        _rrsets("TXT", st.just('"x"')),
    ),
    max_size=12,
    unique_by=lambda r: (r.name, r.rtype),
)


@settings(max_examples=150, deadline=None)
@given(_zones)
def test_plan_from_an_import_changes_nothing(rrsets: list[RRset]) -> None:
    """Whatever is in the zone: an address set is planned exactly as it is, or its name is left alone."""
    found = sort_out(ZONE, rrsets)
    planned = _planned(_loaded(toml_text(ACCESS, "s", found)) if found.kept else _empty())
    names = {kept.name for kept in found.kept}
    assert planned == {r for r in _addresses(rrsets) if r.name in names}
    alone = {(left.name, left.rtype) for left in found.left_alone}
    assert alone == {(r.name, r.rtype) for r in rrsets if r.name not in names or r.rtype not in ("A", "AAAA")}


def _empty() -> Configuration:
    loaded = read_text(toml_text(ACCESS, "s", SortedOut((), ())), "imported.toml")
    assert isinstance(loaded, Loaded)
    return loaded.configuration


@pytest.mark.parametrize(
    ("records", "label", "why"),
    [
        ((("*", "A", 5, "192.0.2.1"),), "*", "wildcard"),
        ((("sub", "NS", 5, "ns.x.test"), ("a.sub", "A", 5, "192.0.2.1")), "a.sub", "below a delegation"),
        ((("x", "NS", 5, "ns1.example.test"), ("ns1", "A", 5, "192.0.2.1")), "ns1", "name server"),
        ((("x", "A", 5, "192.0.2.1"), ("x", "AAAA", 6, "2001:db8::1")), "x", "A 5 s, AAAA 6 s"),
        (((r"a\032b", "A", 5, "192.0.2.1"),), r"a\032b", "characters"),
        ((("www", "CNAME", 5, "x.example.test"),), "www", "alias"),
        ((("_holdfast-s", "TXT", 5, '"hf1"'),), "_holdfast-s", "fence"),
    ],
    ids=["wildcard", "delegation", "name server", "ttls", "escapes", "alias", "fence"],
)
def test_what_cannot_be_reproduced_is_left_alone(
    records: tuple[tuple[str, str, int, str], ...], label: str, why: str
) -> None:
    """Each kind of name that holdfast does not take over is listed with its reason."""
    name = f"{label}.{ZONE}"
    found = sort_out(
        ZONE, [RRset(f"{owner}.{ZONE}", rtype, ttl, (rdata,)) for owner, rtype, ttl, rdata in records]
    )
    assert found.kept == ()
    assert any(left.name == name and why in left.why for left in found.left_alone), found.left_alone
    assert name in toml_text(ACCESS, "s", found)


def test_weights_of_an_embedded_zone_are_kept() -> None:
    """Weights beside the addresses come along."""
    rrsets = [
        RRset("w.example.test", "A", 5, ("192.0.2.1", "192.0.2.2")),
        RRset("w.example.test", "TYPE65280", 5, ("\\# 6 0007c0000201", "\\# 6 0009c0000202")),
    ]
    (kept,) = sort_out(ZONE, rrsets).kept
    assert kept.addresses == (("192.0.2.1", 7), ("192.0.2.2", 9))


@pytest.fixture(scope="module")
def bind() -> Iterator[Running]:
    """A BIND with something of everything."""
    records = (
        f"www.{ZONE}. 30 IN A 192.0.2.1",
        f"www.{ZONE}. 30 IN A 192.0.2.2",
        f"www.{ZONE}. 30 IN AAAA 2001:db8::1",
        f"{ZONE}. 60 IN A 192.0.2.9",
        f"{ZONE}. 60 IN MX 10 mail.{ZONE}.",
        f"mail.{ZONE}. 3600 IN A 198.51.100.25",
        f"alias.{ZONE}. 60 IN CNAME www.{ZONE}.",
        f"sub.{ZONE}. 60 IN NS ns.sub.{ZONE}.",
        f"ns.sub.{ZONE}. 60 IN A 192.0.2.77",
        f"*.wild.{ZONE}. 60 IN A 192.0.2.78",
        f"note.{ZONE}. 60 IN TXT \"a \\\"quoted\\\" text\"",
    )  # fmt: skip
    with start_bind((ZoneSpec(ZONE, records=records),)) as running:
        yield running


def _import(running: Running, **more: object) -> str | CannotImport:
    zone = running.zone_config(ZONE)
    arguments: dict[str, object] = {
        "zone": ZONE,
        "server": zone.server,
        "key_name": zone.key_name,
        "key_file": zone.key_file,
        "provider": ProviderKind.BIND,
        **more,
    }
    return asyncio.run(import_text(**arguments))  # type: ignore[arg-type]


async def _content(running: Running) -> tuple[RRset, ...]:
    transport = DnsTransport.of((running.zone_config(ZONE),))
    try:
        content = await transport.transfer(Transfer(ZONE))
    finally:
        await transport.close()
    assert isinstance(content, ZoneContent)
    return content.rrsets


@pytest.mark.real
def test_import_from_bind_and_back_is_an_empty_difference(bind: Running) -> None:
    """A real zone by AXFR: the plan from the imported file is what the zone holds, name by name."""
    text = _import(bind)
    assert isinstance(text, str)
    configuration = _loaded(text)
    names = {e.name for e in configuration.endpoints}
    assert names == {ZONE, f"www.{ZONE}", f"mail.{ZONE}"}
    in_zone = {r for r in _addresses(asyncio.run(_content(bind))) if r.name in names}
    assert _planned(configuration) == in_zone
    for alone in (f"alias.{ZONE} CNAME", f"*.wild.{ZONE} A", f"ns.sub.{ZONE} A", f"{ZONE} MX", f"ns1.{ZONE} A"):
        assert f"#   {alone}: " in text


@pytest.mark.real
def test_import_of_given_names_needs_no_transfer(bind: Running) -> None:
    """Asked for by name, and without a key for transfers, single names are read by questions."""
    text = _import(bind, only=(f"www.{ZONE}.", f"alias.{ZONE}"))
    assert isinstance(text, str)
    assert [e.name for e in _loaded(text).endpoints] == [f"www.{ZONE}"]
    assert f"#   alias.{ZONE} CNAME" in text


@pytest.mark.real
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"zone": "a b"}, "no zone name"),
        ({"zone": "other.test"}, "other.test at 127.0.0.1"),
        ({"server": "nowhere:x"}, "no address and port"),
        ({"key_name": "", "key_file": ""}, "allow transfers to this key"),
        ({"key_file": ""}, "its secret"),
        ({"key_file": "/nonexistent/key"}, "/nonexistent/key"),
        ({"only": ("www.other.test",)}, "not in zone"),
        ({"scope": "a.b"}, "no scope"),
    ],
)
def test_import_that_cannot_be_done_says_why(bind: Running, arguments: dict[str, object], said: str) -> None:
    """Wrong names, servers, keys and refusals are words, with what to do."""
    result = _import(bind, **arguments)
    assert isinstance(result, CannotImport), result
    assert said in result.text
