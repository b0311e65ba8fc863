"""What an enactor keeps on its disk, so that it can hold the names with the store gone (design decision 5).

Two documents: `plan`, the newest plan that it has accepted, saved *before* anything of it is written to DNS
(else the fence could name a plan that no disk holds, and a lost store could not be restarted from it); and
`memory`, the last seen fences (R15), the freezes that it can explain (R8), the configuration, the words, and
what each zone served when it last agreed with a plan (R9). A document that can't be read counts as absent.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from holdfast.model.codec import Unreadable, decode, encode, intact
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.fence import Fence
from holdfast.model.freeze import Freeze
from holdfast.model.identity import Identity
from holdfast.model.plan import Plan
from holdfast.ports.disk import DiskFailed, Load, Promote, Stage

T = TypeVar("T")

PLAN_FILE: Final = "plan"
MEMORY_FILE: Final = "memory"
MEMORY_FORMAT: Final = 1


class SeenFence(msgspec.Struct, frozen=True, order=True):
    """The highest fence seen in a zone since the store last confirmed one, and its freezes."""

    zone: str
    identity: Identity
    freezes: tuple[str, ...] = ()
    freeze_all: bool = False


class Capacity(msgspec.Struct, frozen=True, order=True):
    """A target's address as a zone served it. Key and label outlive the target's place in the configuration."""

    group: str
    address: str
    target: str
    weight: int
    label: str = ""


class Served(msgspec.Struct, frozen=True, order=True):
    """What a zone served when it last agreed with a plan: sorted, one entry per group and address."""

    zone: str
    capacities: tuple[Capacity, ...]


class Memory(msgspec.Struct, frozen=True):
    """The small document. Tuples are sorted, one entry per zone or id: it never grows by running."""

    fences: tuple[SeenFence, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    served: tuple[Served, ...] = ()
    configuration: StoredConfiguration | None = None
    directives: Directives | None = None
    format: int = MEMORY_FORMAT

    def fence(self, zone: str) -> SeenFence | None:
        """The last fence seen in a zone."""
        return next((f for f in self.fences if f.zone == zone), None)

    def served_in(self, zone: str) -> tuple[Capacity, ...] | None:
        """What the zone served when it last agreed with a plan; None if that is not known."""
        return next((s.capacities for s in self.served if s.zone == zone), None)

    def with_fence(self, zone: str, fence: Fence) -> Memory:
        """The same, having seen this fence."""
        seen = SeenFence(zone, fence.identity, fence.freezes, fence.freeze_all)
        others = tuple(f for f in self.fences if f.zone != zone)
        return msgspec.structs.replace(self, fences=tuple(sorted((*others, seen))))

    def with_served(self, zone: str, capacities: tuple[Capacity, ...]) -> Memory:
        """The same, having seen the zone agree with a plan."""
        others = tuple(s for s in self.served if s.zone != zone)
        return msgspec.structs.replace(self, served=tuple(sorted((*others, Served(zone, capacities)))))

    def with_freezes(self, in_store: tuple[Freeze, ...]) -> Memory:
        """The same, with the store's freezes. One that it has forgotten is kept while a fence carries it."""
        carried = {i for f in self.fences for i in f.freezes}
        listed = {f.id for f in in_store}
        kept = tuple(f for f in self.freezes if f.id in carried and f.id not in listed)
        return msgspec.structs.replace(self, freezes=tuple(sorted((*in_store, *kept), key=lambda f: f.id)))


class Recalled(msgspec.Struct, frozen=True):
    """What the disk gave after a start; `damage` names what was there and could not be read."""

    plan: Plan | None
    memory: Memory
    damage: tuple[str, ...] = ()


async def recall() -> Recalled:
    """Read both documents."""
    damage: list[str] = []
    plan = await _load(PLAN_FILE, Plan, damage)
    if plan is not None and not intact(plan):
        damage.append(f"{PLAN_FILE}: checksum of plan {plan.identity} does not hold")
        plan = None
    memory = await _load(MEMORY_FILE, Memory, damage)
    if memory is not None and memory.format != MEMORY_FORMAT:
        damage.append(f"{MEMORY_FILE}: format {memory.format}, this version reads {MEMORY_FORMAT}")
        memory = None
    return Recalled(plan=plan, memory=memory or Memory(), damage=tuple(damage))


async def _load(name: str, kind: type[T], damage: list[str]) -> T | None:
    data = await Load(name)
    if data is None:
        return None
    if isinstance(data, DiskFailed):
        damage.append(f"{name}: {data.reason}")
        return None
    try:
        return decode(data, kind)
    except Unreadable as error:
        damage.append(f"{name}: {error}")
        return None


async def save(name: str, value: Plan | Memory) -> DiskFailed | None:
    """Replace a document: staged first, so that a crash in between leaves the old one."""
    failed = await Stage(name, encode(value))
    return failed if failed is not None else await Promote(name)
