"""The line between the zones: a process that carries each packet from TUN to TUN, late, or not at all.

`python -m zones.relay SEED FD FD FD` reads commands as JSON lines: `[[from, to, {"drop": .., "loss": ..,
"delay_s": ..}], ...]`. A direction has faults of its own, so a partition may be one-sided. Why not `tc netem`: the
kernels that tests meet often lack it, and nobody may load it there.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import random
import selectors
import sys
import time

BYTES_MAX = 2048
BATCH = 64


class Relay:
    """Descriptors by zone, 1 to 3."""

    def __init__(self, tuns: dict[int, int], seed: int) -> None:
        self._tuns = tuns
        self._rng = random.Random(seed)
        self._faults: dict[tuple[int, int], dict[str, float]] = {}
        self._late: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._selector = selectors.DefaultSelector()
        for zone, descriptor in tuns.items():
            self._selector.register(descriptor, selectors.EVENT_READ, zone)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, 0)
        os.set_blocking(sys.stdin.fileno(), False)
        self._said = b""

    def run(self) -> None:
        """Until standard input ends."""
        while True:
            for key, _ in self._selector.select(self._patience_s()):
                if key.data:
                    self._carry(key.data)
                elif not self._listen():
                    return
            self._deliver()

    def _patience_s(self) -> float | None:
        return max(0.0, self._late[0][0] - time.monotonic()) if self._late else None

    def _listen(self) -> bool:
        piece = os.read(sys.stdin.fileno(), 65536)
        *lines, self._said = (self._said + piece).split(b"\n")
        for line in lines:
            for origin, to, fault in json.loads(line):
                self._faults[origin, to] = fault
        return bool(piece)

    def _carry(self, origin: int) -> None:
        for _ in range(BATCH):
            try:
                packet = os.read(self._tuns[origin], BYTES_MAX)
            except BlockingIOError:
                return
            # IPv4 only; the third byte of the destination is its zone.
            if packet[0] >> 4 != 4 or (to := packet[18]) not in self._tuns:
                continue
            fault = self._faults.get((origin, to))
            if not fault:
                self._put(to, packet)
            elif not fault.get("drop") and self._rng.random() >= fault.get("loss", 0.0):
                self._count += 1
                at_s = time.monotonic() + fault.get("delay_s", 0.0) * self._rng.uniform(0.5, 1.5)
                heapq.heappush(self._late, (at_s, self._count, to, packet))

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(self._late)
            self._put(to, packet)

    def _put(self, to: int, packet: bytes) -> None:
        # Its queue may be full: a lost packet.
        with contextlib.suppress(OSError):
            os.write(self._tuns[to], packet)


if __name__ == "__main__":
    Relay({n + 1: int(text) for n, text in enumerate(sys.argv[2:])}, int(sys.argv[1])).run()
