"""Tokens at the lease service's HTTP door: each call needs a grant, and a call without one harms no other."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from holdfast.access.gate import Gate
from holdfast.access.grants import parse_grant
from holdfast.access.tokens import line
from holdfast.client.http import LeaseHttp, Rejected
from holdfast.conformance.lease_world import memory_world
from holdfast.model.lease import Establish, Granted, Listing, TryLater
from holdfast.runtime.delivery import DeliveryInbox
from holdfast.runtime.leases import LeaseInbox
from holdfast.service.leases.http import application, serve_leases
from holdfast.service.listening import listen
from holdfast.stores.memory import MemoryStore

TOKEN = "{}.0123456789abcdefghijklmnopqrstuvwxyz"


def gate(directory: Path, **tokens: str) -> Gate:
    """A gate with tokens of these ids and grants."""
    path = directory / "tokens"
    path.write_text(
        "".join(line(i, tuple(map(parse_grant, g.split(","))), TOKEN.format(i)) for i, g in tokens.items())
    )
    path.chmod(0o600)
    return Gate(file=path)


async def test_a_call_without_a_grant_is_put_off_alone(tmp_path: Path) -> None:
    """Beside a permitted call the other waits with the reason; alone it is 403; lists need `read` or that role."""
    sock = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    door = gate(tmp_path, host="lease:api/h1", eye="read:api")
    async with memory_world() as world, serve_leases(world.inbox, sock, door):
        async with LeaseHttp(url, TOKEN.format("host")) as host:
            mine, other = await host.calls(
                (Establish("api", "h1", "me"), Establish("api", "h2", "me")), timeout_s=10.0
            )
            assert isinstance(mine, Granted)
            assert isinstance(other, TryLater)
            assert other.why == "token `host` has lease:api/h1, and this needs lease:api/h2"
            with pytest.raises(Rejected, match=r"403.*lease:api/h2"):
                await host.calls((Establish("api", "h2", "me"),), timeout_s=10.0)
            with pytest.raises(Rejected, match=r"403.*read:api"):
                await host.members(Listing("api"), timeout_s=10.0)
        async with LeaseHttp(url, TOKEN.format("eye")) as eye:
            assert [lease.name for lease in (await eye.members(Listing("api"), timeout_s=10.0)).leases] == ["h1"]  # type: ignore[union-attr]
            with pytest.raises(Rejected, match="403"):
                await eye.calls((Establish("api", "h1", "me"),), timeout_s=10.0)


PUBLISH = {"ask": {"call": "publish", "selector": "role/lb", "name": "f", "content": ""}}
POLL = {"ask": {"call": "poll", "host": {"name": "h1", "role": "lb", "group": "a"}, "applied": 0}}
STATUS = {"ask": {"call": "status"}}
REFUSED: tuple[tuple[str, str, str, object, int], ...] = (
    ("POST", "/v1/config", "pub", POLL, 403),
    ("POST", "/v1/config", "pub", STATUS, 403),
    ("POST", "/v1/config", "host", PUBLISH, 403),
    ("POST", "/v1/config", "host", POLL, 403),  # its group is not granted
    ("POST", "/v1/config", "nobody", PUBLISH, 401),
    ("POST", "/v1/leases", "nobody", {"calls": []}, 401),
    ("GET", "/v1/leases/lb", "nobody", None, 401),
    ("GET", "/v1/leases/lb", "pub", None, 403),
)


@pytest.mark.parametrize(("method", "path", "who", "body", "status"), REFUSED)
async def test_no_path_answers_without_the_grant_it_needs(
    tmp_path: Path, method: str, path: str, who: str, body: object, status: int
) -> None:
    """Every path but the sign of life asks for a token, and for the right one."""
    door = gate(tmp_path, pub="publish:role/lb", host="lease:lb/h1")
    served = httpx.ASGITransport(application(LeaseInbox(MemoryStore()), door, DeliveryInbox()))
    async with httpx.AsyncClient(transport=served, base_url="http://leases.test") as client:
        shown = {"Authorization": "Bearer " + TOKEN.format(who)}
        answer = await client.request(method, path, json=body, headers=shown)
        assert answer.status_code == status
        assert TOKEN.format(who) not in answer.text
        assert (await client.get("/healthz")).status_code == 200


def test_every_route_is_in_the_table_above(tmp_path: Path) -> None:
    """A new path has to be added there: none is open by oversight."""
    found = application(LeaseInbox(MemoryStore()), gate(tmp_path, a="read"), DeliveryInbox())
    paths = {getattr(route, "path", "") for route in found.routes}
    assert paths == {"/v1/leases", "/v1/leases/{role}", "/v1/config", "/healthz"}
