"""Leases as values: what a holder asks for, what it was granted, and what of it is kept in the store.

A lease is known by its key `<role>/<name>`. Its *holder* is one run of one process (a new id with each start): so
the same host that comes back is another holder, and can't be confused with what it was.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import msgspec

_WORD: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")
_HOLDER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Place(msgspec.Struct, frozen=True):
    """Where the holder serves, if it serves: it becomes a target of groups whose targets come from leases."""

    port: int
    a: str | None = None
    aaaa: str | None = None
    label: str = ""
    """Zone or region, for velocity and spreading."""
    weight: int = 100
    ready: bool = True
    """Readiness gates entry and never removes: what was never ready does not serve, what serves stays."""
    leaving: bool = False
    """The holder drains: its target is to leave, within the limits like any other that is withdrawn."""


class Lease(msgspec.Struct, frozen=True):
    """A grant, as it lies in the store. Renewals don't touch it: they only move a deadline in memory."""

    role: str
    name: str
    holder: str
    token: int
    place: Place | None = None
    format: int = 1

    @property
    def key(self) -> str:
        """`<role>/<name>`."""
        return lease_key(self.role, self.name)


class LeaseOwner(msgspec.Struct, frozen=True):
    """Who serves the leases of a scope. `run` is new with each start; the newest has taken over."""

    run: str
    epoch: int
    format: int = 1


class Establish(msgspec.Struct, frozen=True, tag_field="call", tag="establish"):
    """Ask for a lease with a token above `above`: the highest that the caller knows of (its own before, or what a
    guard refused it for). An equal one would be refused by the guard again, if a restored store granted it twice.
    """

    role: str
    name: str
    holder: str
    place: Place | None = None
    above: int = 0


class Renew(msgspec.Struct, frozen=True, tag_field="call", tag="renew"):
    """Keep a lease for another TTL."""

    role: str
    name: str
    holder: str
    token: int


class Release(msgspec.Struct, frozen=True, tag_field="call", tag="release"):
    """Give a lease back."""

    role: str
    name: str
    holder: str
    token: int


class Listing(msgspec.Struct, frozen=True, tag_field="call", tag="list"):
    """Who holds the leases of a role. With `after`, wait until the list is not that of this revision any more.
    With `left`, answer at once, and say how long each lease lasts still: for people who look.
    """

    role: str
    after: int = 0
    left: bool = False


Ask: TypeAlias = Establish | Renew | Release | Listing


class Granted(msgspec.Struct, frozen=True, tag_field="result", tag="granted"):
    """It is the caller's, for `ttl_s` from when it *asked*. `renewed`: by the token that it had already."""

    token: int
    ttl_s: float
    renewed: bool = False


class Released(msgspec.Struct, frozen=True, tag_field="result", tag="released"):
    """Given back."""


class Gone(msgspec.Struct, frozen=True, tag_field="result", tag="gone"):
    """It is not the caller's (any more): it must stop acting on it, and establish anew."""

    why: str


class Taken(msgspec.Struct, frozen=True, tag_field="result", tag="taken"):
    """Another holder has it, for at most this long unless it renews."""

    holder: str
    free_in_s: float


class TryLater(msgspec.Struct, frozen=True, tag_field="result", tag="try_later"):
    """Not now: ask again after this long, not before. Nothing was done, or nothing is known of it."""

    after_s: float
    why: str


class Invalid(msgspec.Struct, frozen=True, tag_field="result", tag="invalid"):
    """The call itself is wrong; asking again does not help."""

    why: str


class Members(msgspec.Struct, frozen=True, tag_field="result", tag="members"):
    """The leases of a role, sorted by name, as of `revision` (which only rises)."""

    revision: int
    leases: tuple[Lease, ...]
    left_s: tuple[float, ...] = ()
    """Seconds to the deadline of each lease, negative for one that is overdue; only if they were asked for."""


Result: TypeAlias = Granted | Released | Gone | Taken | TryLater | Invalid | Members


def lease_key(role: str, name: str) -> str:
    """Key of a lease."""
    return f"{role}/{name}"


def bad_word(value: str) -> str:
    """Why this can't be a role or the name of a lease; empty if it can."""
    if _WORD.fullmatch(value):
        return ""
    return f"{value[:70]!r} is not a name: 1 to 63 of a-z, 0-9, '.', '_', '-', with a letter or digit at both ends"


def bad_holder(value: str) -> str:
    """Why this can't be a holder's id; empty if it can."""
    if _HOLDER.fullmatch(value):
        return ""
    return f"{value[:70]!r} is not a holder's id: 1 to 64 of A-Z, a-z, 0-9, '.', '_', ':', '-'"
