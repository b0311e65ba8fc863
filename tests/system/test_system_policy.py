"""`credentials-policy`: what it prints is enough for holdfast on the real server, and refuses everything else."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import msgspec
import pytest
from click.testing import CliRunner
from lease_service import PROGRAM

from holdfast.cli.main import cli
from holdfast.config.loading import read_text
from holdfast.config.settings import Loaded
from holdfast.model.configuration import Configuration, ProviderKind, Route53Settings
from holdfast.service.policies import IAM_CHARACTERS_MAX, policies
from servers.bind import start_bind
from servers.knot import start_knot
from servers.process import HOST, KEY_NAME, KEY_SECRET, Process, Running, ZoneSpec, key
from servers.waiting import eventually
from visible import start_or_skip

ZONE = "z.test"
PATIENCE_S = 60.0
FILE = """
format = 1
scope = "shop"
[service]
metrics_listen = ""
{more}
[[zone]]
name = "z.test"
{zone}
[[endpoint]]
name = "www.z.test"
target = [{{ name = "a", ipv4 = "192.0.2.1", port = 1 }}, {{ name = "b", ipv6 = "2001:db8::2", port = 1 }}]
check = {{ kind = "none" }}
[[endpoint]]
name = "api.z.test"
target = [{{ name = "a", ipv4 = "192.0.2.3", port = 1 }}]
check = {{ kind = "none" }}
"""


def loaded(zone: str, more: str = "") -> Loaded:
    """The file with this zone."""
    found = read_text(FILE.format(zone=zone, more=more), "f.toml")
    assert isinstance(found, Loaded), found
    return found


def on_route53(more: str = "") -> Configuration:
    """The same on a hosted zone."""
    found = loaded(on_server("bind", 53), more).configuration
    there = {"provider": ProviderKind.ROUTE53, "route53": Route53Settings("Z0123456789ABC")}
    return msgspec.structs.replace(found, zones=(msgspec.structs.replace(found.zones[0], **there),))


def on_server(provider: str, port: int) -> str:
    """The zone of a real server."""
    return f'provider = "{provider}"\nserver = "{HOST}:{port}"\nkey_name = "{KEY_NAME}"\nkey_file = "z.key"'


def printed(provider: str, directory: Path) -> str:
    """What the command prints, without its comments."""
    file = directory / "f.toml"
    file.write_text(FILE.format(zone=on_server(provider, 53), more=""))
    said = CliRunner().invoke(cli, ["credentials-policy", str(file), "--format", "json"], catch_exceptions=False)
    (found,) = msgspec.json.decode(said.output)
    assert KEY_SECRET not in said.output
    text: str = found["text"]
    return text


def bind(text: str) -> Running:
    """BIND with the printed statements in its zone."""
    inner = re.search(r"\{\n(.*)\};", text, re.DOTALL)
    assert inner is not None
    return start_bind((ZoneSpec(ZONE),), update=inner[1])


def knot(text: str) -> Running:
    """Knot with the printed rules."""
    rules, _, zone = text.removeprefix("acl:\n").partition("zone:\n")
    acls = re.search(r"acl: \[(.*)\]", zone)
    assert acls is not None
    return start_knot((ZoneSpec(ZONE),), rules=rules, acls=f"[{acls[1]}]")


def answer(running: Running, name: str, rtype: str) -> list[str]:
    """What the server says."""
    response = dns.query.tcp(dns.message.make_query(name, rtype), HOST, port=running.port, timeout=5)
    return sorted(rdata.to_text() for rrset in response.answer for rdata in rrset)


def by_hand(running: Running, owner: str, rtype: str, rdata: str) -> str:
    """One update with the same key. Knot says of a key without a rule here that it knows no such key."""
    message = dns.update.UpdateMessage(ZONE, keyring=key())
    message.replace(owner, 30, rtype, rdata)
    with contextlib.suppress(dns.tsig.PeerBadKey):
        return dns.rcode.to_text(dns.query.tcp(message, HOST, port=running.port, timeout=5).rcode())
    return "BADKEY"


OUTSIDE = (
    ("other.z.test.", "A", "192.0.2.9"),
    ("sub.www.z.test.", "A", "192.0.2.9"),
    ("z.test.", "A", "192.0.2.9"),
    ("z.test.", "MX", "10 mail.example."),
    ("www.z.test.", "MX", "10 mail.example."),
    ("_holdfast-other.z.test.", "TXT", '"x"'),
    ("_acme-challenge.z.test.", "TXT", '"x"'),
)
BY_TYPE = (("www.z.test.", "TXT", '"x"'), ("_holdfast-shop.z.test.", "A", "192.0.2.9"))
"""BIND's grants are name by name and type by type; Knot's are a product."""


@pytest.mark.real
@pytest.mark.parametrize(("provider", "start"), [("bind", bind), ("knot", knot)])
def test_the_printed_policy_is_enough_and_no_more(
    provider: str, start: Callable[[str], Running], tmp_path: Path
) -> None:
    """`up` brings its names up with it, and the same key's writes elsewhere are REFUSED by the server."""
    text, refusal = printed(provider, tmp_path), {"bind": "REFUSED", "knot": "BADKEY"}[provider]
    with start_or_skip(lambda: start(text)) as running:
        file = tmp_path / "up.toml"
        file.write_text(FILE.format(zone=on_server(provider, running.port), more=""))
        (tmp_path / "z.key").write_text(KEY_SECRET)
        (tmp_path / "z.key").chmod(0o600)
        process = Process([*PROGRAM, "up", "--plain", str(file)], tmp_path, "up")
        try:
            eventually(lambda: answer(running, "api.z.test", "A") == ["192.0.2.3"], PATIENCE_S, process.tail)
            assert answer(running, "www.z.test", "A") == ["192.0.2.1"]
            assert answer(running, "www.z.test", "AAAA") == ["2001:db8::2"]
            assert len(answer(running, "_holdfast-shop.z.test", "TXT")) == 1
            for owner, rtype, rdata in (*OUTSIDE, *(BY_TYPE if provider == "bind" else ())):
                before = answer(running, owner, rtype)
                assert by_hand(running, owner, rtype, rdata) == refusal, (owner, rtype)
                assert answer(running, owner, rtype) == before
            assert by_hand(running, "www.z.test.", "A", "192.0.2.9") == "NOERROR", "the key itself is good"
            process.signal(signal.SIGTERM)
        finally:
            process.stop()


