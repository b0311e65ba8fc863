"""10,000 fenced names changed on BIND, Knot, PowerDNS and the embedded server, beside `nsupdate` and octoDNS.

    python benchmarks/fenced_writes.py [--names N] [--rounds N] [--servers bind,knot,...] [--octodns PROGRAM]

Per server, in turns within each round, every name getting two new addresses each time:

    nsupdate   one process, bare `nsupdate -v`, with the very messages that the provider sends (fence, guards,
               changes, TSIG); it reads nothing back
    holdfast   packing, sending and the read-back of fence and data after each message
    sent only  the same without read-back, as nsupdate: what checking costs
    three      three providers with a connection each, on the same names, starting a third apart; each asks, in one
               message, whether a batch is there already, before it writes it
    octoDNS    `octodns-sync --doit` with its RFC 2136 provider: unfenced, nothing read back, and its own start-up,
               YAML and zone transfer are in the figure, since no run goes without

PowerDNS 4.7 lists the whole zone for each RRset that a message removes: its cost grows with names times zone, for
every client alike, so it is measured with 2,000 names.

Medians over the rounds. Messages are built before nsupdate's clock starts, its input is a file.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from holdfast.conformance.provider_world import SCOPE, Writer, fence
from holdfast.model.fence import Fence
from holdfast.model.records import RRset
from holdfast.ports.dns import DeleteRRset, Existence, Prerequisite, Rcode, Response, SetRRset, Update
from holdfast.ports.provider import FencedWrite, PinFence, RRsetChange, Wrote
from holdfast.providers.factory import DIALECTS
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.runtime.dns import DnsTransport
from servers.bind import start_bind
from servers.embedded import start_embedded
from servers.knot import start_knot
from servers.powerdns import start_powerdns
from servers.process import HOST, KEY_NAME, KEY_SECRET, Missing, Running, Starter, ZoneSpec, binary

ZONE = "bench.test"
TTL_S = 30
NAMES_AT_MOST = {"powerdns": 2_000}
STARTERS: dict[str, Starter] = {
    "bind": start_bind,
    "knot": start_knot,
    "powerdns": start_powerdns,
    "embedded": start_embedded,
}


def names(count: int) -> tuple[str, ...]:
    """Owner names."""
    return tuple(f"n{i:05}.{ZONE}" for i in range(count))


def content(owners: tuple[str, ...], turn: int) -> tuple[RRset, ...]:
    """What every name holds at a turn: always other addresses than at the one before."""
    pair = (f"192.0.2.{turn % 200 + 1}", f"198.51.100.{turn % 200 + 1}")
    return tuple(RRset(name, "A", TTL_S, pair) for name in owners)


def changes_to(owners: tuple[str, ...], turn: int) -> tuple[RRsetChange, ...]:
    """From the turn before to this one."""
    before, after = content(owners, turn - 1), content(owners, turn)
    return tuple(RRsetChange(b.name, "A", b, a) for b, a in zip(before, after, strict=True))


class Bench:
    """One server, and the turn that its names are at."""

    def __init__(self, running: Running, writers: tuple[Writer, ...], count: int, octodns: str) -> None:
        self.running = running
        self.writers = writers
        self.owners = names(count)
        self.held = fence(1)
        self.turn = 0
        self.octodns = octodns

    async def fill(self) -> None:
        """The fence and the names as they are before the first turn."""
        await self.writers[0].begin()
        initial = tuple(RRsetChange(r.name, "A", None, r) for r in content(self.owners, 0))
        for message in self.writers[0].provider.pack(initial):
            result = await self.writers[0].send(self.held, None, *message)
            assert isinstance(result, Wrote), result

    def next(self) -> tuple[RRsetChange, ...]:
        self.turn += 1
        return changes_to(self.owners, self.turn)

    async def check(self) -> None:
        """Outside the clock: the zone holds exactly what this turn wanted."""
        found = await self.writers[0].run(self.writers[0].provider.read_rrsets(self.owners))
        held = getattr(found, "rrsets", found)
        assert held == content(self.owners, self.turn), f"{self.running.kind.value}: turn {self.turn} is not there"

    def messages(self, changes: tuple[RRsetChange, ...]) -> list[Update]:
        """The messages that the provider would send."""
        provider = self.writers[0].provider
        assert isinstance(provider, Rfc2136Provider)
        return [
            provider._message(SCOPE, FencedWrite(PinFence(self.held), None, batch))
            for batch in provider.pack(changes)
        ]

    async def nsupdate(self) -> float:
        """Bare nsupdate with the same messages."""
        script = script_of(self.messages(self.next()), self.running.port)
        with tempfile.NamedTemporaryFile("w", suffix=".nsupdate") as file:
            file.write(script)
            file.flush()
            started = time.perf_counter()
            await finish([binary("nsupdate", "dnsutils"), "-v", "-t", "300", file.name])
            return time.perf_counter() - started

    async def holdfast(self) -> float:
        """The provider as an enactor uses it."""
        changes = self.next()
        started = time.perf_counter()
        writer = self.writers[0]
        for batch in writer.provider.pack(changes):
            result = await writer.send(self.held, None, *batch)
            assert isinstance(result, Wrote), result
        return time.perf_counter() - started

    async def sent_only(self) -> float:
        """The provider's messages without its read-back."""
        changes = self.next()
        started = time.perf_counter()
        for message in self.messages(changes):
            response = await self.writers[0].tap.update(message)
            assert response == Response(Rcode.NOERROR), response
        return time.perf_counter() - started

    async def three(self) -> float:
        """Three writers on the same changes."""
        changes = self.next()
        started = time.perf_counter()
        await asyncio.gather(*(enact(w, self.held, changes, i) for i, w in enumerate(self.writers)))
        return time.perf_counter() - started

    async def octo(self) -> float:
        """octoDNS onto the same names."""
        self.next()
        directory = self.running.directory / "octodns"
        config = write_octodns(directory, content(self.owners, self.turn), self.running.port)
        command = [self.octodns, f"--config-file={config}", "--doit", "--force", "--quiet"]
        started = time.perf_counter()
        await finish(command)
        return time.perf_counter() - started


