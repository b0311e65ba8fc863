"""Who waits for a role's list to change: answered when it does, or when the caller's time is up."""

from __future__ import annotations

from holdfast.leases.book import Book
from holdfast.model.lease import Listing, Members

REVISION_BITS = 20
MARGIN_S = 0.5
"""An unchanged list goes out this much before its caller gives up."""


class Watching:
    """Revisions by role, and the callers that wait. They rise over restarts, since epochs do."""

    def __init__(self, epoch: int) -> None:
        self._base = self._revision = epoch << REVISION_BITS
        self._at: dict[str, int] = {}
        self._waiting: list[tuple[int, Listing, float]] = []

    def changed(self, role: str) -> None:
        """The list of this role changed."""
        self._revision += 1
        self._at[role] = self._revision

    def add(self, call: int, ask: Listing, *, until_s: float) -> None:
        """A caller asks for a list, or waits for another than it has."""
        self._waiting.append((call, ask, until_s - MARGIN_S))

    def due(self, book: Book, *, now_s: float) -> list[tuple[int, Members]]:
        """Whom to answer now. A list is made once for all who wait for it."""
        if not self._waiting:
            return []
        ready = [w for w in self._waiting if now_s >= w[2] or self._at.get(w[1].role, self._base) != w[1].after]
        if not ready:
            return []
        self._waiting = [w for w in self._waiting if w not in ready]
        roles = {ask.role for _, ask, _ in ready}
        lists = {role: self._members(book, role) for role in roles}
        return [(call, lists[ask.role]) for call, ask, _ in ready]

    def close(self) -> list[int]:
        """Nobody waits any more; who did."""
        calls = [call for call, _, _ in self._waiting]
        self._waiting = []
        return calls

    def _members(self, book: Book, role: str) -> Members:
        leases = sorted((lease for lease in book if lease.role == role), key=lambda lease: lease.name)
        return Members(self._at.get(role, self._base), tuple(leases))
