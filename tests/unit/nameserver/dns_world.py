"""What the nameserver's tests share: a small zone, a running server, and dig and nsupdate as real clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.tsig

from holdfast.model.records import RRset
from holdfast.nameserver.server import EmbeddedServer, drop_event
from holdfast.nameserver.settings import KeySettings, NameServer, ServerSettings, ZoneSettings
from holdfast.nameserver.zone import Zone
from holdfast.ports.events import Event

ZONE = "example.test"
SECRET = "aG9sZGZhc3QgdGVzdCBzZWNyZXQgb2YgMzIgYnl0ZXM="
KEY_NAME = "holdfast"
KEY = dns.tsig.Key(KEY_NAME, SECRET, "hmac-sha256")
FENCE = f"_holdfast-main.{ZONE}"


def rr(name: str, rtype: str, *rdatas: str, ttl: int = 30) -> RRset:
    """An RRset of the test zone; `name` is relative, `@` the apex."""
    owner = ZONE if name == "@" else f"{name}.{ZONE}"
    return RRset(owner, rtype, ttl, tuple(sorted(rdatas)))


def small_zone(*more: RRset, serial: int = 10) -> Zone:
    """Apex, one name server, one name with two addresses, and whatever the test adds."""
    return Zone.of(
        ZONE,
        (
            rr("@", "SOA", f"ns1.{ZONE} hostmaster.{ZONE} {serial} 3600 600 1209600 5"),
            rr("@", "NS", f"ns1.{ZONE}"),
            rr("ns1", "A", "192.0.2.53"),
            rr("www", "A", "192.0.2.1", "192.0.2.2"),
            *more,
        ),
    )


def settings_in(directory: Path, *, port: int = 0) -> ServerSettings:
    """A server for the test zone on loopback, with a key file beside its data."""
    directory.mkdir(parents=True, exist_ok=True)
    key_file = directory / "key"
    key_file.write_text(SECRET, encoding="ascii")
    key_file.chmod(0o600)
    return ServerSettings(
        listen=(("127.0.0.1", port),),
        data_directory=directory / "data",
        zones=(ZoneSettings(ZONE, (NameServer(f"ns1.{ZONE}", ("127.0.0.1",)),), (KEY_NAME,)),),
        keys=(KeySettings(KEY_NAME, file=str(key_file)),),
    )


@asynccontextmanager
async def serving(
    directory: Path, emit: Callable[[Event], None] = drop_event
) -> AsyncIterator[tuple[EmbeddedServer, int]]:
    """A running server and its port."""
    server = EmbeddedServer(settings_in(directory), emit=emit)
    await server.start()
    try:
        yield server, server.addresses[0][1]
    finally:
        await server.stop()


async def run(*command: str, text: str = "") -> str:
    """Run a client to its end; what it printed on both channels."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(text.encode()), 20)
    return out.decode()


async def dig(port: int, *arguments: str, signed: bool = False) -> str:
    """Ask with dig."""
    key = ("-y", f"hmac-sha256:{KEY_NAME}:{SECRET}") if signed else ()
    return await run("dig", "@127.0.0.1", "-p", str(port), "+time=5", "+tries=1", *key, *arguments)


async def nsupdate(port: int, *lines: str, key: str | None = SECRET, tcp: bool = True) -> str:
    """Update with nsupdate; empty when the server said NOERROR."""
    signed = ("-y", f"hmac-sha256:{KEY_NAME}:{key}") if key else ()
    text = "\n".join((f"server 127.0.0.1 {port}", f"zone {ZONE}", *lines, "send", ""))
    return await run("nsupdate", *(("-v",) if tcp else ()), "-t", "5", "-r", "0", *signed, text=text)
