"""dig and nsupdate of BIND against the embedded server."""

from __future__ import annotations

from pathlib import Path

import pytest
from dns_world import FENCE, ZONE, dig, nsupdate, serving

from holdfast.ports.events import Event


async def test_questions_of_every_outcome_over_udp_and_tcp(tmp_path: Path) -> None:
    """Data, no data, no name, foreign zone: each with its code, flags and SOA, over both transports."""
    async with serving(tmp_path) as (_, port):
        for transport in ("+notcp", "+tcp"):
            found = await dig(port, transport, f"NS1.{ZONE}", "A")
            assert "127.0.0.1" in found
            assert "flags: qr aa rd;" in found
            no_data = await dig(port, transport, f"ns1.{ZONE}", "AAAA")
            assert "status: NOERROR" in no_data
            assert "ANSWER: 0, AUTHORITY: 1" in no_data
            assert "\tSOA\t" in no_data
            no_name = await dig(port, transport, f"nothing.{ZONE}", "A")
            assert "status: NXDOMAIN" in no_name
            assert "\tSOA\t" in no_name
            assert "status: REFUSED" in await dig(port, transport, "elsewhere.example", "A")


async def test_update_with_prerequisites(tmp_path: Path) -> None:
    """A fenced update is applied once; the same pin again is NXRRSET, and nothing of it lands."""
    async with serving(tmp_path) as (server, port):
        before = server.serial(ZONE)
        assert await nsupdate(port, f'update add {FENCE} 60 TXT "one"') == ""
        fenced = (
            f'prereq yxrrset {FENCE} TXT "one"',
            f"update delete {FENCE} TXT",
            f'update add {FENCE} 60 TXT "two"',
            f"update add www.{ZONE} 30 A 192.0.2.7",
        )
        assert await nsupdate(port, *fenced) == ""
        assert "NXRRSET" in await nsupdate(port, *fenced[:3], f"update add www.{ZONE} 30 A 192.0.2.8")
        assert (await dig(port, "+short", f"www.{ZONE}", "A")).split() == ["192.0.2.7"]
        assert (await dig(port, "+short", FENCE, "TXT")).strip() == '"two"'
        assert server.serial(ZONE) == before + 2


async def test_what_is_not_signed_rightly_is_refused(tmp_path: Path) -> None:
    """No key: REFUSED; a wrong secret: NOTAUTH(BADSIG); over UDP: REFUSED, and the event says why (R6)."""
    events: list[Event] = []
    line = f"update add www.{ZONE} 30 A 192.0.2.7"
    async with serving(tmp_path, events.append) as (server, port):
        before = server.serial(ZONE)
        assert "REFUSED" in await nsupdate(port, line, key=None)
        assert "BADSIG" in await nsupdate(port, line, key="d3Jvbmcgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM=")
        assert "REFUSED" in await nsupdate(port, line, tcp=False)
        assert "UDP" in events[-1].text
        assert server.serial(ZONE) == before
        assert "failed" in await dig(port, "+tcp", ZONE, "AXFR")


async def test_transfer_to_a_signed_client(tmp_path: Path) -> None:
    """AXFR gives the whole zone, SOA first and last, with signatures that dig accepts."""
    async with serving(tmp_path) as (_, port):
        lines = [f"update add n{i}.{ZONE} 30 TXT {'x' * 200}" for i in range(200)]
        assert await nsupdate(port, *lines) == ""
        shown = await dig(port, "+tcp", "+onesoa", "+noall", "+answer", "+comments", ZONE, "AXFR", signed=True)
        assert shown.count("\tTXT\t") == 200
        assert "Couldn't verify" not in shown
        stats = await dig(port, "+tcp", ZONE, "AXFR", signed=True)
        assert "XFR size: 204 records (messages 2" in stats
        assert stats.count("\tSOA\t") == 2


async def test_large_answers_are_truncated_and_come_over_tcp(tmp_path: Path) -> None:
    """An RRset beyond 1232 bytes sets TC over UDP, nothing else in it; dig gets all of it over TCP."""
    async with serving(tmp_path) as (_, port):
        lines = [f"update add big.{ZONE} 30 TXT {i:03d}{'x' * 100}" for i in range(30)]
        assert await nsupdate(port, *lines) == ""
        cut = await dig(port, "+ignore", "+notcp", f"big.{ZONE}", "TXT")
        assert " tc " in cut
        assert "ANSWER: 0" in cut
        whole = await dig(port, f"big.{ZONE}", "TXT")
        assert "Truncated, retrying in TCP mode" in whole
        assert "ANSWER: 30" in whole


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("+opcode=NOTIFY",), "NOTIMP"), (("+edns=1", "+noednsneg"), "BADVERS"), (("-c", "CH"), "REFUSED")],
)
async def test_odd_requests(tmp_path: Path, arguments: tuple[str, ...], status: str) -> None:
    """Another opcode, EDNS version or class each get their own code."""
    async with serving(tmp_path) as (_, port):
        assert f"status: {status}" in await dig(port, *arguments, f"ns1.{ZONE}", "A")
