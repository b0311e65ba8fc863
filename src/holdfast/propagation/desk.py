"""The propagation service's decisions: calls and store results in, answers out. No I/O.

publish   let in by backlog age (`upstream`), written by compare-and-set (the loop), taken in when it is durable
poll      what the host reports is noted; it waits until there is something newer and it is its turn (`turns`)
status    who is how far
"""

from __future__ import annotations

import heapq

import msgspec

from holdfast.model.delivery import (
    Counter,
    Current,
    Document,
    Host,
    Invalid,
    Lag,
    Poll,
    Publish,
    Published,
    Result,
    Standing,
    Superseded,
    TryLater,
    Version,
    ready,
)
from holdfast.propagation.desired import Catalogue
from holdfast.propagation.turns import Turns
from holdfast.propagation.upstream import Upstream

ANSWER_BEFORE_S = 0.5
"""A poll is answered this long before its caller gives up."""
FORGET_S = 900.0
"""A host that has not asked for this long is not counted as waiting any more."""


class DeliverySettings(msgspec.Struct, frozen=True):
    """How a scope's configuration goes to its hosts."""

    places: int = 64
    """Hosts that apply something at the same time, at most: the part of the fleet that one bad document reaches
    before its refusals are seen."""
    report_within_s: float = 60.0


class Waiting(msgspec.Struct):
    """A poll that is not answered yet."""

    id: int
    host: Host
    until_s: float


class Seen(msgspec.Struct):
    """What a host said last."""

    host: Host
    has: Version
    at_s: float
    against: Version = Version()
    """The newest that it refused."""
    why: str = ""

    def needs(self, desired: Version) -> bool:
        """Whether there is something to give: it has not applied it, and has not refused it."""
        return not ready(self.has, desired) and not ready(self.against, desired)


