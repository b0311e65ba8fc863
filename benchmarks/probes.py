"""HTTP probes per second on one core, drift of 5,000 targets, and judging 200,000 targets.

    python benchmarks/probes.py [rate|drift|judge]

The server answers in a process of its own; each probe is a new connection. `drift` compresses an interval of
10 s to 2 s: 5,000 targets, 2,500 probes/s, and reports how far starts are from their schedule.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import sys
import time
from multiprocessing.connection import Connection
from typing import cast

import msgspec
import uvloop

from holdfast.health.judge import judge
from holdfast.health.memo import MemoRules
from holdfast.model.configuration import (
    Check,
    CheckKind,
    Configuration,
    GroupConfig,
    Mode,
    ProberConfig,
    TargetConfig,
)
from holdfast.model.observation import Observations, TargetObservation, TargetState
from holdfast.ports.probe import NextResults, ProbeTarget, Watch
from holdfast.probes import engine as engine_module
from holdfast.probes.engine import ProbeEngine
from holdfast.probes.http import probe_http
from holdfast.probes.outcome import Outcome

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
ADDRESSES = 50


class _Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(REPLY)
        self.transport.close()


async def _serve(pipe: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(_Server, "0.0.0.0", 0, backlog=4096)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _server(pipe: Connection) -> None:
    uvloop.run(_serve(pipe))


def _targets(count: int, interval_s: float, port: int) -> tuple[ProbeTarget, ...]:
    check = Check(kind=CheckKind.HTTP, interval_s=interval_s, timeout_s=2.0)
    return tuple(ProbeTarget(f"g/{i:05}", (f"127.0.1.{i % ADDRESSES + 1}",), port, check) for i in range(count))


async def _rate(port: int) -> tuple[float, float]:
    """Probes/s and CPU share when more is asked than one core can do."""
    engine = ProbeEngine(connections_max=200)
    await engine.watch(Watch(_targets(2000, 0.1, port)))
    await asyncio.sleep(1)
    await engine.next_results(NextResults())
    began, cpu, count = time.perf_counter(), time.process_time(), 0
    failures = 0
    while (took := time.perf_counter() - began) < 5:
        results = await engine.next_results(NextResults())
        count += len(results)
        failures += sum(not r.ok for r in results)
    cpu = time.process_time() - cpu
    await engine.close()
    assert failures == 0, f"{failures} of {count} probes failed"
    return count / took, cpu / took


async def _drift(port: int) -> list[float]:
    """Seconds between each start and its schedule, from the second round on."""
    starts: dict[str, list[float]] = {}
    loop = asyncio.get_running_loop()

    async def noted(address: str, port: int, check: Check, source: str) -> Outcome:
        starts.setdefault(check.path, []).append(loop.time())
        return await probe_http(address, port, check, source)

    engine_module.PROBES[CheckKind.HTTP] = noted
    interval_s = 2.0
    targets = tuple(
        ProbeTarget(
            t.target, t.addresses, port, Check(kind=CheckKind.HTTP, interval_s=interval_s, path=f"/{t.target}")
        )
        for t in _targets(5000, interval_s, port)
    )
    engine = ProbeEngine()
    await engine.watch(Watch(targets))
    late = 0
    until = loop.time() + 7 * interval_s
    while loop.time() < until:
        late += sum(r.late for r in await engine.next_results(NextResults()))
    await engine.close()
    print(f"  late probes: {late} of {sum(map(len, starts.values()))}")
    return [
        (at - (times[0] + k * interval_s)) for times in starts.values() for k, at in enumerate(times[1:], start=1)
    ]


def _with_server(what: str) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_server, args=(theirs,), daemon=True)
    process.start()
    try:
        port = ours.recv()
        if what == "rate":
            for name, run in (("uvloop", uvloop.run), ("asyncio", asyncio.run)):
                rate, cpu = run(_rate(port))
                print(f"HTTP probes, new connection each, {name}: {rate:,.0f}/s at {cpu:.0%} of a core")
        else:
            for name, run in (("uvloop", uvloop.run), ("asyncio", asyncio.run)):
                print(f"drift, 5,000 targets every 2 s, {name}:")
                off = sorted(abs(x) for x in run(_drift(port)))
                print(
                    f"  off schedule: median {statistics.median(off) * 1e3:.2f} ms,"
                    f" p99 {off[int(len(off) * 0.99)] * 1e3:.1f} ms, worst {off[-1] * 1e3:.1f} ms"
                )
    finally:
        process.terminate()
        process.join()


def _judge() -> None:
    count, shard = 200_000, 2000
    keys = tuple(f"g/{i:06}" for i in range(count))
    group = GroupConfig("g", tuple(TargetConfig(k[2:], "192.0.2.1", None, 80, "z") for k in keys), Check())
    probers = tuple(ProberConfig(p, p) for p in "abc")
    c = Configuration("s", Mode.ENFORCE, (), (group,), (), probers)
    up = TargetState.UP
    documents = [
        Observations(f"{p}/{n}", p, 1, tuple(TargetObservation(k, up, "status 200") for k in keys[i : i + shard]))
        for p in "abc"
        for n, i in enumerate(range(0, count, shard))
    ]
    serving = frozenset(keys)
    nothing: frozenset[str] = frozenset()
    began = time.perf_counter()
    judge(c, tuple(documents), serving, nothing)
    print(f"judge, 200,000 targets, 3 probers: {(time.perf_counter() - began) * 1e3:.0f} ms from nothing")
    memo = MemoRules()
    began = time.perf_counter()
    memo.judge(c, tuple(documents), serving, nothing)
    print(f"  memo, first question: {(time.perf_counter() - began) * 1e3:.0f} ms")
    took: list[float] = []
    for n in range(9):
        old = documents[n]
        fresh = msgspec.json.decode(msgspec.json.encode(old), type=Observations)
        down = TargetObservation(fresh.targets[0].target, TargetState.DOWN, "connect refused")
        documents[n] = msgspec.structs.replace(fresh, revision=2, targets=(down, *fresh.targets[1:]))
        given = tuple(documents)
        began = time.perf_counter()
        memo.timers(c, given, serving)
        memo.judge(c, given, serving, nothing)
        took.append(time.perf_counter() - began)
    print(f"  memo, one target of one shard changed (timers and verdicts): {statistics.median(took) * 1e3:.1f} ms")
    began = time.perf_counter()
    memo.timers(c, given, serving)
    memo.judge(c, given, serving, nothing)
    print(f"  memo, nothing changed: {(time.perf_counter() - began) * 1e3:.2f} ms")


def main() -> None:
    """Run what is named, or all."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    for what in sys.argv[1:] or ("rate", "drift", "judge"):
        _judge() if what == "judge" else _with_server(what)


if __name__ == "__main__":
    main()
