"""The guard at a resource: who may still write, by fencing token (R19, I7). Pure; adapters keep the `Mark`.

| kept mark      | presented        | answer |
|---|---|---|
| none           | anything         | accepted, and kept |
| (t, h)         | token > t        | accepted, and kept |
| (t, h)         | (t, h)           | accepted |
| (t, h)         | token = t, h' != h | refused: the lease store was restored, and granted t twice |
| (t, h)         | token < t        | refused: somebody was granted the lease later |

Check and keep must be one atomic step with the write that they guard (one transaction of the resource's own
database): a check before the write is the very fault that fencing is there to end. A lease that has run out, a
paused process, a clock that is wrong: none of them matters here, since the guard knows no time.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Mark(msgspec.Struct, frozen=True):
    """The highest token that the resource has accepted, and whose it was."""

    token: int
    holder: str


class Accepted(msgspec.Struct, frozen=True):
    """The write may be made; `mark` is to be kept with it, in the same transaction."""

    mark: Mark


class Refused(msgspec.Struct, frozen=True):
    """The write must not be made. `highest` is what the client should say when it establishes anew."""

    highest: int
    why: str


Answer: TypeAlias = Accepted | Refused


def check(kept: Mark | None, *, token: int, holder: str) -> Answer:
    """The table at the top."""
    if kept is None or token > kept.token or (token, holder) == (kept.token, kept.holder):
        return Accepted(Mark(token, holder))
    if token == kept.token:
        why = (
            f"token {token} of {holder} was granted to {kept.holder} as well: the lease store was restored;"
            " establish the lease anew"
        )
        return Refused(kept.token, why)
    return Refused(kept.token, f"token {token} of {holder} is older than {kept.token} of {kept.holder}")
