"""Changes into messages: by size on the wire and by count, a name never split, neighbours kept together.

A DNS message ends at 64 kB, and owner names are compressed only against the first 16 kB of it: beyond that
every record spells its label again. So sizes are counted without compression but for the zone's own name, which
stands at the start of every message. Above rather than below: a message that is refused for its size is lost
time, one that is a little smaller costs nothing that can be measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from holdfast.ports.provider import RRsetChange
from holdfast.providers.guards import created

POINTER_BYTES = 2
FIXED_BYTES = 10
"""Type, class, TTL and length of data."""
OVERHEAD_BYTES = 12 + 4 + 255 + 255 + 2 * (FIXED_BYTES + 255 + 1)
"""Header, zone section, and room for the fence's prerequisite and new value."""
TEXT_MARGIN_BYTES = 300
"""Serial pin of a repair: an SOA with two names."""
GUARDS = 2

Cost: TypeAlias = tuple[int, ...]
"""What something takes of each limit."""


def owner_bytes(name: str, zone: str) -> int:
    """Bytes of an owner name that ends in a pointer to the zone's name."""
    relative = name.removesuffix(zone).rstrip(".") if name.endswith(zone) else name
    return POINTER_BYTES + (len(relative.encode()) + 1 if relative else 0)


def rdata_bytes(rtype: str, rdata: str) -> int:
    """Upper bound of the data's size on the wire."""
    if rtype == "A":
        return 4
    if rtype == "AAAA":
        return 16
    return len(rdata.encode()) + 1


def change_bytes(change: RRsetChange, zone: str) -> int:
    """Upper bound of one change: the RRset's deletion, then each of its new records."""
    owner = owner_bytes(change.name, zone) + FIXED_BYTES
    if change.after is None:
        return owner
    return owner + sum(owner + rdata_bytes(change.rtype, rdata) for rdata in change.after.rdatas)


def pack(
    changes: tuple[RRsetChange, ...], *, zone: str, bytes_max: int, rrsets_max: int
) -> tuple[tuple[RRsetChange, ...], ...]:
    """Split changes, in order of name, into messages within the limits.

    A name that alone exceeds a limit stands in a message of its own: the provider then names it as the offender.
    """

    def cost(name_changes: tuple[RRsetChange, ...]) -> Cost:
        return message_bytes(name_changes, zone), len(name_changes)

    return pack_by(changes, cost=cost, room=(bytes_max - OVERHEAD_BYTES - TEXT_MARGIN_BYTES, rrsets_max))


def pack_by(
    changes: tuple[RRsetChange, ...], *, cost: Callable[[tuple[RRsetChange, ...]], Cost], room: Cost
) -> tuple[tuple[RRsetChange, ...], ...]:
    """Split changes, in order of name, so that each message's costs keep within `room`; a name is never split."""
    messages: list[tuple[RRsetChange, ...]] = []
    message: list[RRsetChange] = []
    used: Cost = (0,) * len(room)
    for name_changes in _by_name(changes):
        more = cost(name_changes)
        if message and any(u + m > r for u, m, r in zip(used, more, room, strict=True)):
            messages.append(tuple(message))
            message, used = [], (0,) * len(room)
        message.extend(name_changes)
        used = tuple(u + m for u, m in zip(used, more, strict=True))
    if message:
        messages.append(tuple(message))
    return tuple(messages)


def message_bytes(changes: tuple[RRsetChange, ...], zone: str) -> int:
    """Upper bound of what these changes, with their guards, add to a message."""
    guards = sum(GUARDS * (owner_bytes(owner, zone) + FIXED_BYTES) for owner in created(changes))
    return guards + sum(change_bytes(change, zone) for change in changes)


def _by_name(changes: tuple[RRsetChange, ...]) -> tuple[tuple[RRsetChange, ...], ...]:
    groups: dict[str, list[RRsetChange]] = {}
    for change in sorted(changes, key=lambda change: (change.name, change.rtype)):
        groups.setdefault(change.name, []).append(change)
    return tuple(tuple(group) for group in groups.values())
