"""Lease renewals a second over real HTTP, single and batched, beside etcd's keepalives in the same run.

    python benchmarks/leases_http.py [SECONDS]

Both servers run as one process pinned to core 0; the load generator is on core 1 (where there is one): keep-alive
connections, bodies made before. etcd (one member, Debian's) is asked over gRPC as its own clients ask
(`etcd_stream`) and through its JSON gateway: one keepalive that waits for its answer, or 100 at once, on each of
the connections. Prints the median of the rounds and their extremes, and how much of a core the server took: well
under 100 %, and the load generator was the slower one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import httptools
import httpx
import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from asking import Asking
from etcd_stream import KeepAliveStream, keepalive, ttl_mark

from holdfast.model.lease import Establish, Granted, Renew
from holdfast.model.lease_batch import Request, Response
from servers.etcd import start_etcd
from servers.ports import free_port
from servers.process import HOST, Missing, Process

LEASES = 1000
TTL_S = 180
BATCH = 100
CONNECTIONS = 20
ROUNDS = 3
PROGRAM = (sys.executable, "-c", "from holdfast.cli.main import main; main()")


class Case(NamedTuple):
    """One kind of message to one server."""

    name: str
    port: int
    path: str
    headers: str
    bodies: tuple[bytes, ...]
    marker: bytes
    """Stands once in an answer for each renewal that was granted."""
    each: int
    pid: int
    """Of the server."""
    exact: bool = True
    """Every call is answered. (etcd's gateway now and then ends a stream without its last answer.)"""
    stream: bool = False
    """Over gRPC: `bodies` are frames of keepalives."""

    def connection(self, offset: int, until_s: float) -> _Connection | KeepAliveStream:
        """Asks until then, beginning at this body."""
        if self.stream:
            return KeepAliveStream(self.bodies, offset, until_s, port=self.port, each=self.each, mark=self.marker)
        return _Connection(self, offset, until_s)

    def cpu_s(self) -> float:
        """What the server has taken of its core."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Connection(Asking):
    """Asks, reads the whole answer, asks again."""

    def __init__(self, case: Case, offset: int, until_s: float) -> None:
        super().__init__(until_s)
        self.case, self.at = case, offset
        self.body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.ask()

    def ask(self) -> None:
        """See `Asking`."""
        case = self.case
        body = case.bodies[self.at % len(case.bodies)]
        self.at += 1
        self.body.clear()
        self.parser = httptools.HttpResponseParser(self)
        self.began_s = time.perf_counter()
        self.transport.write(
            f"POST {case.path} HTTP/1.1\r\nHost: x\r\n{case.headers}Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.renewed += self.body.count(self.case.marker)
        self.answered()


class Measured(NamedTuple):
    """One round."""

    renewals_per_s: float
    p99_ms: float
    core_share: float
    """Of the server's core."""


async def measure(case: Case, seconds: float) -> Measured:
    """A round of one case."""
    loop = asyncio.get_running_loop()
    began_s, cpu_s = time.perf_counter(), case.cpu_s()
    until_s = began_s + seconds
    step = max(1, len(case.bodies) // CONNECTIONS)
    made = [
        (await loop.create_connection(partial(case.connection, n * step, until_s), HOST, case.port))[1]
        for n in range(CONNECTIONS)
    ]
    await asyncio.gather(*(one.done for one in made))
    took_s = time.perf_counter() - began_s
    core_share = (case.cpu_s() - cpu_s) / took_s
    for one in made:
        one.transport.close()
    renewed, messages = sum(one.renewed for one in made), sum(one.messages for one in made)
    wanted = messages * case.each
    assert wanted * (1.0 if case.exact else 0.95) <= renewed <= wanted, (
        f"{case.name}: {renewed} of {wanted} granted"
    )
    times = sorted(t for one in made for t in one.took_s)
    return Measured(renewed / took_s, times[int(0.99 * (len(times) - 1))] * 1000, core_share)


def pinned(core: int, command: list[str]) -> list[str]:
    """The command on one core."""
    return ["taskset", "-c", str(core), *command]


@contextlib.contextmanager
def holdfast_cases(directory: Path) -> Iterator[list[Case]]:
    """A lease service with its leases held."""
    port = free_port()
    file = directory / "leases.toml"
    file.write_text(
        f'format = 1\nscope = "b"\n[service]\nstate = "state"\nmetrics_listen = ""\n'
        f'[leases]\nlisten = "{HOST}:{port}"\nttl = "3m"\nrenewals_per_s = 1000000\n'
    )
    process = Process(pinned(0, [*PROGRAM, "leases", "serve", str(file)]), directory, "leases")
    try:
        _until(lambda: httpx.get(f"http://{HOST}:{port}/healthz", timeout=1.0).status_code == 200)
        key = (directory / "state" / "keys" / "leases.key").read_text().strip()
        headers = f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        renewals = _establish(f"http://{HOST}:{port}/v1/leases", key)
        encode = msgspec.json.Encoder().encode
        single = tuple(encode(Request((one,))) for one in renewals)
        many = tuple(encode(Request(tuple(renewals[at : at + BATCH]))) for at in range(0, LEASES, BATCH))
        yield [
            Case("holdfast, single", port, "/v1/leases", headers, single, b'"granted"', 1, process.pid),
            Case(
                f"holdfast, {BATCH} in a message",
                port,
                "/v1/leases",
                headers,
                many,
                b'"granted"',
                BATCH,
                process.pid,
            ),
        ]
    finally:
        process.stop()


def _establish(url: str, key: str) -> list[Renew]:
    found: list[Renew] = []
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client:
        while len(found) < LEASES:
            names = [f"n{number}" for number in range(len(found), min(len(found) + 400, LEASES))]
            calls = tuple(Establish("api", name, "bench") for name in names)
            reply = client.post(url, content=msgspec.json.encode(Request(calls)))
            results = msgspec.json.decode(reply.content, type=Response).results
            for name, result in zip(names, results, strict=True):
                if not isinstance(result, Granted):
                    time.sleep(0.5)
                    break
                found.append(Renew("api", name, "bench", result.token))
    return found


@contextlib.contextmanager
def etcd_cases() -> Iterator[list[Case]]:
    """One member with as many leases, on core 0."""
    with start_etcd(1) as cluster:
        member = cluster.members[0]
        assert member.process is not None
        os.system(f"taskset -a -c -p 0 {member.process.pid} >/dev/null")
        with httpx.Client(base_url=f"http://{HOST}:{member.client_port}", trust_env=False) as client:
            ids = [str(client.post("/v3/lease/grant", json={"TTL": TTL_S}).json()["ID"]) for _ in range(LEASES)]
        pid = member.process.pid
        yield [*_over_grpc(ids, member.client_port, pid), *_by_gateway(ids, member.client_port, pid)]


def _over_grpc(ids: list[str], port: int, pid: int) -> Iterator[Case]:
    for each, name in ((1, "etcd, single (gRPC)"), (BATCH, f"etcd, {BATCH} in a stream (gRPC)")):
        calls = [keepalive(int(one)) for one in ids]
        bodies = tuple(b"".join(calls[at : at + each]) for at in range(0, LEASES, each))
        yield Case(name, port, "", "", bodies, ttl_mark(TTL_S), each, pid, stream=True)


def _by_gateway(ids: list[str], port: int, pid: int) -> Iterator[Case]:
    headers, path = "Content-Type: application/json\r\n", "/v3/lease/keepalive"
    for each, name in ((1, "etcd, single (gateway)"), (BATCH, f"etcd, {BATCH} in a stream (gateway)")):
        calls = [msgspec.json.encode({"ID": one}) for one in ids]
        bodies = tuple(b"".join(calls[at : at + each]) for at in range(0, LEASES, each))
        yield Case(name, port, path, headers, bodies, b'"TTL"', each, pid, exact=each == 1)


def _until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        with contextlib.suppress(httpx.HTTPError):
            if true():
                return
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


def main() -> None:
    """Run it."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        os.sched_setaffinity(0, {max(cores)})
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cases = stack.enter_context(holdfast_cases(directory))
        try:
            cases += stack.enter_context(etcd_cases())
        except Missing as absent:
            print(f"without etcd: {absent}")
        seen: dict[str, list[Measured]] = {case.name: [] for case in cases}
        for _ in range(ROUNDS):
            for case in cases:
                seen[case.name].append(uvloop.run(measure(case, seconds)))
        print(f"{'':<36} {'renewals/s':>11} {'lowest':>9} {'highest':>9} {'p99 ms':>8} {'core':>6}")
        for name, rounds in seen.items():
            rates = [one.renewals_per_s for one in rounds]
            p99 = statistics.median(one.p99_ms for one in rounds)
            median, low, high = statistics.median(rates), min(rates), max(rates)
            core = statistics.median(one.core_share for one in rounds)
            print(f"{name:<36} {median:>11,.0f} {low:>9,.0f} {high:>9,.0f} {p99:>8.1f} {core:>6.0%}")


if __name__ == "__main__":
    main()