async def finish(command: list[str]) -> None:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")[-2000:]


async def enact(writer: Writer, held: Fence, changes: tuple[RRsetChange, ...], number: int) -> None:
    """One of three: batches in an order that starts elsewhere, each looked at before it is written."""
    provider = writer.provider
    assert isinstance(provider, Rfc2136Provider)
    batches = provider.pack(changes)
    first = len(batches) * number // 3
    for batch in (*batches[first:], *batches[:first]):
        if await writer.run(provider.holds(SCOPE, held, batch)) is True:
            continue
        result = await writer.send(held, None, *batch)
        assert isinstance(result, Wrote), result


def script_of(messages: list[Update], port: int) -> str:
    """The same messages as input of nsupdate."""
    lines = [f"server {HOST} {port}", f"zone {ZONE}.", f"key hmac-sha256:{KEY_NAME} {KEY_SECRET}"]
    for message in messages:
        lines.extend(line for p in message.prerequisites for line in prerequisite_lines(p))
        lines.extend(line for c in message.changes for line in change_lines(c))
        lines.append("send")
    return "\n".join(lines) + "\n"


def prerequisite_lines(p: Prerequisite) -> list[str]:
    """A prerequisite for nsupdate."""
    if p.existence is Existence.RRSET_IS:
        return [f"prereq yxrrset {p.name}. {p.rtype} {rdata}" for rdata in p.rdatas]
    assert p.existence is Existence.RRSET_ABSENT
    return [f"prereq nxrrset {p.name}. {p.rtype}"]


def change_lines(change: SetRRset | DeleteRRset) -> list[str]:
    """A change for nsupdate."""
    if isinstance(change, DeleteRRset):
        return [f"update delete {change.name}. {change.rtype}"]
    rrset = change.rrset
    return [
        f"update delete {rrset.name}. {rrset.rtype}",
        *(f"update add {rrset.name}. {rrset.ttl} {rrset.rtype} {rdata}" for rdata in rrset.rdatas),
    ]


def write_octodns(directory: Path, rrsets: tuple[RRset, ...], port: int) -> Path:
    """A configuration and the zone's YAML for octoDNS."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "zones").mkdir(parents=True)
    lines = ["---"]
    for rrset in rrsets:
        values = ", ".join(rrset.rdatas)
        lines.append(f"{rrset.name.removesuffix('.' + ZONE)}: {{ttl: {rrset.ttl}, type: A, values: [{values}]}}")
    (directory / "zones" / f"{ZONE}.yaml").write_text("\n".join(lines) + "\n")
    config = directory / "config.yaml"
    config.write_text(f"""---
processors:
  foreign:
    class: octodns.processor.filter.NameRejectlistFilter
    rejectlist: [ns1, /^_holdfast/]
providers:
  config:
    class: octodns.provider.yaml.YamlProvider
    directory: {directory}/zones
    enforce_order: false
  target:
    class: octodns_bind.Rfc2136Provider
    host: {HOST}
    port: {port}
    key_name: {KEY_NAME}
    key_secret: {KEY_SECRET}
    key_algorithm: hmac-sha256
zones:
  {ZONE}.:
    sources: [config]
    processors: [foreign]
    targets: [target]
""")
    return config


async def measure(running: Running, *, count: int, rounds: int, octodns: str) -> dict[str, list[float]]:
    """All variants in turns on one server."""
    transports = [DnsTransport([running.access(ZONE, timeout_s=60)]) for _ in range(3)]
    writers = tuple(Writer(Rfc2136Provider(ZONE, DIALECTS[running.kind]), t) for t in transports)
    bench = Bench(running, writers, count, octodns)
    await bench.fill()
    variants: dict[str, Callable[[], Awaitable[float]]] = {
        "nsupdate": bench.nsupdate,
        "holdfast": bench.holdfast,
        "sent only": bench.sent_only,
        "three": bench.three,
    }
    if octodns:
        variants["octoDNS"] = bench.octo
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            seconds[name].append(await variant())
            await bench.check()
    for transport in transports:
        await transport.close()
    return seconds


def report(server: str, seconds: dict[str, list[float]], count: int) -> None:
    """Print one server's medians."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{server}: {count} names, medians of {len(seconds['nsupdate'])} rounds")
    for name, median in medians.items():
        spread = f"{min(seconds[name]):.2f}-{max(seconds[name]):.2f}"
        print(f"  {name:<10} {median:7.3f} s  ({spread} s)  {median / medians['nsupdate']:5.2f} x nsupdate")
    print(f"  three enactors take {medians['three'] / medians['holdfast']:.2f} x one", flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--servers", default=",".join(STARTERS))
    parser.add_argument("--octodns", default=shutil.which("octodns-sync") or "")
    arguments = parser.parse_args()
    if not arguments.octodns:
        print("octoDNS is left out: octodns-sync is not on the PATH (pip install octodns octodns-bind)")
    for server in arguments.servers.split(","):
        try:
            running = STARTERS[server]((ZoneSpec(ZONE),))
        except Missing as missing:
            print(f"{server}: left out, {missing}")
            continue
        count = min(arguments.names, NAMES_AT_MOST.get(server, arguments.names))
        with running:
            seconds = asyncio.run(
                measure(running, count=count, rounds=arguments.rounds, octodns=arguments.octodns)
            )
            report(server, seconds, count)


if __name__ == "__main__":
    main()
