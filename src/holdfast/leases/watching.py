"""Who waits for a role's list to change: answered when it does, or when the caller's time is up.

In a recovery a list changes with every grant; it goes out at most every `EVERY_S`, made once for all who wait.
"""

from __future__ import annotations

import heapq
from typing import Final

import msgspec

from holdfast.leases.book import Book
from holdfast.model.lease import Listing, Members

REVISION_BITS: Final = 20
MARGIN_S: Final = 0.5
"""An unchanged list goes out this much before its caller gives up."""
EVERY_S: Final = 0.2
WATCHERS_MAX: Final = 10_000


class Watching:
    """Revisions by role, and the callers that wait. They rise over restarts, since epochs do."""

    def __init__(self, epoch: int) -> None:
        self._base = self._revision = epoch << REVISION_BITS
        self._at: dict[str, int] = {}
        self._waiting: dict[str, dict[int, int]] = {}
        """By role: call and the revision that it has."""
        self._ends: list[tuple[float, int, str]] = []
        self._due: set[str] = set()
        self._lists: dict[str, Members] = {}
        self._listed_s: dict[str, float] = {}

    @property
    def full(self) -> bool:
        """Whether nobody else may wait."""
        return len(self._ends) >= WATCHERS_MAX

    def changed(self, role: str) -> None:
        """The list of this role changed."""
        self._revision += 1
        self._at[role] = self._revision
        self._due.add(role)

    def add(self, call: int, ask: Listing, *, until_s: float) -> None:
        """A caller asks for a list, or waits for another than it has."""
        self._waiting.setdefault(ask.role, {})[call] = ask.after
        heapq.heappush(self._ends, (until_s - MARGIN_S, call, ask.role))
        if self._at.get(ask.role, self._base) != ask.after:
            self._due.add(ask.role)

    def due(self, book: Book, *, now_s: float) -> list[tuple[int, Members]]:
        """Whom to answer now."""
        out: list[tuple[int, Members]] = []
        for role in [role for role in self._due if self._may_list(role, now_s)]:
            self._due.discard(role)
            waiting = self._waiting.pop(role, None)
            if waiting:
                members = self._members(book, role, now_s)
                out += [(call, members) for call, after in waiting.items() if after != members.revision]
                same = {call: after for call, after in waiting.items() if after == members.revision}
                if same:
                    self._waiting[role] = same
        while self._ends and (self._ends[0][0] <= now_s or not self._waits(self._ends[0])):
            _, call, role = heapq.heappop(self._ends)
            if self._waiting.get(role, {}).pop(call, None) is not None:
                out.append((call, self._members(book, role, now_s)))
        return out

    def now(self, book: Book, role: str, *, now_s: float) -> Members:
        """The list as it is, with what is left of each lease."""
        members = self._members(book, role, now_s)
        left_s = tuple(round(book.left_s(lease.key, now_s=now_s), 3) for lease in members.leases)
        return msgspec.structs.replace(members, left_s=left_s)

    def wake_in_s(self, *, now_s: float) -> float | None:
        """When somebody is to be answered next; None if nobody waits."""
        waits = [self._listed_s[r] + EVERY_S - now_s for r in self._due if r in self._waiting]
        if self._ends:
            waits.append(self._ends[0][0] - now_s)
        return max(0.0, min(waits)) if waits else None

    def close(self) -> list[int]:
        """Nobody waits any more; who did."""
        calls = [call for waiting in self._waiting.values() for call in waiting]
        self._waiting.clear()
        self._ends.clear()
        return calls

    def _waits(self, end: tuple[float, int, str]) -> bool:
        return end[1] in self._waiting.get(end[2], ())

    def _may_list(self, role: str, now_s: float) -> bool:
        return now_s >= self._listed_s.get(role, float("-inf")) + EVERY_S

    def _members(self, book: Book, role: str, now_s: float) -> Members:
        revision = self._at.get(role, self._base)
        known = self._lists.get(role)
        if known is None or known.revision != revision:
            leases = sorted((lease for lease in book if lease.role == role), key=lambda lease: lease.name)
            known = self._lists[role] = Members(revision, tuple(leases))
            self._listed_s[role] = now_s
        return known
