"""What a lease call comes to, given the lease as it stands. Pure.

| call      | lease            | answer |
|---|---|---|
| establish | free             | `Grant` with a new token |
| establish | same holder, same place | `Keep`: renewed; its reply was lost, so nothing is written |
| establish | same holder, another place, or not above what it knows | `Grant` with a new token |
| establish | other's, overdue | `Grant` with a new token: the other's is refused by the guard from its first use |
| establish | other's          | `Taken`, with the time after which it may be free |
| renew     | (holder, token) match | `Keep`, also if it is overdue: nobody else was granted it |
| renew     | same holder, an older token | `Keep`: the reply to its new grant was lost; it is told the token |
| renew     | anything else    | `Gone` |
| release   | (holder, token) match | `Drop` |
| release   | anything else    | `Gone`: it is not the caller's, which is what it wanted |

A lease that is *overdue* is still held until it runs out by the sweep (`book`): the sweep is bounded in velocity,
and may be suspended. A renewal never changes the token, so a holder's writes in flight stay good.
"""

from __future__ import annotations

import msgspec

from holdfast.model.lease import Establish, Gone, Lease, Release, Renew, Taken


class Grant(msgspec.Struct, frozen=True):
    """A new grant is to be written, with the next token."""


class Keep(msgspec.Struct, frozen=True):
    """The lease stays as it is; its deadline moves."""

    lease: Lease


class Drop(msgspec.Struct, frozen=True):
    """The lease is to be deleted."""


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
    """Rows six to eight. Never for a token above ours: the store has forgotten that one, and is to be outrun."""
    if lease is not None and lease.holder == ask.holder and ask.token < lease.token:
        return Keep(lease)
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
