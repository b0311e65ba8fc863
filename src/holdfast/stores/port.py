"""What a store adapter offers, and the checks on a transaction that all adapters share."""

from __future__ import annotations

from typing import Protocol

from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import (
    COMMIT_BYTES_MAX,
    COMMIT_OPERATIONS_MAX,
    Commit,
    Committed,
    Entry,
    Get,
    GetMany,
    Lost,
    Range,
)


class Subscription(Protocol):
    """Hints for some key prefixes. A hint says "look again", never what changed; it may be spurious or lost."""

    async def wait(self) -> None:
        """Return as soon as a hint is pending, and consume it. One that came before the call counts."""
        ...

    def take(self) -> bool:
        """Consume a pending hint without waiting; whether there was one."""
        ...

    def close(self) -> None:
        """No more hints."""
        ...


class Store(Protocol):
    """A store. Methods never raise for what the outside does: that is `CouldNotAsk`.

    Raises:
        BadTransaction: from `commit`, for a transaction that no store may take: an error of the program.
    """

    async def get(self, op: Get) -> Entry | CouldNotAsk | None:
        """One key."""
        ...

    async def get_many(self, op: GetMany) -> tuple[Entry | None, ...] | CouldNotAsk:
        """Several keys in one snapshot."""
        ...

    async def range(self, op: Range) -> tuple[Entry, ...] | CouldNotAsk:
        """All keys under a prefix in one snapshot."""
        ...

    async def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        """One transaction."""
        ...

    def subscribe(self, prefixes: tuple[str, ...]) -> Subscription:
        """Hints for changes under any of the prefixes, from now on."""
        ...

    async def close(self) -> None:
        """Let go of files and threads. Operations after it answer `CouldNotAsk`."""
        ...


class BadTransaction(ValueError):
    """A transaction outside the store's contract: too large, one key written twice, or a key that can't be one."""


def check_commit(op: Commit) -> None:
    """Hold a transaction to the limits that every engine can keep.

    Raises:
        BadTransaction: with the figures.
    """
    operations = len(op.compares) + len(op.puts) + len(op.deletes)
    if operations > COMMIT_OPERATIONS_MAX:
        raise BadTransaction(f"{operations} compares and writes in a transaction, {COMMIT_OPERATIONS_MAX} allowed")
    size = sum(len(put.value) for put in op.puts)
    if size > COMMIT_BYTES_MAX:
        raise BadTransaction(f"{size} bytes of values in a transaction, {COMMIT_BYTES_MAX} allowed")
    written = [put.key for put in op.puts] + list(op.deletes)
    if len(set(written)) != len(written):
        twice = sorted({key for key in written if written.count(key) > 1})
        raise BadTransaction(f"a transaction writes a key once; twice here: {', '.join(twice)}")
    if "" in written:
        raise BadTransaction("a key must not be empty")
    bad = [key for key in written if any(c < " " for c in key)]
    if bad:
        raise BadTransaction(f"a key must not have control characters: {bad[0]!r}")


def prefix_end(prefix: str) -> str | None:
    """The least key above all keys with this prefix, in code point order; None when there is none."""
    for at in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[at])
        if code < 0x10FFFF:
            # Surrogates can't be encoded, so the successor of U+D7FF is U+E000.
            return prefix[:at] + chr(0xE000 if code == 0xD7FF else code + 1)
    return None