def test_every_server_gets_exactly_the_names_of_the_file() -> None:
    """BIND and PowerDNS by type; the proof's record only where the serial has to be proved."""
    (by_bind,) = policies(loaded(on_server("bind", 53)).configuration)
    grants = [line.strip() for line in by_bind.text.splitlines() if "grant" in line]
    own = [grant for grant in grants if grant.endswith("TXT;")]
    assert f"grant {KEY_NAME}. name www.z.test. A AAAA;" in grants
    assert f"grant {KEY_NAME}. name _holdfast-shop.z.test. TXT;" in own
    (by_powerdns,) = policies(loaded(on_server("powerdns", 53)).configuration)
    assert '["api.z.test."] = { [1] = true, [28] = true },' in by_powerdns.text
    assert '["_holdfastproof-shop.z.test."] = { [16] = true },' in by_powerdns.text


def test_the_policy_for_iam_has_the_vendors_structure() -> None:
    """Structure and condition keys only; no live service has seen it, and the notes say so."""
    (found,) = policies(on_route53())
    document = msgspec.json.decode(found.text)
    assert document["Version"] == "2012-10-17"
    change, read, follow = document["Statement"]
    assert all(s.keys() <= {"Effect", "Action", "Resource", "Condition"} for s in document["Statement"])
    assert change["Action"] == "route53:ChangeResourceRecordSets"
    assert change["Resource"] == read["Resource"] == "arn:aws:route53:::hostedzone/Z0123456789ABC"
    names = change["Condition"]["ForAllValues:StringEquals"]
    assert names["route53:ChangeResourceRecordSetsNormalizedRecordNames"] == [
        "_holdfast-shop.z.test",
        "api.z.test",
        "www.z.test",
    ]
    assert names["route53:ChangeResourceRecordSetsRecordTypes"] == ["A", "AAAA", "TXT"]
    assert change["Condition"]["Null"] == {"route53:ChangeResourceRecordSetsNormalizedRecordNames": "false"}
    assert follow["Resource"] == "arn:aws:route53:::change/*"
    assert any("not tried on the live service" in note for note in found.notes)
    assert len(found.text) < IAM_CHARACTERS_MAX
    assert not any("at most" in note for note in found.notes)


def test_names_that_clusters_bring_are_allowed_by_domain() -> None:
    """With `[external_dns]` domains every name below them may come and go, addresses only."""
    more = '[external_dns]\ndomains = ["k8s.z.test"]'
    (by_bind,) = policies(loaded(on_server("bind", 53), more).configuration)
    assert f"grant {KEY_NAME}. subdomain k8s.z.test. A AAAA;" in by_bind.text
    (by_knot,) = policies(loaded(on_server("knot", 53), more).configuration)
    assert "update-owner-match: sub-or-equal\n    update-owner-name: [k8s.z.test.]" in by_knot.text
    (by_iam,) = policies(on_route53(more))
    like = msgspec.json.decode(by_iam.text)["Statement"][0]["Condition"]["ForAllValues:StringLike"]
    assert "*.k8s.z.test" in like["route53:ChangeResourceRecordSetsNormalizedRecordNames"]


def test_each_provider_has_a_policy() -> None:
    """A provider that is added has to say what its key needs."""
    for kind in ProviderKind:
        if kind is not ProviderKind.ROUTE53:
            zone = msgspec.structs.replace(loaded(on_server("bind", 53)).configuration.zones[0], provider=kind)
            configuration = msgspec.structs.replace(loaded(on_server("bind", 53)).configuration, zones=(zone,))
            assert policies(configuration)[0].text
