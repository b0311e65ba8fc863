"""What a lease call comes to, given the lease as it stands. Pure.

| call      | lease            | answer |
|---|---|---|
| establish | free             | `Grant` with a new token |
| establish | same holder, same place | `Keep`: renewed; its reply was lost, so nothing is written |
| establish | same holder, another place, or not above what it knows | `Grant` with a new token |
| establish | other's, overdue | `Grant` with a new token: the other's is refused by the guard from its first use |
| establish | other's          | `Taken`, with the time after which it may be free |
| renew     | (holder, token) match | `Keep`, also if it is overdue: nobody else was granted it |
| renew     | anything else    | `Gone` |
| release   | (holder, token) match | `Drop` |
| release   | anything else    | `Gone`: it is not the caller's, which is what it wanted |

A lease that is *overdue* is still held until it runs out by the sweep (`book`): the sweep is bounded in velocity,
and may be suspended. A renewal never changes the token, so a holder's writes in flight stay good.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from holdfast.model.lease import Lease, Place


class Establish(msgspec.Struct, frozen=True):
    """Ask for a lease with a token above `above`: the highest that the caller knows of (its own before, or what a
    guard refused it for). An equal one would be refused by the guard again, if a restored store granted it twice.
    """

    role: str
    name: str
    holder: str
    place: Place | None = None
    above: int = 0


class Renew(msgspec.Struct, frozen=True):
    """Keep a lease for another TTL."""

    role: str
    name: str
    holder: str
    token: int


class Release(msgspec.Struct, frozen=True):
    """Give a lease back."""

    role: str
    name: str
    holder: str
    token: int


Ask: TypeAlias = Establish | Renew | Release


class Grant(msgspec.Struct, frozen=True):
    """A new grant is to be written, with the next token."""


class Keep(msgspec.Struct, frozen=True):
    """The lease stays as it is; its deadline moves."""

    lease: Lease


class Drop(msgspec.Struct, frozen=True):
    """The lease is to be deleted."""


class Taken(msgspec.Struct, frozen=True):
    """Another holder has it, for at most this long unless it renews."""

    holder: str
    free_in_s: float


class Gone(msgspec.Struct, frozen=True):
    """It is not the caller's (any more): it must stop acting on it, and establish anew."""

    why: str


def establish(ask: Establish, lease: Lease | None, *, left_s: float) -> Grant | Keep | Taken:
    """The first five rows. `left_s` is the time to the lease's deadline; negative if it is overdue.

    A service that suspends expiry passes the time that is left once it resumes, which is positive: nothing is
    overdue then.
    """
    if lease is None:
        return Grant()
    if lease.holder == ask.holder:
        return Keep(lease) if lease.place == ask.place and lease.token > ask.above else Grant()
    return Grant() if left_s < 0 else Taken(lease.holder, left_s)


def renew(ask: Renew, lease: Lease | None) -> Keep | Gone:
    """Rows six and seven."""
    why = _not_theirs(ask, lease)
    return Gone(why) if lease is None or why else Keep(lease)


def release(ask: Release, lease: Lease | None) -> Drop | Gone:
    """The last two rows."""
    why = _not_theirs(ask, lease)
    return Gone(why) if why else Drop()


def _not_theirs(ask: Renew | Release, lease: Lease | None) -> str:
    if lease is None:
        return "nobody holds it: it ran out or was released"
    if lease.holder != ask.holder:
        return f"{lease.holder} holds it now"
    if lease.token != ask.token:
        return f"it was granted again with token {lease.token}"
    return ""
