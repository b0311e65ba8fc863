"""Probes: the prober's window on the targets. Scheduling, jitter and sockets sit in the adapter."""

from __future__ import annotations

import msgspec

from holdfast.model.configuration import Check
from holdfast.ports.operation import Operation


class ProbeTarget(msgspec.Struct, frozen=True):
    """A target to probe: each address of it is one probe, and it is up only if all of them are."""

    target: str
    addresses: tuple[str, ...]
    port: int
    check: Check


class ProbeResult(msgspec.Struct, frozen=True):
    """One round on one target. `late` says that the probe started later than half its interval: our fault."""

    target: str
    ok: bool
    reason: str
    late: bool = False


class Watch(Operation[None], frozen=True):
    """Probe exactly these targets from now on; unchanged ones keep their rhythm."""

    targets: tuple[ProbeTarget, ...]


class NextResults(Operation[tuple[ProbeResult, ...]], frozen=True):
    """Results since the last call, in order of completion; waits for one, or for the heartbeat (empty)."""
