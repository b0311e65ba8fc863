"""Fencing tokens: 63 bits that only rise, over restarts and over a restored store.

    token = epoch (high 23 bits) | count (low 40 bits)

The *epoch* lies in the store and rises with each start of the service, by compare-and-set; the *count* lives in
memory. So a grant costs no counter in the store, and what was granted but not written before a crash is never
granted again. 63 bits, for databases have no unsigned 64-bit integer.

A restored store has an old epoch, and the next start would grant tokens again that others have had. Three things
stop that: the service's disk remembers the epoch, and the higher of the two counts; a client that knows a higher
token says so, and the service raises its epoch above it (`raised`); and the guard at the resource refuses an equal
token of another holder (R19, `guard`). The last alone makes it safe; the first two make it work.
"""

from __future__ import annotations

from typing import Final

COUNT_BITS: Final = 40
COUNT_MAX: Final = (1 << COUNT_BITS) - 1
EPOCH_MAX: Final = (1 << 23) - 1
TOKEN_MAX: Final = (EPOCH_MAX << COUNT_BITS) | COUNT_MAX
JUMP_MAX: Final = 1 << 12
"""A token whose epoch is further above ours than this was not granted by any store of ours: it is garbled."""


def token_of(epoch: int, count: int) -> int:
    """Put a token together."""
    assert 0 < epoch <= EPOCH_MAX, "an epoch has 23 bits and begins with 1"
    assert 0 < count <= COUNT_MAX, "a count has 40 bits and begins with 1"
    return (epoch << COUNT_BITS) | count


def epoch_of(token: int) -> int:
    """The epoch in which a token was granted."""
    return token >> COUNT_BITS


def next_epoch(*, in_store: int, on_disk: int) -> int:
    """The epoch of a start: above what the store says and above what the disk remembers."""
    return max(in_store, on_disk) + 1


def believable(token: int, *, epoch: int) -> bool:
    """Whether a client may have this token from some store of ours, going by our epoch."""
    return 0 <= token <= TOKEN_MAX and epoch_of(token) <= epoch + JUMP_MAX


def raised(token: int, *, epoch: int, count: int) -> int | None:
    """The epoch to raise to because a client knows `token`; None while our next grant is above it anyway.

    `count` is that of our latest grant in `epoch`.
    """
    return epoch_of(token) + 1 if token > ((epoch << COUNT_BITS) | count) else None
