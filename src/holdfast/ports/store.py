"""The store: keys with revisions, small transactions, hints. Answered by `holdfast.stores`.

Semantics that every store must give (suite: `holdfast.conformance.store`):
- linearizable; each committed transaction has a revision, and revisions only rise; a store that is created anew
  begins above all that an earlier one can have reached, so that an old compare never holds there by coincidence;
- `Commit` compares several keys and then puts and deletes several, all or nothing, durable before it answers;
- `GetMany` and `Range` each read one consistent snapshot;
- hints (see `ports.clock.Idle`) may be lost or come late: correctness never rests on them (R16).
"""

from __future__ import annotations

import msgspec

from holdfast.ports.operation import CouldNotAsk, Operation

ABSENT = 0
"""As a compare's revision: the key must not exist."""


class Entry(msgspec.Struct, frozen=True):
    """A key as the store has it; `revision` is that of the transaction which wrote it last, >= 1."""

    key: str
    value: bytes
    revision: int


class Compare(msgspec.Struct, frozen=True):
    """A condition: the key's revision is exactly this; `ABSENT` means that it does not exist."""

    key: str
    revision: int


class Put(msgspec.Struct, frozen=True):
    """Write a value."""

    key: str
    value: bytes


class Committed(msgspec.Struct, frozen=True):
    """The transaction is applied and durable."""

    revision: int


class Lost(msgspec.Struct, frozen=True):
    """A compare failed: nothing was written. `current` has each compared key as it is now, in order."""

    current: tuple[Entry | None, ...]


class Get(Operation[Entry | CouldNotAsk | None], frozen=True):
    """One key; None when it does not exist."""

    key: str


class GetMany(Operation[tuple[Entry | None, ...] | CouldNotAsk], frozen=True):
    """Several keys in one snapshot, in order."""

    keys: tuple[str, ...]


class Range(Operation[tuple[Entry, ...] | CouldNotAsk], frozen=True):
    """All keys under a prefix, sorted, in one snapshot; values empty if `keys_only`.

    `after` excludes keys up to and including it; `limit` 0 is no limit. `reverse` sorts downward
    (then `after` bounds from above).
    """

    prefix: str
    after: str = ""
    limit: int = 0
    keys_only: bool = False
    reverse: bool = False


class Commit(Operation[Committed | Lost | CouldNotAsk], frozen=True):
    """A transaction: if all compares hold, apply all puts and deletes. Deleting an absent key is no error.

    At most 60 compares and writes together and 1 MiB of values (the least of the engines' limits: etcd takes 128
    operations in 1.5 MiB, and a put is two of them). A key has no control characters.
    After `CouldNotAsk(maybe_applied=True)` the caller reads back.
    """

    compares: tuple[Compare, ...] = ()
    puts: tuple[Put, ...] = ()
    deletes: tuple[str, ...] = ()


COMMIT_OPERATIONS_MAX = 60
COMMIT_BYTES_MAX = 1024 * 1024
