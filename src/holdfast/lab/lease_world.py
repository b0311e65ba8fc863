"""I7 searched: the shipped lease loop, two holders (`leases.holding`), and a resource behind the shipped guard.

    holders: ask -> [on its way] -> service -> [answer on its way] -> holder
             look (is my lease valid?) ... pause for as long as you like ... write at the resource
    faults:  answers lost, answers of the store lost, the service crashes, store and disk are restored to nothing

Writes and answers are on their way until the search lets them arrive, also after the crash of who sent them; a
holder is paused between its look and its write simply because the others go first. Time comes in ticks.

Two properties:
- **One holder (I7)**: once the resource accepted a write of another holder, it accepts none under a grant from
  before. Stated by grants and by who wrote, not by tokens: so it does not repeat the guard's own rule.
- **Lost here before given there**: when the service grants the lease to one holder, the other does not count it as
  valid (its process is not paused, and the store was not restored).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, TypeAlias

import msgspec

from holdfast.lab.lease_service import ServiceUnderSearch, frozen, written_keys
from holdfast.leases.guard import Accepted, Mark, check
from holdfast.leases.holding import Holding
from holdfast.leases.law import LeaseSettings
from holdfast.leases.refusing import Hints
from holdfast.leases.watching import Watching
from holdfast.model.lease import Ask, Granted, Place, Result, TryLater
from holdfast.overload import Admission
from holdfast.ports.leases import Call, Inbound, NextInbound
from holdfast.ports.store import Commit, Get, Range
from holdfast.stores.memory import MemoryState

TTL_S: Final = 6.0
TICK_S: Final = 4.0
SETTINGS: Final = LeaseSettings(ttl_least_s=TTL_S, hints=False, grace=False, expire_share_per_s=1.0)
"""Without grace: a tick would look like a pause of the service, and no lease would ever run out here."""
PATIENCE_S: Final = 1000.0
"""Calls never time out in the queue: that is the overload library's matter, searched elsewhere."""


_Step: TypeAlias = tuple[str, Callable[[int], None], int]


class Bounds(msgspec.Struct, frozen=True):
    """How much may happen in one run."""

    ticks: int = 5
    writes: tuple[int, int] = (2, 1)
    """By each holder."""
    lost: int = 0
    """Answers to holders that never arrive."""
    unknown: int = 0
    """Commits whose answer never comes back: they happened, or happen later."""
    crashes: int = 0
    restores: int = 0
    moves: int = 0
    """Changes of the first holder's place: each is a new grant of what it holds."""

    def __str__(self) -> str:
        return (
            f"2 holders, {self.ticks} ticks of two thirds of a TTL, {self.writes[0]} and {self.writes[1]} writes,"
            f" {self.lost} lost answers, {self.unknown} commits of unknown fate,"
            f" {self.crashes} crashes, {self.restores} restored stores, {self.moves} moves"
        )


