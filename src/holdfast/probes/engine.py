"""The probe engine: thousands of targets, each on its own absolute schedule, on one event loop.

A target's rounds are due at `phase + k * interval`, whatever earlier rounds took, so nothing drifts; the phase
is drawn at random, so that targets configured together are not probed together. A round that can't start in
time starts late and says so; rounds that were missed altogether are left out, not made up for. At most
`connections_max` rounds are under way at once; a round is never started while the target's last one runs.

No task waits per target: a heap and one timer handle know what is due next.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from holdfast.model.configuration import Check, CheckKind
from holdfast.ports.probe import NextResults, ProbeResult, ProbeTarget, Watch
from holdfast.probes.dns import probe_dns
from holdfast.probes.http import probe_http, tls_context
from holdfast.probes.outcome import NotWell, Outcome, bad, failed, timed_out
from holdfast.probes.tcp import probe_tcp

Probe: TypeAlias = Callable[[str, int, Check, str], Awaitable[Outcome]]

PROBES: dict[CheckKind, Probe] = {
    CheckKind.TCP: probe_tcp,
    CheckKind.HTTP: probe_http,
    CheckKind.HTTPS: probe_http,
    CheckKind.DNS: probe_dns,
}
RESULTS_MAX = 100_000
"""Results that wait for the loop; if it does not come, the oldest go."""

LATE_SHARE_OF_INTERVAL = 0.5


class _Slot:
    """One target on the schedule."""

    __slots__ = ("due_s", "live", "running", "target")

    def __init__(self, target: ProbeTarget, due_s: float) -> None:
        self.target = target
        self.due_s = due_s
        self.live = True
        self.running = False


class ProbeEngine:
    """Answers `ports.probe`. `source` binds connections of its family to a local address.

    Use inside a running event loop; `close` ends all probes.
    """

    def __init__(
        self,
        *,
        source: str = "",
        connections_max: int = 1000,
        heartbeat_s: float = 1.0,
        rng: random.Random | None = None,
    ) -> None:
        self._source = source
        self._connections_max = connections_max
        self._heartbeat_s = heartbeat_s
        self._rng = random.Random() if rng is None else rng  # noqa: S311 - jitter, not secrets
        self._slots: dict[str, _Slot] = {}
        self._due: list[tuple[float, int, _Slot]] = []
        self._sequence = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._results: deque[ProbeResult] = deque(maxlen=RESULTS_MAX)
        self._arrived = asyncio.Event()

    async def watch(self, op: Watch) -> None:
        """Probe exactly these targets from now on; unchanged ones keep their rhythm."""
        await asyncio.to_thread(_prepare_tls, {target.check for target in op.targets})
        loop = asyncio.get_running_loop()
        before, self._slots = self._slots, {}
        for target in op.targets:
            slot = before.get(target.target)
            if slot is None or slot.target != target:
                slot = _Slot(target, loop.time() + self._rng.uniform(0, target.check.interval_s))
                self._push(slot)
            self._slots[target.target] = slot
        kept = set(map(id, self._slots.values()))
        for slot in before.values():
            slot.live = id(slot) in kept
        self._due = [entry for entry in self._due if entry[2].live]
        heapq.heapify(self._due)
        self._tick()

    async def next_results(self, op: NextResults) -> tuple[ProbeResult, ...]:
        """Results since the last call; waits for one, or for the heartbeat."""
        if not self._results:
            self._arrived.clear()
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await self._arrived.wait()
            except TimeoutError:
                return ()
        else:
            # A loop that always finds results must not keep the probes from running.
            await asyncio.sleep(0)
        results = tuple(self._results)
        self._results.clear()
        return results

    async def close(self) -> None:
        """End all probes; returns when every connection is gone."""
        self._slots, self._due = {}, []
        if self._timer is not None:
            self._timer.cancel()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Aborted transports close their sockets in the loop's next turn.
        await asyncio.sleep(0)

    def _push(self, slot: _Slot) -> None:
        self._sequence += 1
        heapq.heappush(self._due, (slot.due_s, self._sequence, slot))

    def _tick(self) -> None:
        """Start what is due, then sleep until the next; a finished round calls again if slots were short."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_s = loop.time()
        due = self._due
        while due and due[0][0] <= now_s and len(self._tasks) < self._connections_max:
            slot = heapq.heappop(due)[2]
            if slot.live:
                self._start(slot, now_s)
        if due and len(self._tasks) < self._connections_max:
            self._timer = loop.call_at(due[0][0], self._tick)

    def _start(self, slot: _Slot, now_s: float) -> None:
        interval_s = slot.target.check.interval_s
        behind_s = now_s - slot.due_s
        slot.due_s += interval_s * (1 + behind_s // interval_s)
        self._push(slot)
        if slot.running:
            return
        slot.running = True
        late = behind_s > interval_s * LATE_SHARE_OF_INTERVAL
        task = asyncio.get_running_loop().create_task(self._round(slot, late))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        full = len(self._tasks) >= self._connections_max
        self._tasks.discard(task)
        if full:
            self._tick()

    async def _round(self, slot: _Slot, late: bool) -> None:
        target = slot.target
        try:
            if len(target.addresses) == 1:
                outcome = await self._one(target.addresses[0], target)
            else:
                outcomes = await asyncio.gather(*(self._one(address, target) for address in target.addresses))
                outcome = _all_well(target.addresses, outcomes)
        finally:
            slot.running = False
        if slot.live:
            self._results.append(ProbeResult(target.target, outcome.ok, outcome.reason, late))
            self._arrived.set()

    async def _one(self, address: str, target: ProbeTarget) -> Outcome:
        check = target.check
        try:
            async with asyncio.timeout(check.timeout_s):
                return await PROBES[check.kind](address, target.port, check, self._source)
        except NotWell as fault:
            return bad(str(fault))
        except TimeoutError:
            return timed_out(check.timeout_s)
        except OSError as error:
            return failed(error)


def _prepare_tls(checks: set[Check]) -> None:
    """Read CA files here, off the event loop; one that can't be read is told by each probe that needs it."""
    for check in checks:
        if check.kind is CheckKind.HTTPS:
            try:
                tls_context(check.verify_tls, check.ca_file)
            except OSError:
                continue


def _all_well(addresses: tuple[str, ...], outcomes: list[Outcome]) -> Outcome:
    """Up only if all addresses are; the reason names the first that is not."""
    for address, outcome in zip(addresses, outcomes, strict=True):
        if not outcome.ok:
            return bad(f"{address}: {outcome.reason}")
    return outcomes[0] if outcomes else bad("the target has no address")
