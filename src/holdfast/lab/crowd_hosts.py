"""Hosts of a small crowd (`crowd_world`), each with a lease by the shipped rules of holders, and its bounds."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import msgspec

from holdfast.lab.lease_service import frozen
from holdfast.leases.holding import Holding
from holdfast.model.lease import Ask, Result, lease_key
from holdfast.ports.leases import Call

TIMEOUT_S: Final = 10.0
CALL_IDS: Final = 8
"""So many calls of one host are told apart: one waits, a few older ones may still be in the service."""


class Bounds(msgspec.Struct, frozen=True):
    """How much may happen in one run."""

    renewing: int = 1
    coming: int = 3
    tick_s: float = 3.5
    """Three such are longer than a call's time-out; one is no pause of the service yet."""
    ticks: int = 0
    """Of time in which the service waits, or stands still."""
    slow: int = 0
    """Of time in which it works: at most 5 s each."""
    lost: int = 0
    unknown: int = 0
    away: int = 0
    """Commits that the store does not take, and says so."""
    crashes: int = 0
    settles: bool = True
    """Whether it is asked of every state that it converges."""

    def __str__(self) -> str:
        faults = (
            f"{self.lost} lost answers, {self.unknown} commits of unknown fate, {self.away} not taken,"
            f" {self.crashes} crashes"
        )
        time = f"{self.ticks} ticks of {self.tick_s:g} s and {self.slow} of work"
        less = "" if self.settles else ", without asking whether it converges"
        return f"{self.renewing} hosts that renew and {self.coming} that come, {time}, {faults}{less}"


class Host:
    """One host with a lease of its own."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"h{number}"
        self.holding = Holding("job", self.name, self.name, place=None, above=0, now_s=0.0)
        self.asked: tuple[Ask, float, int] | None = None
        """A call that it waits for: when it was made, and its id."""
        self.taken_in = False
        """The service has taken it in."""
        self.reply: Result | None = None
        self.not_before_s = 0.0
        self.gave_up_s = 0.0
        """When it last ceased to wait for a call without an answer."""
        self._calls = 0

    @property
    def fresh(self) -> bool:
        """Whether it has never asked. Those that have not are alike."""
        return not self._calls and not self.holding.token

    @property
    def key(self) -> str:
        """Of its lease."""
        return lease_key("job", self.name)

    def asks(self, now_s: float) -> Call:
        """Its next call."""
        self._calls = (self._calls + 1) % CALL_IDS
        id_ = self.number * CALL_IDS + self._calls
        ask = self.holding.ask()
        self.asked, self.taken_in = (ask, now_s, id_), False
        return Call(id_, ask, TIMEOUT_S)

    def waits_for(self, call: int) -> bool:
        """Whether this is the call that it waits for."""
        return self.asked is not None and self.asked[2] == call

    def state(self) -> Hashable:
        """All of it."""
        return (
            *frozen(self.holding),
            self.asked,
            self.taken_in,
            self.reply,
            self.not_before_s,
            self.gave_up_s,
            self._calls,
        )
