"""ExternalDNS's webhook on real processes: from a POST to a DNS answer and out again, and a zone taken over."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.query
import dns.rcode
import dns.update
import pytest
from quickstart_world import Quickstart

from holdfast.config.loading import load
from holdfast.config.own_keys import local_zones
from holdfast.config.settings import Loaded
from holdfast.externaldns.contract import MEDIA_TYPE
from holdfast.nameserver.keys import load_key
from holdfast.nameserver.settings import KeySettings
from servers.ports import free_port
from servers.process import HOST

ZONE = "k8s.test"
SHOP, LAST = f"shop.{ZONE}", f"last.{ZONE}"
FILE = """
scope = "k8s"
allowed_prefixes = ["192.0.2.0/24"]
[service]
dns_listen = "127.0.0.1:{dns}"
metrics_listen = ""
enactors = 1
state = "quickstart-state"
[limits]
window = "1s"
[external_dns]
listen = "127.0.0.1:{webhook}"
status_listen = "127.0.0.1:{status}"
delete_after = "100ms"
[[zone]]
name = "k8s.test"
provider = "embedded"
"""


class Webhook(Quickstart):
    """`holdfast up` with a webhook, and no name of the file's own."""

    def text(self) -> str:
        self.webhook, self.status = free_port(), free_port()
        return FILE.format(dns=self.dns_port, webhook=self.webhook, status=self.status)

    def ask(self, method: str, path: str, body: Any = None, port: int = 0) -> tuple[int, bytes]:
        """A request as ExternalDNS makes it."""
        headers = {"Accept": MEDIA_TYPE} | ({} if body is None else {"Content-Type": MEDIA_TYPE})
        data = None if body is None else json.dumps(body).encode()
        url = f"http://{HOST}:{port or self.webhook}{path}"
        try:
            request = urllib.request.Request(url, data, headers, method=method)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def by_hand(self, *records: tuple[str, str, str]) -> None:
        """Put records into the zone as another tool would."""
        loaded = load(self.file)
        assert isinstance(loaded, Loaded)
        (zone,) = local_zones(loaded.configuration, loaded.service)
        key = load_key(KeySettings(zone.key_name, zone.key_algorithm, zone.key_file), {})
        message = dns.update.UpdateMessage(ZONE, keyring=key)
        for name, rtype, data in records:
            message.add(f"{name}.", 60, rtype, data)
        answer = dns.query.tcp(message, HOST, port=self.dns_port, timeout=10)
        assert answer.rcode() == dns.rcode.NOERROR


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Webhook]:
    """A running `up`."""
    made = Webhook(tmp_path)
    try:
        made.start("up", "--plain", made.file.name)
        made.until(lambda: made.ask("GET", "/records")[0] == 200, "the webhook serves")
        yield made
    finally:
        made.close_processes()


def record(name: str, *addresses: str) -> dict[str, Any]:
    """A record set as ExternalDNS writes it."""
    return {"dnsName": name, "recordType": "A", "targets": list(addresses), "recordTTL": 60}


def test_cluster_writes_reach_dns_and_leave_it_at_a_bounded_pace(world: Webhook) -> None:
    """A create, a change of every address, a deletion go through plans and fence; a marked zone is taken over."""
    assert world.ask("GET", "/healthz", port=world.status) == (200, b"ok\n")
    code, said = world.ask("POST", "/records", {"create": [record(SHOP, "192.0.2.1"), record(LAST, "192.0.2.9")]})
    assert (code, said) == (204, b"")
    world.until(lambda: world.answer(SHOP) == {"192.0.2.1"} and world.answer(LAST) == {"192.0.2.9"}, "both answer")

    new = {"updateOld": [record(SHOP, "192.0.2.1")], "updateNew": [record(SHOP, "192.0.2.2", "192.0.2.3")]}
    assert world.ask("POST", "/records", new)[0] == 204
    world.until(lambda: world.answer(SHOP) == {"192.0.2.2", "192.0.2.3"}, "the new addresses answer")
    outside = world.ask("POST", "/records", {"create": [record(f"x.{ZONE}", "203.0.113.1")]})
    assert outside[0] == 422

    assert world.ask("POST", "/records", {"delete": [record(LAST, "192.0.2.9")]})[0] == 204
    world.until(lambda: not world.answer(LAST), "the deleted name is retired")
    assert world.answer(SHOP) == {"192.0.2.2", "192.0.2.3"}
    world.until_event("external.retired", LAST)

    heritage = '"heritage=external-dns,external-dns/owner=c1,external-dns/resource=service/default/old"'
    world.by_hand((f"old.{ZONE}", "A", "192.0.2.7"), (f"a-old.{ZONE}", "TXT", heritage))
    dry = json.loads(world.ok("webhook", "import", world.file.name, "--dry-run", "--format", "json"))
    assert (dry["names"], dry["written"]) == ([f"old.{ZONE}"], False)
    assert f"update delete a-old.{ZONE}. TXT" in world.ok("webhook", "import", world.file.name)
    kept = json.loads(world.ask("GET", "/records")[1])
    assert {(r["dnsName"], r["targets"][0]) for r in kept} == {
        (SHOP, "192.0.2.2"), (f"old.{ZONE}", "192.0.2.7"), (f"a-old.{ZONE}", heritage)}  # fmt: skip
    assert world.answer(f"old.{ZONE}") == {"192.0.2.7"}
    # Metrics count what this process emitted.
    metrics = world.ask("GET", "/metrics", port=world.status)[1].decode()
    assert 'holdfast_events_total{kind="external.retired"} 1.0' in metrics
