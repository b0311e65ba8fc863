"""What the enactor asks of a DNS provider. Providers are coroutines too: batching, retry, recovery of lost
replies and read-back run over the transport operations, so the laboratory searches them as well.

Each provider states what it can guarantee (design decision 4); what it can't give is a capability, never a
weakening of the protocol. Suite: `holdfast.conformance.provider`.
"""

from __future__ import annotations

import enum
from typing import Protocol, TypeAlias

import msgspec

from holdfast.model.fence import Fence
from holdfast.model.records import NameRecords, RRset
from holdfast.ports.operation import CouldNotAsk


class Fencing(enum.Enum):
    """How far a conditional write reaches."""

    TRANSACTION = "transaction"
    """Fence and any number of RRsets in one atomic message."""
    RECORD_SET = "record_set"
    """One RRset only."""
    PROCESS = "process"
    """Atomic while one server process owns the zone."""
    NONE = "none"
    """Several enactors are refused at start."""


class Capabilities(msgspec.Struct, frozen=True):
    """What a provider guarantees."""

    fencing: Fencing
    weights: bool
    """Answers follow weights; without, 0 means absent and any other weight present."""
    pins_unchanged: bool
    """A message can pin the fence without rewriting it; without (Route 53) each batch moves the sequence."""
    rrsets_per_message_max: int
    bytes_per_message_max: int
    serial_pin: bool
    """The SOA can be pinned, so repair of a missing fence is closed (R3)."""
    create_only: bool = False
    """Without a serial to pin, a fence that is missing is put up by a create that refuses what is there, and one
    that is unreadable is replaced exactly. A repair that is delivered very late is then a gap (R3); nothing is
    filled while the store is out.
    """
    guards: bool = True
    """R4's guards against aliases and delegations are in the message; without, owners are looked at before it."""
    propagates: bool = False
    """What is written is at the name servers later: a freeze is acknowledged when `in_sync` says so (R8)."""

    @property
    def repairs(self) -> bool:
        """Whether a missing or unreadable fence can be put back at all (R3)."""
        return self.serial_pin or self.create_only


class FenceFound(msgspec.Struct, frozen=True):
    """The zone has a readable fence."""

    fence: Fence


class FenceAbsent(msgspec.Struct, frozen=True):
    """No TXT at the fence's owner, or a wildcard's text that is not our grammar (R2)."""

    wildcard_text: str = ""


class FenceUnreadable(msgspec.Struct, frozen=True):
    """TXT at the fence's owner that is no fence: permits only repair (R3)."""

    rdatas: tuple[str, ...]
    why: str


FenceReading: TypeAlias = FenceFound | FenceAbsent | FenceUnreadable


class Soa(msgspec.Struct, frozen=True):
    """The zone's SOA, exactly, as the pin of a repair."""

    serial: int
    rdata: str


class PinFence(msgspec.Struct, frozen=True):
    """The message holds only while the fence is exactly this one."""

    fence: Fence


class PinRepair(msgspec.Struct, frozen=True):
    """R3: the fence is missing or unreadable (as `seen`), and the zone is exactly at `soa`."""

    seen: FenceAbsent | FenceUnreadable
    soa: Soa


class RRsetChange(msgspec.Struct, frozen=True):
    """One RRset as it was read and as the plan wants it; None is absence. At least one is given."""

    name: str
    rtype: str
    before: RRset | None
    after: RRset | None


class FencedWrite(msgspec.Struct, frozen=True):
    """One atomic message: pin, optionally a new fence (raise, freeze, thaw, repair), and data.

    Where an unchanged value can't be pinned, the provider moves the sequence number of a pin without a new fence
    (R0); its `Wrote` says to what.

    A repair's pin without a new fence *fills* empty names while the store is out (R3); its `Wrote` then carries
    `EMPTY_FENCE`, for the zone has none.
    """

    pin: PinFence | PinRepair
    fence_after: Fence | None
    changes: tuple[RRsetChange, ...]


class Wrote(msgspec.Struct, frozen=True):
    """Applied, and read back (R4). `fence` is the zone's fence now; `recovered` if the reply was lost (R5)."""

    fence: Fence
    recovered: bool = False
    change: str = ""
    """Where writes propagate (`Capabilities.propagates`): what `in_sync` is asked about; empty if not known."""


class FenceMoved(msgspec.Struct, frozen=True):
    """Refused by the DNS server: the fence (or the serial) is not what was pinned. Lost the race."""

    seen: FenceReading


class Offender(msgspec.Struct, frozen=True):
    """An owner that cannot be written, and why ("is a CNAME to x", "is a delegation")."""

    name: str
    why: str


class Blocked(msgspec.Struct, frozen=True):
    """Refused, or not as written on read-back, with the fence unchanged: leave the offenders out (R4)."""

    offenders: tuple[Offender, ...]


class Denied(msgspec.Struct, frozen=True):
    """The server will not take updates from us (REFUSED, NOTAUTH, NOTIMP): configuration, not a race."""

    reason: str


WriteResult: TypeAlias = Wrote | FenceMoved | Blocked | Denied | CouldNotAsk


class ZoneRRsets(msgspec.Struct, frozen=True):
    """What the primary holds at the asked names: sorted by (name, type); `aliases` are owners of a CNAME."""

    rrsets: tuple[RRset, ...]
    aliases: tuple[Offender, ...] = ()


class ZoneProvider(Protocol):
    """One zone at one provider. All methods are coroutines that await only operations."""

    @property
    def zone(self) -> str:
        """The zone's name."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this provider guarantees for this zone."""
        ...

    def render(self, records: NameRecords) -> tuple[RRset, ...]:
        """The RRsets that a name's records mean here, sorted by type (weights included or folded in).

        Pure. `rtypes` that `render` can produce but does not are to be absent.
        """
        ...

    @property
    def managed_types(self) -> tuple[str, ...]:
        """RR types that `render` may produce; all others at an owner are foreign and left alone."""
        ...

    async def read_fence(self, scope: str) -> FenceReading | CouldNotAsk:
        """The fence, by an authoritative TCP query to the primary. Always read before the data (R2)."""
        ...

    async def read_soa(self) -> Soa | CouldNotAsk:
        """The SOA at the primary, for a repair's pin."""
        ...

    async def read_rrsets(self, names: tuple[str, ...]) -> ZoneRRsets | CouldNotAsk:
        """The managed types at these names."""
        ...

    async def write(self, scope: str, write: FencedWrite) -> WriteResult:
        """Send one message, resolve a lost reply (R5), read back fence and data (R4)."""
        ...

    async def holds(self, scope: str, fence: Fence, changes: tuple[RRsetChange, ...]) -> bool | CouldNotAsk:
        """Whether the fence is exactly this and the data as wanted: cheap, one question however many changes."""
        ...

    async def in_sync(self, change: str) -> bool | CouldNotAsk:
        """Whether all name servers of the provider show a change that `Wrote` named (R8)."""
        ...

    def pack(self, changes: tuple[RRsetChange, ...]) -> tuple[tuple[RRsetChange, ...], ...]:
        """Split changes into messages within this provider's limits; a name is never split."""
        ...
