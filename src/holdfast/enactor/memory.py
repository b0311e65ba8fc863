"""What an enactor keeps on its disk, so that it can hold the names with the store gone (design decision 5).

Two things: the newest plan that it has accepted (`shelf`), saved *before* anything of it is written to DNS
(else the fence could name a plan that no disk holds, and a lost store could not be restarted from it); and
`memory`, the last seen fences (R15), the freezes that it can explain (R8), the configuration, the words, and
what each zone served when it last agreed with a plan (R9). A document that can't be read counts as absent.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.enactor.shelf import Shelf, take_plan
from holdfast.model.codec import Unreadable, decode
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.fence import Fence
from holdfast.model.freeze import Freeze
from holdfast.model.identity import Identity
from holdfast.model.plan import Plan
from holdfast.ports.disk import DiskFailed, Load

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
    shelf: Shelf
    memory: Memory
    damage: tuple[str, ...] = ()


async def recall() -> Recalled:
    """Read both documents."""
    shelved = await take_plan()
    memory, damage = await _memory()
    return Recalled(
        plan=shelved.plan,
        shelf=shelved.shelf,
        memory=memory,
        damage=tuple(text for text in (shelved.damage, damage) if text),
    )


async def _memory() -> tuple[Memory, str]:
    data = await Load(MEMORY_FILE)
    if data is None:
        return Memory(), ""
    if isinstance(data, DiskFailed):
        return Memory(), f"{MEMORY_FILE}: {data.reason}"
    try:
        memory = decode(data, Memory)
    except Unreadable as error:
        return Memory(), f"{MEMORY_FILE}: {error}"
    if memory.format != MEMORY_FORMAT:
        return Memory(), f"{MEMORY_FILE}: format {memory.format}, this version reads {MEMORY_FORMAT}"
    return memory, ""
