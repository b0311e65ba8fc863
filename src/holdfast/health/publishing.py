"""One observer's document in the store: compare-and-set, revisions that continue, and standing back.

Two processes with the same prober name would overwrite each other for ever. The one that loses a compare-and-set
to somebody else stands back for one observation TTL, then tries again on what it saw: if the other is alive, its
heartbeat has moved the document by then, and the attempt loses again without harm.
"""

from __future__ import annotations

import enum

import msgspec

from holdfast.documents.reading import Garbled, interpret
from holdfast.model.codec import encode
from holdfast.model.keys import Keys
from holdfast.model.observation import Observations
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import ABSENT, Commit, Committed, Compare, Entry, Get, Put


class Shelf(msgspec.Struct, frozen=True):
    """What this process knows of its document. `at` is its revision in the store, None if it must be read.

    `attempt` is a publication whose fate is not known: found in the store later, it is ours and no rival's.
    """

    revision: int = 0
    at: int | None = None
    shown: Observations | None = None
    attempt: Observations | None = None


class Outcome(enum.Enum):
    """How a publication went."""

    PUBLISHED = "published"
    RIVAL = "rival"
    UNREACHABLE = "unreachable"


def same_content(one: Observations | None, other: Observations) -> bool:
    """Whether a publication would say nothing new; revisions aside."""
    return (
        one is not None
        and (one.targets is other.targets or one.targets == other.targets)
        and (one.distrust, one.vantage) == (other.distrust, other.vantage)
    )


async def publish(keys: Keys, shelf: Shelf, content: Observations) -> tuple[Shelf, Outcome, str]:
    """Publish `content` under the next revision; the reason is for people if it did not work."""
    key = keys.observer(content.observer)
    if shelf.at is None:
        entry = await Get(key)
        if isinstance(entry, CouldNotAsk):
            return shelf, Outcome.UNREACHABLE, entry.reason
        shelf = seen_in_store(shelf, entry)
    assert shelf.at is not None
    document = msgspec.structs.replace(content, revision=shelf.revision + 1)
    result = await Commit((Compare(key, shelf.at),), (Put(key, encode(document)),))
    if isinstance(result, Committed):
        return Shelf(document.revision, result.revision, document), Outcome.PUBLISHED, ""
    if isinstance(result, CouldNotAsk):
        attempt = document if result.maybe_applied else shelf.attempt
        return Shelf(shelf.revision, None, shelf.shown, attempt), Outcome.UNREACHABLE, result.reason
    found = result.current[0]
    ours = found is None or (shelf.attempt is not None and found.value == encode(shelf.attempt))
    if ours:
        # The store was emptied under us, or our own delayed message arrived: take it from there, next time.
        return seen_in_store(shelf, found), Outcome.UNREACHABLE, "the document changed meanwhile"
    return seen_in_store(shelf, found), Outcome.RIVAL, f"{key} was published by another process"


def seen_in_store(shelf: Shelf, entry: Entry | None) -> Shelf:
    """Go on from the document that the store has.

    Our revision never goes back (R10), not over an emptied store either; an unreadable document counts with its
    revision in the store, which is no lower: each publication was a transaction.
    """
    if entry is None:
        return Shelf(shelf.revision, ABSENT, None, shelf.attempt)
    document = interpret(entry, Observations)
    revision = entry.revision if isinstance(document, Garbled) else document.value.revision
    return Shelf(max(shelf.revision, revision), entry.revision, None, shelf.attempt)
