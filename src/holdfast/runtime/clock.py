"""Time for one actor: named timers on the monotonic clock, and rest that a store's hint can cut short (R16).

Each actor has a clock of its own: timers are named by the actor, and two actors may choose the same name.
Rooms never see a time; jitter lives here and nowhere else, from a generator that can be seeded.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import msgspec

from holdfast.ports.clock import ATTEMPT_MAX, Arm, Disarm, Fired, Idle, Now, Rest
from holdfast.stores.port import Subscription

SUBSCRIPTIONS_MAX = 8
"""Sets of hints that a clock stays subscribed to; a loop uses one or two."""


class Pacing(msgspec.Struct, frozen=True):
    """How long a rest takes. Retry: full jitter below an exponential ceiling, so that losers spread out."""

    poll_s: float = 2.0
    poll_jitter_share: float = 0.1
    """A poll lasts `poll_s` within this share of it: actors started together must not read in step for ever."""
    retry_base_s: float = 0.2
    retry_cap_s: float = 10.0
    turn_min_s: float = 0.02
    turn_max_s: float = 0.1


def backoff_s(pacing: Pacing, *, attempt: int, rng: random.Random) -> float:
    """Full jitter: uniform between the shortest turn and `base * 2^attempt`, the ceiling capped."""
    ceiling_s = min(pacing.retry_cap_s, pacing.retry_base_s * 2.0 ** min(attempt, ATTEMPT_MAX))
    return rng.uniform(min(pacing.turn_min_s, ceiling_s), ceiling_s)


class ProcessClock:
    """Answers `ports.clock`. `subscribe` gives hints (a store's method); without it only time wakes."""

    def __init__(
        self,
        *,
        subscribe: Callable[[tuple[str, ...]], Subscription] | None = None,
        pacing: Pacing | None = None,
        rng: random.Random | None = None,
        now_s: Callable[[], float] = time.monotonic,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self.pacing = Pacing() if pacing is None else pacing
        self._rng = random.Random() if rng is None else rng  # noqa: S311 - jitter, not secrets
        self._now_s = now_s
        self._unix_s = unix_s
        self._subscribe = subscribe
        self._subscriptions: dict[tuple[str, ...], Subscription] = {}
        self._deadlines_s: dict[str, float] = {}

    async def arm(self, op: Arm) -> None:
        """Start a timer; the first start counts."""
        if op.timer not in self._deadlines_s:
            self._deadlines_s[op.timer] = self._now_s() + op.after_s

    async def fired(self, op: Fired) -> frozenset[str]:
        """Which of these timers have fired."""
        now_s = self._now_s()
        deadlines = self._deadlines_s
        return frozenset(timer for timer in op.timers if timer in deadlines and deadlines[timer] <= now_s)

    async def disarm(self, op: Disarm) -> None:
        """Forget timers."""
        for timer in op.timers:
            self._deadlines_s.pop(timer, None)

    async def now(self, op: Now) -> int:
        """Unix time, for the thaw timer alone."""
        return int(self._unix_s())

    async def idle(self, op: Idle) -> bool:
        """Rest as `op.rest` says; True if a hint woke us.

        A hint that came since the last rest under the same prefixes counts: it wakes at once. So does the
        first rest under new prefixes, or a change between the loop's reading and its subscription would wait
        for the poll.
        """
        pacing, rng = self.pacing, self._rng
        if op.rest is Rest.TURN:
            await asyncio.sleep(rng.uniform(pacing.turn_min_s, pacing.turn_max_s))
            return False
        if op.rest is Rest.POLL:
            jitter = pacing.poll_jitter_share
            return await self._rest(op.hints, rng.uniform(1 - jitter, 1 + jitter) * pacing.poll_s)
        whole_s = backoff_s(pacing, attempt=op.attempt, rng=rng)
        base_s = min(whole_s, pacing.retry_base_s)
        # A hint may cut a retry short, but not below its base: a busy store would turn backoff into a hot loop.
        await asyncio.sleep(base_s)
        return await self._rest(op.hints, whole_s - base_s)

    def forget(self) -> None:
        """What a restart of the actor forgets: all timers, all subscriptions."""
        self._deadlines_s.clear()
        for subscription in self._subscriptions.values():
            subscription.close()
        self._subscriptions.clear()

    async def _rest(self, hints: tuple[str, ...], for_s: float) -> bool:
        if not hints or self._subscribe is None:
            await asyncio.sleep(for_s)
            return False
        subscription = self._subscriptions.get(hints)
        if subscription is None:
            self._open(hints, self._subscribe)
            return True
        if subscription.take():
            # Others get their turn even if hints never stop coming.
            await asyncio.sleep(0)
            return True
        try:
            async with asyncio.timeout(for_s):
                await subscription.wait()
        except TimeoutError:
            return False
        return True

    def _open(self, hints: tuple[str, ...], subscribe: Callable[[tuple[str, ...]], Subscription]) -> None:
        if len(self._subscriptions) == SUBSCRIPTIONS_MAX:
            oldest = next(iter(self._subscriptions))
            self._subscriptions.pop(oldest).close()
        self._subscriptions[hints] = subscribe(hints)
