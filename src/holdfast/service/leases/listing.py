"""The leases that the store has, for people and for programs."""

from __future__ import annotations

import msgspec

from holdfast.documents.reading import Document, Garbled, read_all
from holdfast.model.lease import Lease
from holdfast.ports.operation import CouldNotAsk
from holdfast.service.scene import CannotOpen, Scene


class Listed(msgspec.Struct, frozen=True):
    """Leases, sorted by role and name; `unreadable` are keys whose document is none."""

    leases: tuple[Lease, ...]
    unreadable: tuple[str, ...] = ()


async def read_leases(scene: Scene, role: str) -> Listed:
    """The leases of a role, of all roles if it is empty.

    Raises:
        CannotOpen: the store does not answer.
    """
    found = await scene.ask(read_all(scene.keys.lease(f"{role}/") if role else scene.keys.leases, Lease))
    if isinstance(found, CouldNotAsk):
        raise CannotOpen(f"the store does not answer: {found.reason}")
    return Listed(
        tuple(one.value for one in found if isinstance(one, Document)),
        tuple(one.key for one in found if isinstance(one, Garbled)),
    )


def as_text(found: Listed) -> str:
    """A line for each."""
    lines = [line_of(lease) for lease in found.leases]
    lines += [f"{key}: unreadable, counts as free" for key in found.unreadable]
    return "\n".join(lines) or "nobody holds a lease"


def line_of(lease: Lease) -> str:
    """Who holds it, by which token, and where that serves."""
    return f"{lease.key:<32} {lease.holder:<40} token {lease.token}{_place(lease)}"


def _place(lease: Lease) -> str:
    place = lease.place
    if place is None:
        return ""
    where = " ".join(address for address in (place.a, place.aaaa) if address)
    state = "leaving" if place.leaving else "ready" if place.ready else "not ready"
    return f"  {where} port {place.port}, {state}"
