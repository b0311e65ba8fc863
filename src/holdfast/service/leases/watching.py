"""A role's leases as they change, for people who look: asked of the service, whose store they may not reach."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from holdfast.client.http import LeaseHttp, NotServed, Rejected
from holdfast.model.lease import Lease, Listing, TryLater
from holdfast.service.leases.listing import line_of

WAIT_S: Final = 30.0
AGAIN_S: Final = 1.0
SIGNS: Final = {"came": "+", "changed": "~", "gone": "-"}


class Changed(msgspec.Struct, frozen=True):
    """What became of one lease; as it is now, or was last if it is gone."""

    change: Literal["came", "changed", "gone"]
    lease: Lease

    def __str__(self) -> str:
        return f"{SIGNS[self.change]} {line_of(self.lease)}"


async def watch_role(
    service: LeaseHttp, role: str, say: Callable[[Changed], None], note: Callable[[str], None]
) -> None:
    """Say who holds leases of the role, then each change, until cancelled; note a silent service once.

    Raises:
        Rejected: the service will never answer us.
    """
    known: dict[str, Lease] = {}
    after, silent = 0, ""
    while True:
        try:
            found = await service.members(Listing(role, after), timeout_s=WAIT_S)
        except Rejected:
            raise
        except NotServed as error:
            if str(error) != silent:
                silent = str(error)
                note(f"no answer: {silent}")
            await asyncio.sleep(AGAIN_S)
            continue
        if isinstance(found, TryLater):
            await asyncio.sleep(found.after_s)
            continue
        if silent:
            note("the lease service answers again")
        now = {lease.key: lease for lease in found.leases}
        for changed in changes(known, now):
            say(changed)
        known, after, silent = now, found.revision, ""


def changes(before: Mapping[str, Lease], now: Mapping[str, Lease]) -> list[Changed]:
    """Each lease that came, is another, or has gone; sorted by key."""
    found = []
    for key in sorted(before.keys() | now.keys()):
        if key not in now:
            found.append(Changed("gone", before[key]))
        elif before.get(key) != now[key]:
            found.append(Changed("changed" if key in before else "came", now[key]))
    return found
