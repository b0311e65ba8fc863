"""Queries per second of the embedded DNS beside Knot, in one run, by dnsperf over UDP.

    python benchmarks/dns_queries.py [SECONDS]

Both serve the same zone, written to both by the same signed updates: 1,000 names with two addresses each. The
questions are its names in turn, plus one in ten that does not exist. dnsperf and the server share the machine,
so figures compare the two and promise nothing. Rounds alternate; raw output goes to benchmarks/out/.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import dns.message
import dns.rcode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from holdfast.model.records import RRset
from holdfast.nameserver.encoding import encode_update
from holdfast.nameserver.server import EmbeddedServer
from holdfast.nameserver.settings import KeySettings, NameServer, ServerSettings, ZoneSettings
from holdfast.nameserver.signing import append_signature, unix_time_s
from holdfast.ports.dns import SetRRset, Update
from servers.knot import start_knot
from servers.process import HOST, KEY_NAME, KEY_SECRET, ZoneSpec, binary, key

ZONE = "bench.test"
NAMES = 1000
ROUNDS = 3
OUT = Path(__file__).parent / "out"
_FIGURE = re.compile(r"Queries per second:\s+([\d.]+)")
_LOST = re.compile(r"Queries lost:\s+(\d+)")


def _embedded(directory: str, pipe: Connection) -> None:
    asyncio.run(_serve(Path(directory), pipe))


async def _serve(directory: Path, pipe: Connection) -> None:
    secret = directory / "key"
    secret.touch(mode=0o600)
    secret.write_text(KEY_SECRET)
    server = EmbeddedServer(
        ServerSettings(
            listen=((HOST, 0),),
            data_directory=directory / "data",
            zones=(ZoneSettings(ZONE, (NameServer(f"ns1.{ZONE}", (HOST,)),), (KEY_NAME,)),),
            keys=(KeySettings(KEY_NAME, file=str(secret)),),
        )
    )
    await server.start()
    pipe.send(server.addresses[0][1])
    await asyncio.Event().wait()


def _fill(port: int) -> float:
    """Write the names in one signed message; seconds until the answer."""
    changes = tuple(
        SetRRset(RRset(f"n{i}.{ZONE}", "A", 30, (f"192.0.{i // 256}.{i % 256}", f"198.51.{i // 256}.{i % 256}")))
        for i in range(NAMES)
    )
    began = time.perf_counter()
    wire = encode_update(Update(ZONE, (), changes), message_id=4711)
    wire, mac = append_signature(wire, key(), now_s=unix_time_s())
    with socket.create_connection((HOST, port), timeout=30) as sock:
        sock.sendall(len(wire).to_bytes(2, "big") + wire)
        size = int.from_bytes(sock.recv(2), "big")
        answer = dns.message.from_wire(sock.recv(size), keyring=key(), request_mac=mac)
    took = time.perf_counter() - began
    if answer.rcode() != dns.rcode.NOERROR:
        raise SystemExit(f"the server at port {port} refused the names: {dns.rcode.to_text(answer.rcode())}")
    return took


def _dnsperf(name: str, port: int, questions: Path, seconds: int, round_: int) -> tuple[float, int]:
    """Queries per second, and queries lost."""
    command = [binary("dnsperf", "dnsperf"), "-s", HOST, "-p", str(port), "-d", str(questions)]
    done = subprocess.run(
        [*command, "-l", str(seconds), "-c", "4", "-q", "200"], capture_output=True, text=True, check=True
    )
    (OUT / f"dns_queries.{name}.{round_}.txt").write_text(done.stdout + done.stderr)
    figure, lost = _FIGURE.search(done.stdout), _LOST.search(done.stdout)
    if figure is None or lost is None:
        raise SystemExit(f"dnsperf printed no figure:\n{done.stdout}{done.stderr}")
    return float(figure[1]), int(lost[1])


def _measure(ports: dict[str, int], directory: Path, seconds: int) -> None:
    questions = directory / "questions"
    lines = [f"n{i}.{ZONE} A" if i % 10 else f"no{i}.{ZONE} A" for i in range(NAMES)]
    questions.write_text("\n".join(lines) + "\n")
    figures: dict[str, list[tuple[float, int]]] = {name: [] for name in ports}
    for name, port in ports.items():
        print(f"{name}: {NAMES} names in one signed update: {_fill(port) * 1000:.0f} ms")
    for round_ in range(ROUNDS):
        for name, port in ports.items():
            figures[name].append(_dnsperf(name, port, questions, seconds, round_))
    print(f"\n{'server':<10} {'median q/s':>11} {'lowest':>9} {'highest':>9} {'lost':>6}")
    medians = {}
    for name, seen in figures.items():
        rates = [rate for rate, _ in seen]
        medians[name] = statistics.median(rates)
        lost = sum(count for _, count in seen)
        print(f"{name:<10} {medians[name]:>11,.0f} {min(rates):>9,.0f} {max(rates):>9,.0f} {lost:>6}")
    print(f"embedded / knot: {medians['embedded'] / medians['knot']:.2f}")


def _with_embedded(then: Callable[[int, Path], None]) -> None:
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory(prefix="hf-bench-") as name:
        process = multiprocessing.get_context("spawn").Process(target=_embedded, args=(name, theirs), daemon=True)
        process.start()
        try:
            if not ours.poll(20):
                raise SystemExit("the embedded server did not start within 20 s")
            then(ours.recv(), Path(name))
        finally:
            process.kill()
            process.join()


def main() -> None:
    """Run it."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    OUT.mkdir(exist_ok=True)
    with start_knot((ZoneSpec(ZONE),)) as knot:
        _with_embedded(lambda port, place: _measure({"embedded": port, "knot": knot.port}, place, seconds))


if __name__ == "__main__":
    main()
