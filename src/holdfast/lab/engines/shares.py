"""Sharing schedules out over searchers: who runs which, and up to which number anybody still looks."""

from __future__ import annotations

import sys
from typing import Protocol

import msgspec

from holdfast.lab.engines.strategies import PORTFOLIO


class Share(msgspec.Struct, frozen=True):
    """What one of several searchers runs: whole turns of the portfolio, in turn with the others."""

    mine: int = 0
    shares: int = 1

    def has(self, number: int) -> bool:
        """Whether this schedule is in the share."""
        return number // len(PORTFOLIO) % self.shares == self.mine


WHOLE = Share()


class Bound(Protocol):
    """The smallest number that is known to break something: schedules from there on are of no interest."""

    def get(self) -> int:
        """It, as far as anybody has told; above all numbers while nothing is known."""
        ...

    def lower(self, number: int) -> None:
        """This one breaks something."""
        ...


class OwnBound:
    """The bound of a searcher that is alone."""

    def __init__(self) -> None:
        self._number = sys.maxsize

    def get(self) -> int:
        """See `Bound`."""
        return self._number

    def lower(self, number: int) -> None:
        """See `Bound`."""
        self._number = min(self._number, number)
