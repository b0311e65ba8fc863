"""Durability (R15): torn tails, damage, compaction, failing disks, serials, kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest
from dns_world import KEY, ZONE, rr, serving, settings_in, small_zone

from holdfast.model.records import RRset
from holdfast.nameserver.changes import AddRecords, ZoneUpdate
from holdfast.nameserver.encoding import encode_update
from holdfast.nameserver.journal import Journal
from holdfast.nameserver.keeping import ZoneKeeper, open_zone
from holdfast.nameserver.server import EmbeddedServer
from holdfast.nameserver.settings import NameServer, NameserverProblem, ZoneSettings
from holdfast.nameserver.signing import append_signature
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import Rcode, SetRRset, Update

SETTINGS = ZoneSettings(ZONE, (NameServer(f"ns1.{ZONE}", ("127.0.0.1",)),), ("holdfast",))


def txt(i: int) -> RRset:
    """The record of one number."""
    return rr(f"n{i}", "TXT", f'"{i}"')


def written(directory: Path, count: int) -> Path:
    """A journal with one record per name; the path of its file."""
    journal = Journal(directory, ZONE)
    journal.load()
    for i in range(count):
        journal.append({txt(i).name: (txt(i),)})
    journal.close()
    return directory / ZONE / "journal"


def names_after(directory: Path) -> tuple[int, str]:
    """What a new start reads: how many names, and what it says of damage."""
    journal = Journal(directory, ZONE)
    loaded = journal.load()
    journal.close()
    return (0 if loaded.zone is None else len(list(loaded.zone.names))), loaded.damage


def test_a_torn_tail_is_cut_off_at_any_byte(tmp_path: Path) -> None:
    """Whatever part of the last record is there, the ones before it are whole, and appending goes on."""
    path = written(tmp_path, 3)
    whole = path.read_bytes()
    two = len(whole) * 2 // 3
    for end in range(two, len(whole)):
        path.write_bytes(whole[:end])
        assert names_after(tmp_path) == (2, ""), end
        assert path.stat().st_size == two
    path.write_bytes(whole + b"\0" * 4096)
    assert names_after(tmp_path) == (3, "")


@pytest.mark.parametrize("where", ["head", "payload"])
def test_damage_in_the_middle_is_told_and_put_aside(tmp_path: Path, where: str) -> None:
    """A flipped bit before the tail was acknowledged once: not a torn tail. What precedes it is kept."""
    path = written(tmp_path, 3)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 + (5 if where == "head" else 24)] ^= 1
    path.write_bytes(data)
    count, damage = names_after(tmp_path)
    assert count == 1
    assert "journal.damaged" in damage
    assert path.with_name("journal.damaged").read_bytes() == data


def test_a_crash_between_snapshot_and_new_journal_harms_nothing(tmp_path: Path) -> None:
    """Records that the snapshot has already are skipped, and numbers go on from it."""
    path = written(tmp_path, 3)
    old = path.read_bytes()
    journal = Journal(tmp_path, ZONE)
    zone = journal.load().zone
    assert zone is not None
    zone.absorb({txt(0).name: ()})
    journal.append({txt(0).name: ()})
    old = path.read_bytes()
    journal.compact(zone)
    journal.close()
    assert path.read_bytes() == b""
    path.write_bytes(old)
    assert names_after(tmp_path) == (2, "")


async def keep(directory: Path, zone: Zone, reports: list[str]) -> ZoneKeeper:
    """A running keeper of a zone."""
    journal = Journal(directory, ZONE)
    journal.load()
    keeper = ZoneKeeper(zone, journal, changed=lambda: None, report=lambda kind, text: reports.append(text))
    keeper.start()
    return keeper


async def test_no_answer_before_the_flush_and_nothing_seen_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the disk flushes, the update is neither answered nor visible; those that wait share the next flush."""
    loop = asyncio.get_running_loop()
    entered, flushes = asyncio.Event(), 0
    release = asyncio.Event()
    fsync = os.fsync

    def slow(file: int) -> None:
        nonlocal flushes
        flushes += 1
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)
        fsync(file)

    keeper = await keep(tmp_path, small_zone(), [])
    monkeypatch.setattr(os, "fsync", slow)
    futures = [keeper.submit(ZoneUpdate(ZONE, (), (AddRecords(txt(0)),)))]
    await asyncio.wait_for(entered.wait(), 10)
    futures += [keeper.submit(ZoneUpdate(ZONE, (), (AddRecords(txt(i)),))) for i in range(1, 20)]
    assert keeper.zone.rrset(txt(0).name, "TXT") is None
    assert not any(future.done() for future in futures)
    release.set()
    assert await asyncio.gather(*futures) == [Rcode.NOERROR] * 20
    assert keeper.zone.rrset(txt(19).name, "TXT") is not None
    assert flushes == 2
    await keeper.stop()


