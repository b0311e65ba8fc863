"""Which work a service takes in, and what it does next. The whole server side of overload protection.

    offer --refused: full, or could not be finished in time
      |
      v                   lanes: strict priority; in a lane oldest first, newest first above half depth
    waiting --evicted: a newer one found the line full
      |
    take --dropped: can't be finished in time any more
      |
      v                   at most `limit` at once, learnt, in each pool
    in work -> finish

Whoever is refused, evicted or dropped must be told at once, with a hint when to come back (`hints`): silence would
make it wait for nothing and retry into the same queue. A piece of work that is begun is worth finishing; what can
not be finished is never begun (congestive collapse is a server busy with work that nobody waits for any more).

Figures: queue budget min(2 s, W / 6) for a client time-out W; admitted if estimated wait + 1.5 x p99 of the
service time is within the deadline (facts on leases and overload).

One exception: when nothing is in work, one piece is tried whatever the times of before say (`_may_probe`). If it
is done in time, they hold no more, and half of them is forgotten.

A running value without I/O: `now_s` is any monotonic clock, always the same one. Not thread-safe.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from holdfast.overload.lane_queue import LaneQueue
from holdfast.overload.limiter import GradientLimiter, LimiterSettings
from holdfast.overload.service_times import KEPT, ServiceTimes

T = TypeVar("T")

MARGIN: Final = 1.5
"""Of the p99 service time, kept free before a deadline."""
QUEUE_BUDGET_S: Final = 2.0


def queue_budget_s(timeout_s: float) -> float:
    """How many seconds of work may wait, for clients that time out after `timeout_s`: min(2 s, W / 6)."""
    return min(QUEUE_BUDGET_S, timeout_s / 6)


class Why(enum.Enum):
    """Why work was not done. All three are refusals: the client is told, and comes back by its hint."""

    FULL = "the queue is full"
    UNFINISHABLE = "it could not be finished before its deadline"
    EVICTED = "newer work took its place in the queue"


@dataclass(frozen=True, slots=True)
class Lane:
    """A kind of work. Lanes are given in order of priority, the first strictly before the others.

    `guess_s` is what a piece takes until that is learnt. The line holds `queue_budget_s` seconds of work, and at
    least `depth_least` pieces. Lanes of one `pool` share a limit; a lane that waits for something else (a
    database, where the others need only the processor) has a pool of its own: it can't keep the others waiting.
    """

    name: str
    guess_s: float
    queue_budget_s: float = QUEUE_BUDGET_S
    newest_first: bool = False
    depth_least: int = 8
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Protections:
    """Each protection by itself. All on is how a service runs; the switches are for measuring their worth."""

    strict_priority: bool = True
    newest_first: bool = True
    bounded_queue: bool = True
    finishable_at_admission: bool = True
    finishable_when_taken: bool = True
    learnt_limit: bool = True

    @classmethod
    def none(cls) -> Protections:
        """A naive service: one unbounded line, oldest first, everything begun, however stale."""
        return cls(
            strict_priority=False,
            newest_first=False,
            bounded_queue=False,
            finishable_at_admission=False,
            finishable_when_taken=False,
            learnt_limit=False,
        )


class Job(Generic[T]):
    """A piece of work that was admitted. `deadline_s`: after it nobody waits for the result."""

    __slots__ = ("arrived_s", "begun_s", "deadline_s", "in_work", "lane", "payload", "tried")

    def __init__(self, payload: T, lane: int, deadline_s: float, arrived_s: float) -> None:
        self.payload = payload
        self.lane = lane
        self.deadline_s = deadline_s
        self.arrived_s = arrived_s
        self.begun_s = arrived_s
        self.in_work = 0
        self.tried = False
        """Begun although it could not be finished, by the times of before."""


class Offered(Generic[T]):
    """What became of an offer: refused if `why` is given. `evicted` had to leave for it, and must be told."""

    __slots__ = ("evicted", "why")

    def __init__(self, why: Why | None = None, evicted: Job[T] | None = None) -> None:
        self.why = why
        self.evicted = evicted

    @property
    def admitted(self) -> bool:
        """Whether it waits for its turn now."""
        return self.why is None


# Shared answers: most offers need no value of their own.
ADMITTED: Final[Offered[Any]] = Offered()
_FULL: Final[Offered[Any]] = Offered(Why.FULL)
_UNFINISHABLE: Final[Offered[Any]] = Offered(Why.UNFINISHABLE)


class _Pool:
    """What lanes share: how much of it is in work, and how much may be."""

    __slots__ = ("in_work", "limiter")

    def __init__(self, settings: LimiterSettings | None, *, learns: bool) -> None:
        settings = LimiterSettings() if settings is None else settings
        self.limiter = GradientLimiter(settings if learns else LimiterSettings.fixed(settings.first))
        self.in_work = 0

    @property
    def full(self) -> bool:
        return self.in_work >= max(1, int(self.limiter.limit))


class Admission(Generic[T]):
    """The admission queue of one service."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        limiters: Mapping[str, LimiterSettings] | None = None,
        protections: Protections | None = None,
    ) -> None:
        """`limiters` by pool; `first` of its settings is the limit for good where learning is switched off."""
        if not lanes:
            raise ValueError("a service has at least one lane")
        self.protections = Protections() if protections is None else protections
        self.lanes = tuple(lanes)
        self.times = tuple(ServiceTimes(lane.guess_s) for lane in lanes)
        """Service times by lane."""
        given = {} if limiters is None else limiters
        pools = {lane.pool: _Pool(given.get(lane.pool), learns=self.protections.learnt_limit) for lane in lanes}
        self._pools = tuple(pools[lane.pool] for lane in lanes)
        self._rates_per_s = [0.0] * len(self.lanes)
        self._depths = [0] * len(self.lanes)
        self._learn()
        on = self.protections
        if on.strict_priority:
            self._queues = tuple(
                LaneQueue[Job[T]](newest_first=on.newest_first and lane.newest_first) for lane in lanes
            )
        else:
            newest = on.newest_first and any(lane.newest_first for lane in lanes)
            self._queues = (LaneQueue[Job[T]](newest_first=newest),) * len(lanes)

    # -- what it knows -------------------------------------------------------------------------------------

    def limit(self, lane: int = 0) -> float:
        """How many pieces may be in work at once in this lane's pool."""
        return self._pools[lane].limiter.limit

    def in_work(self, lane: int = 0) -> int:
        """How many pieces are in work in this lane's pool."""
        return self._pools[lane].in_work

    def waiting(self, lane: int) -> int:
        """How many pieces wait in the line of this lane."""
        return len(self._queues[lane])

    def rate_per_s(self, lane: int) -> float:
        """How many pieces of this lane the service could do in a second, if it did nothing else (Little's law)."""
        return self._rates_per_s[lane]

    def depth(self, lane: int) -> int:
        """How many pieces the line of this lane may hold: its budget in seconds, at the learnt rate."""
        return self._depths[lane]

    def wait_s(self, lane: int) -> float:
        """How long a piece that comes now would wait: the work before it, at the learnt rates."""
        queues, rates_per_s = self._queues, self._rates_per_s
        wait_s = 0.0
        if lane and self.protections.strict_priority:
            for higher in range(lane):
                wait_s += len(queues[higher]) / rates_per_s[higher]
        mine = queues[lane]
        if mine and not mine.turned(self._depths[lane]):
            wait_s += len(mine) / rates_per_s[lane]
        if self._pools[lane].full:
            wait_s += 1 / rates_per_s[lane]  # somebody must finish first
        return wait_s

    def _learn(self) -> None:
        """Rates and depths change only when something finishes: an offer must not pay for them."""
        for lane, (mine, times, pool) in enumerate(zip(self.lanes, self.times, self._pools, strict=True)):
            rate_per_s = pool.limiter.limit / times.mean_s
            self._rates_per_s[lane] = rate_per_s
            self._depths[lane] = max(mine.depth_least, int(mine.queue_budget_s * rate_per_s))

    # -- what is done --------------------------------------------------------------------------------------

    def offer(self, payload: T, *, lane: int, deadline_s: float, now_s: float) -> Offered[T]:
        """Take work in, or refuse it."""
        on = self.protections
        if on.finishable_at_admission:
            needs_s = self.wait_s(lane) + MARGIN * self.times[lane].p99_s
            if now_s + needs_s > deadline_s and not self._may_probe(lane, deadline_s, now_s):
                return _UNFINISHABLE
        queue = self._queues[lane]
        evicted = None
        if on.bounded_queue and len(queue) >= self._depths[lane]:
            if not queue.newest_first:
                return _FULL
            evicted = queue.evict()
        queue.put(Job(payload, lane, deadline_s, now_s))
        return ADMITTED if evicted is None else Offered(evicted=evicted)

    def take(self, *, now_s: float, lanes: int | None = None) -> tuple[Job[T] | None, list[Job[T]]]:
        """The next piece to begin (from the first so many lanes, if given), and what is dropped as stale. None:
        nothing waits that may begin now.
        """
        dropped: list[Job[T]] = []
        for lane, queue in enumerate(self._queues[:lanes]):
            while queue and not self._pools[lane].full:
                job = queue.pop(self._depths[lane])
                job.tried = self._unfinishable(job, now_s)
                if job.tried and not self._may_probe(job.lane, job.deadline_s, now_s):
                    dropped.append(job)
                    continue
                pool = self._pools[job.lane]
                pool.in_work += 1
                job.begun_s = now_s
                job.in_work = pool.in_work
                return job, dropped
        return None, dropped

    def finish(self, job: Job[T], *, now_s: float, ok: bool = True) -> None:
        """A piece that was taken is done. A failure (not `ok`) teaches nothing about its pace, unless it took
        long; nor does work of which one knows only that it took at least so long.
        """
        pool = self._pools[job.lane]
        at_end = pool.in_work
        pool.in_work -= 1
        took_s = now_s - job.begun_s
        if ok:
            self.times[job.lane].observe(took_s)
            if job.tried and now_s <= job.deadline_s:
                self.times[job.lane].disproved()
        if self.protections.learnt_limit and (ok or took_s > pool.limiter.baseline_s(job.lane)):
            pool.limiter.observe(took_s, in_work=job.in_work, at_end=at_end, kind=job.lane, ok=ok)
        self._learn()

    def learn(self, *, lane: int, took_s: float, pieces: int) -> None:
        """So many pieces took so long together: for work done in steps, whose pieces have no time of their own.

        Such pieces are taken and finished with `ok=False`, which teaches nothing.
        """
        for _ in range(min(pieces, KEPT)):
            self.times[lane].observe(took_s / pieces)
        self._learn()

    def expire(self, *, now_s: float, lane: int | None = None) -> list[Job[T]]:
        """Drop everything that waits (in one lane's line, if given) and can't be finished any more, without
        beginning anything.

        For a service whose workers are all stuck: nothing is taken then, and its clients would hear nothing.
        """
        dropped: list[Job[T]] = []
        for queue in dict.fromkeys(self._queues if lane is None else (self._queues[lane],)):
            for _ in range(len(queue)):
                job = queue.evict()
                if self._unfinishable(job, now_s) and not self._may_probe(job.lane, job.deadline_s, now_s):
                    dropped.append(job)
                else:
                    queue.put(job)
        return dropped

    def _unfinishable(self, job: Job[T], now_s: float) -> bool:
        if not self.protections.finishable_when_taken:
            return False
        return now_s + MARGIN * self.times[job.lane].p99_s > job.deadline_s

    def _may_probe(self, lane: int, deadline_s: float, now_s: float) -> bool:
        """An idle service tries: after a stall it would refuse everything by its own memory of the stall, do
        nothing, and so never learn that it is over. A guess is no memory: what it forbids stays forbidden.
        """
        idle = not self._pools[lane].in_work and not self._queues[lane]
        return idle and now_s < deadline_s and self.times[lane].seen