class Desk:
    """One scope's documents and hosts. Times are monotonic seconds of the caller's clock."""

    def __init__(self, settings: DeliverySettings, *, now_s: float) -> None:
        self.counter = Counter()
        self.catalogue = Catalogue()
        self.hosts: dict[str, Seen] = {}
        self.waiting: dict[str, Waiting] = {}
        self.turns = Turns(places=settings.places, report_within_s=settings.report_within_s)
        self.upstream = Upstream(now_s=now_s)
        self._caught_up = 0
        self._known = 0
        """The newest generation that any host said it has."""
        self._changed = False
        """Documents came in, and who waits has not been placed anew."""
        self._dues: list[tuple[float, int, str]] = []
        self._forget_s = now_s
        self._given = 0
        """The highest generation of a history that the store has lost: hosts may be on their way to it."""
        self._torn = False
        """The store was restored and has gone on from there: numbers alone would not show it any more."""

    # -- the store -------------------------------------------------------------------------------------------

    def take(self, counter: Counter, documents: tuple[Document, ...]) -> None:
        """What we wrote ourselves."""
        self.counter = counter
        self.catalogue.floor = counter.floor
        self._changed = True
        for document in documents:
            self.catalogue.take(document)

    def read(self, counter: Counter, documents: tuple[Document, ...], *, whole: bool) -> bool:
        """All that the store has now; False if it is not what it had, later.

        Then it was restored: the documents of the old history are forgotten, but not how far it was.
        """
        found = Catalogue(documents, floor=counter.floor, whole=whole)
        lost = counter.generation < self.counter.generation or (whole and not found.follows(self.catalogue))
        if lost:
            self._given, self._torn = max(self._given, self.counter.generation), True
        elif counter.floor > self.counter.floor:
            self._torn = False  # another service found the same, and has written it
        self.catalogue, self.counter, self._changed = found, counter, True
        return not lost

    def lost_history(self) -> Counter | None:
        """The counter to write when hosts know what the store does not: above all that they know, and all that
        they may have been given. With the same number for the floor everybody gets everything.
        """
        known = max(self._known, self._given)
        if known <= self.counter.generation and not self._torn:
            return None
        above = max(known, self.counter.generation) + 1
        return Counter(above, above, self.counter.history)

    def outran(self) -> None:
        """That counter is written."""
        self._torn = False

    # -- publishers ------------------------------------------------------------------------------------------

    def admit(self, ask: Publish, *, now_s: float) -> Result | None:
        """Whether a change may come in now; None: write it."""
        found = self.catalogue.find(ask.selector, ask.name)
        generation = found.generation if found is not None else 0
        if ask.expect is not None and ask.expect != generation:
            return Superseded(generation)
        if found is not None and (found.content, found.mode, found.deleted) == (
            ask.content,
            ask.mode,
            ask.deleted,
        ):
            return Published(generation)
        if ask.deleted and (found is None or found.deleted):
            return Invalid(f"there is no `{ask.name}` for {ask.selector}: nothing to remove")
        if not ask.deleted and (other := self.catalogue.in_the_way(ask.name)):
            return Invalid(f"`{ask.name}` can't lie beside `{other.name}`, published for {other.selector}")
        age_s = self.turns.backlog_age_s(now_s=now_s)
        after_s = self.upstream.admit(self._dirtied(ask.selector), age_s, now_s=now_s)
        if after_s > 0:
            return TryLater(after_s, f"hosts have waited for {age_s:.0f} s for what is published already")
        return None

    def _dirtied(self, selector: str) -> int:
        """Hosts that do not wait for anything yet, and would."""
        return sum(
            selector in seen.host.selectors and ready(seen.has, self.catalogue.desired(seen.host))
            for seen in self.hosts.values()
        )

    # -- hosts -----------------------------------------------------------------------------------------------

    def poll(self, id_: int, ask: Poll, timeout_s: float, *, now_s: float) -> list[tuple[int, Result]]:
        """A host asks. What it asked before is answered: it has gone on."""
        host, out = ask.host, self._drop(ask.host.name)
        before, desired = self.hosts.get(host.name), self.catalogue.desired(ask.host)
        seen = Seen(host, ask.has, now_s, ask.against, ask.why[:2000])
        if before is not None and seen.has.generation > before.has.generation:
            self._caught_up += ready(seen.has, desired)
        self._known = max(self._known, ask.applied)
        self._torn = self._torn or self._other_history(seen, desired)
        self.hosts[host.name] = seen
        if before is None or (seen.has, seen.against) != (before.has, before.against):
            self.turns.report(host)
        elif ask.told < 0:
            self.turns.began_anew(host, now_s=now_s)
        self._place(host, now_s=now_s)
        ours = self.lost_history() is None  # else the store was restored, and is outrun first
        if ours and ask.told != desired.generation and not seen.needs(desired):
            # It is ready, or it has refused all there is: it should know now.
            return [*out, (id_, Current(desired.generation, desired.digest))]
        until_s = now_s + max(0.0, timeout_s - ANSWER_BEFORE_S)
        self.waiting[host.name] = Waiting(id_, host, until_s)
        heapq.heappush(self._dues, (until_s, id_, host.name))
        return out

    def _other_history(self, seen: Seen, desired: Version) -> bool:
        """Whether the host has, of our numbers, what we never gave: above all that was ever for it."""
        known = seen.has.digest and desired.digest
        return bool(known) and desired.generation < seen.has.generation <= self.counter.generation

    def _place(self, host: Host, *, now_s: float) -> None:
        seen = self.hosts[host.name]
        if seen.needs(self.catalogue.desired(host)):
            self.turns.wait(host, self.catalogue.work(host, seen.has), now_s=now_s)
        else:
            self.turns.rest(host)

    def _drop(self, name: str) -> list[tuple[int, Result]]:
        old = self.waiting.pop(name, None)
        return [] if old is None else [(old.id, TryLater(1.0, "another poll of this host came in"))]

    def answers(self, *, now_s: float) -> list[tuple[int, Result]]:
        """Whoever can be answered now: those whose turn it is, and those whose caller is about to give up."""
        self.upstream.drained(self._caught_up, now_s=now_s)
        self.upstream.refill(self.turns.backlog_age_s(now_s=now_s), now_s=now_s)
        self._caught_up = 0
        if self._changed:
            self._changed = False
            for poll in self.waiting.values():
                self._place(poll.host, now_s=now_s)
        out: list[tuple[int, Result]] = []
        while (turn := self.turns.next(self.waiting, now_s=now_s)) is not None:
            poll = self.waiting.pop(turn)
            out.append((poll.id, self.catalogue.delivery(poll.host, self.hosts[turn].has)))
        while (due := self._due()) is not None and now_s >= due.until_s:
            del self.waiting[due.host.name]
            out.append((due.id, self._nothing(due.host)))
        self._forget(now_s)
        return out

    def _due(self) -> Waiting | None:
        """The poll that has to be answered first."""
        while self._dues:
            _, id_, name = self._dues[0]
            poll = self.waiting.get(name)
            if poll is not None and poll.id == id_:
                return poll
            heapq.heappop(self._dues)
        return None

    def _nothing(self, host: Host) -> Result:
        seen, desired = self.hosts[host.name], self.catalogue.desired(host)
        if not seen.needs(desired):
            return Current(desired.generation, desired.digest)
        return TryLater(0.0, "other hosts go first", desired.generation, desired.digest)

    def _forget(self, now_s: float) -> None:
        if now_s < self._forget_s:
            return
        self._forget_s = now_s + FORGET_S / 60
        for name in [
            n for n, seen in self.hosts.items() if now_s - seen.at_s > FORGET_S and n not in self.waiting
        ]:
            del self.hosts[name]
            self.turns.forget(name)

    def wake_in_s(self, *, now_s: float) -> float:
        """When something may be due without anybody calling."""
        due = self._due()
        return 1.0 if due is None else max(0.0, min(1.0, due.until_s - now_s))

    def standing(self, *, now_s: float) -> Standing:
        """All hosts, those that are not ready first, then by name."""
        lags = [self._lag(seen, now_s) for seen in self.hosts.values()]
        return Standing(self.counter.generation, tuple(sorted(lags, key=lambda lag: (lag.ready, lag.host.name))))

    def _lag(self, seen: Seen, now_s: float) -> Lag:
        desired = self.catalogue.desired(seen.host)
        turn = self.turns.turns.get(seen.host.name)
        waits_s = now_s - turn.since_s if turn is not None and turn.since_s is not None else 0.0
        is_ready = ready(seen.has, desired)
        return Lag(
            host=seen.host,
            applied=seen.has.generation,
            desired=desired.generation,
            ready=is_ready,
            waits_s=waits_s,
            refused=seen.against.generation
            if not is_ready and seen.against.generation > seen.has.generation
            else 0,
            why="" if is_ready else seen.why,
            quarantined=turn is not None and turn.quarantined,
        )
