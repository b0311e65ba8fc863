"""What the lease service wrote last, and so what its store must have: one that lacks it was restored. No I/O.

A copy of the store from the same run has the same owner's document: comparing that finds nothing. So a sign of
life looks for what was the last write when the sign before it was given. That is durable and older than whatever
is on its way; what was written since then may be missing unseen, until the next sign.
"""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.ports.store import ABSENT, Compare


class Footprint:
    """A running value. The keys of its `Compare`s are those of leases."""

    def __init__(self) -> None:
        self.mark: Compare | None = None
        """What the next sign of life looks for; None: nothing was written before the last one."""
        self._newest: Compare | None = None
        self._newest_at = 0

    def wrote(self, granted: Iterable[str], gone: Iterable[str], *, revision: int) -> None:
        """These leases were written and deleted in one commit. Commits may come back in another order."""
        for wrote in (*(Compare(key, revision) for key in granted), *(Compare(key, ABSENT) for key in gone)):
            if self.mark is not None and self.mark.key == wrote.key:
                self.mark = wrote
            if self._newest is None or self._newest.key == wrote.key or revision > self._newest_at:
                self._newest, self._newest_at = wrote, max(revision, self._newest_at)

    def signed(self) -> None:
        """A sign of life was durable."""
        self.mark = self._newest

    def forget(self) -> None:
        """The owner's document was rewritten: it is newer than all, and what it settled is written anew."""
        self.mark = self._newest = None
