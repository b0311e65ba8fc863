"""What one prober probes, and how its opinions are split over documents.

A document stays under 1 MiB (the least of the stores' limits): at most about `SHARD_TARGETS` targets each. The
shard of a target follows from its key alone while the number of shards, a power of two, stays the same; so a
new target changes one document.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left

import msgspec

from holdfast.model.configuration import CheckKind, Configuration, target_key
from holdfast.ports.probe import ProbeTarget

SHARD_TARGETS = 4000
"""Upper bound of a shard's usual size; splitting begins at half of it, since hashing is uneven."""


class Shard(msgspec.Struct, frozen=True):
    """The targets of one document, sorted by key, with rise and fall of each."""

    observer: str
    targets: tuple[str, ...]
    rise_fall: tuple[tuple[int, int], ...]

    def position(self, target: str) -> int | None:
        """Index of a target; None if it is not one of ours (any more)."""
        index = bisect_left(self.targets, target)
        return index if index < len(self.targets) and self.targets[index] == target else None


class Roster(msgspec.Struct, frozen=True):
    """All that a configuration gives one prober to do."""

    vantage: str
    probes: tuple[ProbeTarget, ...]
    shards: tuple[Shard, ...]
    run_s: float
    """How long a run of failures lasts: every target has had the time to fall twice over."""


def shard_of(target: str, shards: int) -> int:
    """The shard that a target belongs to."""
    return zlib.crc32(target.encode()) % shards


def shards_for(targets: int) -> int:
    """How many shards this many targets take: a power of two."""
    shards = 1
    while targets > shards * SHARD_TARGETS // 2:
        shards *= 2
    return shards


def roster(configuration: Configuration, *, prober: str) -> Roster | None:
    """The prober's work; None if the configuration does not name this prober."""
    vantage = next((p.vantage or p.name for p in configuration.probers if p.name == prober), None)
    if vantage is None:
        return None
    probes = _probes(configuration)
    return Roster(
        vantage=vantage,
        probes=probes,
        shards=_shards(probes, prober=prober),
        run_s=2 * max((p.check.interval_s * p.check.fall for p in probes), default=1.0),
    )


def _probes(configuration: Configuration) -> tuple[ProbeTarget, ...]:
    found = [
        ProbeTarget(
            target=target_key(group.name, target.name),
            addresses=tuple(address for address in (target.a, target.aaaa) if address),
            port=target.port if group.check.port is None else group.check.port,
            check=group.check,
        )
        for group in configuration.groups
        if group.check.kind is not CheckKind.NONE
        for target in group.targets
    ]
    return tuple(sorted(found, key=lambda probe: probe.target))


def _shards(probes: tuple[ProbeTarget, ...], *, prober: str) -> tuple[Shard, ...]:
    number = shards_for(len(probes))
    members: list[list[ProbeTarget]] = [[] for _ in range(number)]
    for probe in probes:
        members[shard_of(probe.target, number)].append(probe)
    return tuple(
        Shard(
            observer=f"{prober}/{index}",
            targets=tuple(probe.target for probe in shard),
            rise_fall=tuple((probe.check.rise, probe.check.fall) for probe in shard),
        )
        for index, shard in enumerate(members)
    )
