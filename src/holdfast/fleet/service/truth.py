"""What happened, by what is on the wire and in the store, without the rooms' code: counts, and who may hold what.

Three judgements (I7):
- *Two promised*: when an answer says that a lease is its asker's for a TTL from when it asked, nobody else has
  such a promise that still runs.
- *Two valid*: of the clients that want one lease, two call it valid at once.
- *Passed, and back*: a resource behind the shipped guard accepts a write under a grant from before another's.

The first two are judged between clients whose machine runs; a restored store breaks promises, and says so
(`forget_promises`): then only the third holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from holdfast.leases.guard import Accepted, Mark, check
from holdfast.model.lease import Ask, Establish, Granted, Lease, Renew, Result, TryLater

Who = tuple[str, str]
"""Key of a lease, and a holder."""


class Held(Protocol):
    """A lease in the hands of a client, as far as it is looked at here."""

    @property
    def valid(self) -> bool:
        """Whether the client calls it its own now."""
        ...


class Wrong(msgspec.Struct):
    """What must not happen, counted."""

    promised: int = 0
    valid: int = 0
    passed: int = 0

    @property
    def none(self) -> bool:
        """Whether nothing of it happened."""
        return not (self.promised or self.valid or self.passed)


class Counts(msgspec.Struct):
    """Since the last `anew`. Of establishments unless it says otherwise."""

    messages: int = 0
    calls: int = 0
    """Of all kinds."""
    attempts: int = 0
    begun: int = 0
    """Grants given to the store to write."""
    succeeded: int = 0
    """Grants that their asker heard of while it waited."""
    refused: int = 0
    renewals: int = 0
    renewals_refused: int = 0
    unanswered: int = 0
    """Messages."""
    lost: int = 0
    """Times that a client said that it lost a lease."""


class Loss(msgspec.Struct):
    """A lease that a client told to be lost, and when it had it again. Seconds of the world."""

    key: str
    holder: str
    lost_s: float
    back_s: float | None = None


class Truth:
    """See the module."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.wrong = Wrong()
        self.counts = Counts()
        self.losses: list[Loss] = []
        self.held: set[Who] = set()
        self.last_answered_s: dict[Who, float] = {}
        self.unanswered: set[Who] = set()
        """Not answered since the last `anew`."""
        self.all_answered_s: float | None = None
        self.recovered_s: float | None = None
        self._enough = 0
        self._excused_until_s = float("-inf")
        self._claims: dict[str, dict[str, Held]] = {}
        self._promises: dict[str, dict[str, float]] = {}
        self._waiting: set[Who] = set()
        """Establishments that somebody waits for."""
        self._begun: set[int] = set()
        self._granted: set[int] = set()
        self._lost: dict[Who, Loss] = {}
        self._resources: dict[str, _Resource] = {}
        self.grants: dict[Who, int] = {}

    def anew(self, *, enough: int) -> None:
        """Count from now; recovered once `enough` leases are held."""
        self.counts = Counts()
        self.unanswered = {
            (key, holder) for key, claims in self._claims.items() for holder in claims if len(claims) == 1
        }
        self.all_answered_s = self.recovered_s = None
        self._enough = enough
        self._look()

    def claims(self, key: str, holder: str, held: Held) -> None:
        """Somebody wants a lease."""
        self._claims.setdefault(key, {})[holder] = held

    def forget_promises(self, *, until_s: float) -> None:
        """The store was restored: what was promised before is void, and may look valid until then."""
        self._promises.clear()
        self._excused_until_s = until_s

    # -- on the wire -------------------------------------------------------------------------------------------

    def asked(self, asks: Iterable[Ask]) -> None:
        """A message leaves a client."""
        counts = self.counts
        counts.messages += 1
        for ask in asks:
            counts.calls += 1
            if isinstance(ask, Establish):
                counts.attempts += 1
                self._waiting.add((f"{ask.role}/{ask.name}", ask.holder))
            elif isinstance(ask, Renew):
                counts.renewals += 1

    def ended(self, asks: Iterable[Ask]) -> None:
        """Nobody waits for these any more, answered or not."""
        for ask in asks:
            if isinstance(ask, Establish):
                self._waiting.discard((f"{ask.role}/{ask.name}", ask.holder))

    def answered(self, asks: Iterable[Ask], results: Iterable[Result], *, asked_s: float) -> None:
        """Answers reach the client that waits for them."""
        counts = self.counts
        for ask, result in zip(asks, results, strict=True):
            if isinstance(result, TryLater):
                counts.refused += isinstance(ask, Establish)
                counts.renewals_refused += isinstance(ask, Renew)
            elif isinstance(result, Granted) and isinstance(ask, Establish | Renew):
                self._promised(f"{ask.role}/{ask.name}", ask.holder, result, asked_s)
        self.ended(asks)

    def _promised(self, key: str, holder: str, granted: Granted, asked_s: float) -> None:
        now_s = self._now_s()
        who = (key, holder)
        if granted.token not in self._granted:
            self._granted.add(granted.token)
            self.counts.succeeded += 1
            self.grants[who] = self.grants.get(who, 0) + 1
        promises = self._promises.setdefault(key, {})
        until_s = asked_s + granted.ttl_s
        if until_s > now_s and any(end_s > now_s for other, end_s in promises.items() if other != holder):
            self.wrong.promised += 1
        promises[holder] = until_s
        self.last_answered_s[who] = now_s
        self.unanswered.discard(who)
        if not self.unanswered and self.all_answered_s is None:
            self.all_answered_s = now_s

    def begins(self, lease: Lease) -> bool:
        """The service gives a lease to the store; whether nobody waits for it."""
        if lease.token in self._begun:
            return False  # written again, to settle what became of it
        self._begun.add(lease.token)
        self.counts.begun += 1
        return (lease.key, lease.holder) not in self._waiting

    # -- what clients say --------------------------------------------------------------------------------------

    def told_held(self, key: str, holder: str) -> None:
        """A client says that it has a lease now (again)."""
        who = (key, holder)
        self.held.add(who)
        lost = self._lost.pop(who, None)
        if lost is not None:
            lost.back_s = self._now_s()
        excused = self._now_s() < self._excused_until_s
        if not excused and sum(claim.valid for claim in self._claims[key].values()) > 1:
            self.wrong.valid += 1
        self._look()

    def told_lost(self, key: str, holder: str) -> None:
        """A client says that it lost a lease."""
        who = (key, holder)
        self.held.discard(who)
        self.counts.lost += 1
        self._lost[who] = loss = Loss(key, holder, self._now_s())
        self.losses.append(loss)

    def _look(self) -> None:
        if self.recovered_s is None and len(self.held) >= self._enough:
            self.recovered_s = self._now_s()

    # -- a resource behind the guard -----------------------------------------------------------------------------

    def writes(self, key: str, holder: str, *, token: int, grant: int) -> int:
        """A holder writes at the lease's resource, under its `grant`-th grant. 0, or what the guard knows."""
        return self._resources.setdefault(key, _Resource(self.wrong)).write(holder, token=token, grant=grant)


class _Resource:
    """The guard's mark, and the writes that were accepted."""

    def __init__(self, wrong: Wrong) -> None:
        self._wrong = wrong
        self._kept: Mark | None = None
        self._passed: set[tuple[str, int]] = set()
        self._last: tuple[str, int] | None = None

    def write(self, holder: str, *, token: int, grant: int) -> int:
        answer = check(self._kept, token=token, holder=holder)
        if not isinstance(answer, Accepted):
            return answer.highest
        self._kept = answer.mark
        if self._last not in (None, (holder, grant)):
            self._passed.add(self._last)
        self._wrong.passed += (holder, grant) in self._passed
        self._last = (holder, grant)
        return 0