async def test_a_failing_flush_is_servfail_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk holds is unknown after a failed flush: this update and all later ones are refused."""

    def fail(file: int) -> None:
        raise OSError("no space left")

    reports: list[str] = []
    keeper = await keep(tmp_path, small_zone(), reports)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        assert await keeper.submit(ZoneUpdate(ZONE, (), (AddRecords(txt(0)),))) is Rcode.SERVFAIL
    assert await keeper.submit(ZoneUpdate(ZONE, (), (AddRecords(txt(1)),))) is Rcode.SERVFAIL
    assert keeper.zone == small_zone()
    assert "no space left" in reports[0]
    await keeper.stop()


def test_the_serial_never_falls(tmp_path: Path) -> None:
    """Kept over restarts; with the data lost it starts at Unix time; after damage it is above what is known."""

    def opened(now_s: int) -> Zone:
        journal = Journal(tmp_path, ZONE)
        try:
            return open_zone(SETTINGS, journal, now_s=now_s, report=lambda kind, text: None)
        finally:
            journal.close()

    first = opened(1_000_000)
    assert first.serial == 1_000_000
    assert opened(5_000_000) == first
    path = tmp_path / ZONE / "journal"
    kept = path.read_bytes()
    path.write_bytes(kept + b"garbage that is no record")
    assert opened(900_000).serial == 1_000_001
    for file in (tmp_path / ZONE).iterdir():
        file.unlink()
    assert opened(2_000_000).serial == 2_000_000


def test_the_apex_follows_the_settings(tmp_path: Path) -> None:
    """Changed name servers are taken over at start, with a new serial; other data stay."""
    journal = Journal(tmp_path, ZONE)
    before = open_zone(SETTINGS, journal, now_s=100, report=lambda kind, text: None)
    journal.append({txt(1).name: (txt(1),)})
    journal.close()
    changed = ZoneSettings(ZONE, (NameServer("ns.elsewhere.example"),), (), negative_ttl=60)
    journal = Journal(tmp_path, ZONE)
    after = open_zone(changed, journal, now_s=100, report=lambda kind, text: None)
    journal.close()
    assert after.serial == before.serial + 1
    assert after.rrset(ZONE, "NS") == rr("@", "NS", "ns.elsewhere.example", ttl=60)
    assert after.rrset(txt(1).name, "TXT") is not None


async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """One directory has one owner; the sentence says so."""
    async with serving(tmp_path):
        with pytest.raises(NameserverProblem, match="in use by another"):
            await EmbeddedServer(settings_in(tmp_path)).start()


SERVER = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from dns_world import settings_in
    from holdfast.nameserver.server import EmbeddedServer

    async def main():
        server = EmbeddedServer(settings_in(Path(sys.argv[1])))
        await server.start()
        print(server.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
""")


async def _writer(port: int, first: int, acknowledged: list[int], enough: asyncio.Event) -> None:
    """Updates one after the other until the server dies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = first
    try:
        while True:
            wire = encode_update(Update(ZONE, (), (SetRRset(txt(number)),)), message_id=number & 0xFFFF)
            wire, _ = append_signature(wire, KEY, now_s=int(time.time()))
            writer.write(len(wire).to_bytes(2, "big") + wire)
            length = int.from_bytes(await reader.readexactly(2), "big")
            answer = await reader.readexactly(length)
            assert answer[3] & 0xF == 0
            acknowledged.append(number)
            number += 1
            if number == first + 20:
                enough.set()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Three rounds of four writers and a kill -9 in the middle: every acknowledged record is there, and the
    serial counted each."""
    acknowledged: list[int] = []
    serial = 0
    for round_ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVER, str(tmp_path), str(Path(__file__).parent), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        enough = asyncio.Event()
        writers = [
            asyncio.create_task(_writer(port, round_ * 100_000 + i * 10_000, acknowledged, enough))
            for i in range(4)
        ]
        async with asyncio.timeout(20):
            await enough.wait()
        process.send_signal(signal.SIGKILL)
        await asyncio.gather(*writers, process.wait())
        async with serving(tmp_path) as (server, _):
            assert server.serial(ZONE) >= serial + 20
            serial = server.serial(ZONE)
            zone = server.zone(ZONE)
            assert [n for n in acknowledged if zone.rrset(txt(n).name, "TXT") != txt(n)] == []