class _Holder:
    """One holder and its work at the resource."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.holding = Holding("job", "one", name, place=None, above=0, now_s=0.0)
        self.asked: tuple[Ask, float] | None = None
        """A call that has no answer yet, and when it was made."""
        self.reply: Result | None = None
        self.intent: tuple[int, int] | None = None
        """Token and grant of a look that found the lease valid, and has not been written yet."""
        self.grant = 0
        self.wrote = 0

    def key(self) -> Hashable:
        """All of it."""
        return (*frozen(self.holding), self.asked, self.reply, self.intent, self.grant, self.wrote)


class LeaseWorld(ServiceUnderSearch):
    """See the module."""

    settings = SETTINGS

    def __init__(self, bounds: Bounds) -> None:
        self.limits = bounds
        self.bounds = str(bounds)
        self.left = {"lost": bounds.lost, "unknown": bounds.unknown, "crash": bounds.crashes}
        self.left |= {"restore": bounds.restores, "tick": bounds.ticks, "move": bounds.moves}
        self.holders = (_Holder("left"), _Holder("right"))
        self.kept: Mark | None = None
        self.accepted: tuple[tuple[int, int], ...] = ()
        """Holder and grant of accepted writes, in order."""
        self.restored = False
        super().__init__()
        self._run_on()

    # -- what may happen -----------------------------------------------------------------------------------

    def options(self) -> list[str]:
        """See `engines.rerun.World`."""
        return [word for word, _, _ in self._steps()]

    def take(self, number: int) -> None:
        """See `engines.rerun.World`."""
        _, act, argument = self._steps()[number]
        act(argument)
        self._run_on()

    def _steps(self) -> list[_Step]:
        found: list[_Step] = []
        if not isinstance(self.pending, NextInbound):
            # While it takes over, messages of the run before may arrive between its steps.
            found.append((f"the service does {type(self.pending).__name__}", self.one_operation, 0))
        for me, holder in enumerate(self.holders):
            found += self._steps_of(me, holder)
        for at, (run, submit) in enumerate(self.commits):
            what = f"({written_keys(submit)}{'' if run == self.run else '; of a run before'})"
            found.append((f"commit {at} is applied {what}", self.apply, at))
            if self.left["unknown"] and submit.ticket and run == self.run:
                found.append((f"the answer to commit {at} is lost {what}", self.lose_answer, at))
        for word, left, act in (
            ("the service crashes", "crash", self._crash),
            ("store and disk are restored to nothing", "restore", self._restore),
            ("time passes", "tick", self._tick),
            ("left moves", "move", self._move),
        ):
            if self.left[left]:
                found.append((word, act, 0))
        return found

    def _steps_of(self, me: int, holder: _Holder) -> list[_Step]:
        found: list[_Step] = []
        name, holding = holder.name, holder.holding
        if holder.reply is not None:
            kind = type(holder.reply).__name__
            found.append((f"the answer arrives at {name}: {kind}", self._hear, me))
            if self.left["lost"]:
                found.append((f"the answer to {name} is lost: {kind}", self._lose, me))
        elif holder.asked is None and holding.next_s is not None and holding.next_s <= self.now_s:
            found.append((f"{name} asks", self._ask, me))
        if holder.intent is not None:
            found.append((f"{name} writes at the resource", self._write, me))
        elif holder.wrote < self.limits.writes[me] and holding.valid(now_s=self.now_s):
            found.append((f"{name} looks: its lease is valid", self._look, me))
        return found

    def _tick(self, _: int) -> None:
        self.left["tick"] -= 1
        self.now_s += TICK_S

    def _move(self, me: int) -> None:
        self.left["move"] -= 1
        self.holders[me].holding.move(Place(80 + self.left["move"], "192.0.2.1"), now_s=self.now_s)

    def key(self) -> Hashable:
        """See `engines.rerun.World`."""
        return (
            self.now_s,
            tuple(self.left.items()),
            tuple(h.key() for h in self.holders),
            (self.kept, self.accepted, self.restored),
            *self.service_key(_OPAQUE),
        )

    # -- holders -------------------------------------------------------------------------------------------

    def _ask(self, me: int) -> None:
        holder = self.holders[me]
        ask = holder.holding.ask()
        holder.asked = (ask, self.now_s)
        self.calls.append(Call(me, ask, PATIENCE_S))

    def _look(self, me: int) -> None:
        holder = self.holders[me]
        holder.intent = (holder.holding.token, holder.grant)

    def _write(self, me: int) -> None:
        holder = self.holders[me]
        assert holder.intent is not None
        (token, grant), holder.intent = holder.intent, None
        holder.wrote += 1
        answer = check(self.kept, token=token, holder=holder.name)
        if not isinstance(answer, Accepted):
            holder.holding.know(answer.highest, now_s=self.now_s)
            return
        self.kept = answer.mark
        if (me, grant) in self.accepted and self.accepted[-1][0] != me:
            self.broken = (
                f"I7 one holder: {holder.name} wrote under an old grant after the other's write was accepted"
            )
        self.accepted = (*self.accepted, (me, grant))

    def _lose(self, me: int) -> None:
        self.left["lost"] -= 1
        holder = self.holders[me]
        holder.asked = holder.reply = None
        holder.holding.unanswered(now_s=self.now_s, chance=1.0)

    def _hear(self, me: int) -> None:
        holder = self.holders[me]
        assert holder.asked is not None
        assert holder.reply is not None
        (ask, asked_s), result = holder.asked, holder.reply
        holder.asked = holder.reply = None
        was = holder.holding.token
        holder.holding.answered(ask, result, asked_s=asked_s, now_s=self.now_s, chance=0.5)
        if isinstance(result, Granted) and holder.holding.token != was:
            holder.grant += 1

    # -- the service ---------------------------------------------------------------------------------------

    def _run_on(self) -> None:
        """Everything that the service does without being seen, and its steps as soon as there is news."""
        while True:
            if isinstance(self.pending, Get | Range | Commit):
                if self.commits:
                    return
                self.one_operation(0)
            elif isinstance(self.pending, NextInbound):
                if not (self.calls or self.written or self._seen_s != self.now_s):
                    return
                inbound = Inbound(self.now_s, 0.0, 0.5, tuple(self.calls), tuple(self.written))
                self.calls, self.written, self._seen_s = [], [], self.now_s
                self.send(inbound)
            else:
                self.send(self._inward(self.pending))

    def replied(self, call: int, result: Result) -> None:
        """See `ServiceUnderSearch`."""
        me = call
        holder, other = self.holders[me], self.holders[1 - me]
        holder.reply = result
        new = isinstance(result, Granted) and not result.renewed and not self.restored
        if new and other.holding.valid(now_s=self.now_s):
            self.broken = f"lost here before given there: {holder.name} is granted what is valid for {other.name}"

    def ended(self) -> None:
        """See `ServiceUnderSearch`: connections end."""
        for holder in self.holders:
            if holder.asked is not None and holder.reply is None:
                holder.reply = _ENDED

    def _crash(self, _: int) -> None:
        self.left["crash"] -= 1
        self.crashed()

    def _restore(self, _: int) -> None:
        """Store and disk are back where nothing was in them, and the service is started on them."""
        self.left["restore"] -= 1
        self.store, self.disk = MemoryState(revision=self.store.revision + 1), {}
        self.restored = True
        self.crashed()


_ENDED: Final = TryLater(1.0, "the connection ended")

_OPAQUE: Final = (Admission, Hints, Watching, LeaseSettings)
"""Without hints and time-outs these decide nothing here: the queue is empty after each step, nobody watches."""
