"""How the store's keys lie in etcd, and why their revisions are not etcd's.

<namespace>/=revision                "<format> <revision>": the store's own, compared and raised by each commit
<namespace>/=d/<key> TAB <revision>  one value; a put deletes the one before it. 16 hex digits

etcd counts from 1 in a new cluster, and goes on from an old number in one that was restored from a snapshot: there
a compare with a revision of the lost history could hold by coincidence. So the store counts itself, above the
clock in microseconds (`stores.revisions`), and an entry's revision is part of its name. A compare asks whether
that very name exists: that needs nothing that this process remembers, and a listing without values has true
revisions.

Control characters are not allowed in keys (`stores.port`), so a tab sorts below all that can follow a key.
Rejected: the revision at the head of the value (a listing would have to read every value), etcd's own plus an
offset (who tells a process that the cluster was restored while it was not looking?).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from holdfast.ports.store import ABSENT, Commit, Compare, Entry, Range

STORE_FORMAT: Final = 1
_BEFORE, _AFTER = b"\t", b"\n"


class Span(NamedTuple):
    """Keys from `start` up to but not including `end`."""

    start: bytes
    end: bytes


class Layout:
    """The names of one store."""

    def __init__(self, namespace: str) -> None:
        top = f"{namespace}/".encode()
        self.revision: Final = top + b"=revision"
        self.all: Final = Span(top + b"=", top + b">")
        """Everything of the store, nothing of another whose namespace begins with this one."""
        self._data: Final = top + b"=d/"

    def entry(self, key: str, revision: int) -> bytes:
        """The name of a key's value as of a revision."""
        return self._data + key.encode() + _BEFORE + b"%016x" % revision

    def any_entry(self, key: str) -> Span:
        """A key's value whatever its revision."""
        name = self._data + key.encode()
        return Span(name + _BEFORE, name + _AFTER)

    def older_entries(self, key: str, revision: int) -> Span:
        """A key's values below a revision."""
        return Span(self.any_entry(key).start, self.entry(key, revision))

    def under(self, op: Range) -> Span:
        """What a `Range` covers."""
        prefix = self._data + op.prefix.encode()
        # UTF-8 has no byte 0xff, so the last one can be raised.
        start, end = prefix, prefix[:-1] + bytes([prefix[-1] + 1])
        if op.after and op.reverse:
            end = min(end, self._data + op.after.encode())
        elif op.after:
            start = max(start, self._data + op.after.encode() + _AFTER)
        return Span(start, max(start, end))

    def read(self, name: bytes, value: bytes) -> Entry | None:
        """The entry that a name and value are; None for what is none."""
        key, _, revision = name.removeprefix(self._data).rpartition(_BEFORE)
        if not name.startswith(self._data) or not key:
            return None
        return Entry(key=key.decode(), value=value, revision=int(revision, 16))


def revision_value(revision: int) -> bytes:
    """What stands at `Layout.revision`."""
    return b"%d %d" % (STORE_FORMAT, revision)


def read_revision(value: bytes) -> tuple[int, int]:
    """Format and revision.

    Raises:
        ValueError: it is neither.
    """
    format_, revision = value.split(b" ")
    return int(format_), int(revision)


def holds(compare: Compare, entry: Entry | None) -> bool:
    """Whether a compare holds for what is there."""
    return compare.revision == (ABSENT if entry is None else entry.revision)


def written_keys(op: Commit) -> tuple[str, ...]:
    """The keys that a transaction writes."""
    return (*(put.key for put in op.puts), *op.deletes)
