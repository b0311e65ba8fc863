"""Hosts as clients of the lease service: how soon they ask again, and what holds them back.

A *patient* host asks again after tau where it heard nothing, and with full jitter up to 60 s where it was refused
without a hint. An *eager* one asks again within seconds: for such clients the retry budget and the circuit breaker
of `overload` exist. They are set here as the shipped client sets them (`client.batching.Throttle`): renewals are
not thinned by the breaker, and a refusal with a hint counts as an answer.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec

from holdfast.fleet.design import JITTER_CAP_S, Design
from holdfast.leases.envelope import Fleet
from holdfast.overload import Breaker, BreakerSettings, BudgetSettings, RetryBudget

TRICKLE_LEAST_PER_S: Final = 0.1
RETRIES_PER_TTL: Final = 12.0
REJECTED_S: Final = 1.0
"""Whom its own breaker rejected asks it again after this."""


class Habits(msgspec.Struct, frozen=True):
    """How clients behave. The default is patient."""

    again_s: float = 0.0
    """Eager: again after at most so long, with full jitter. 0: patient."""

    @property
    def eager(self) -> bool:
        """Whether clients ask again within seconds."""
        return self.again_s > 0

    @property
    def refused_s(self) -> float:
        """The longest wait of a client that was refused without a hint."""
        return self.again_s or JITTER_CAP_S


class Restraint:
    """What holds one client back: its budget for retries, and its breaker."""

    __slots__ = ("_breaker", "_budget", "_failed")

    def __init__(self, design: Design, fleet: Fleet) -> None:
        trickle_per_s = max(TRICKLE_LEAST_PER_S, RETRIES_PER_TTL / fleet.ttl_s)
        self._budget = (
            RetryBudget(BudgetSettings(trickle_per_s=trickle_per_s), now_s=0.0) if design.retry_budget else None
        )
        self._breaker = Breaker(BreakerSettings.for_timeout(fleet.timeout_s)) if design.breaker else None
        self._failed = False

    def wait_s(self, *, renewal: bool, now_s: float, rng: random.Random) -> float:
        """0 if the client may ask now; else when it may ask itself again."""
        breaker, budget = self._breaker, self._budget
        if breaker is not None and not renewal and not breaker.allow(now_s=now_s, chance=rng.random()):
            return REJECTED_S
        if budget is None:
            return 0.0
        if not self._failed:
            budget.request(now_s=now_s)
            return 0.0
        return 0.0 if budget.retry(now_s=now_s) else max(REJECTED_S, budget.wait_s(now_s=now_s))

    def ended(self, *, renewal: bool, ok: bool, now_s: float) -> None:
        """How a call ended."""
        self._failed = not ok
        if self._breaker is not None and not renewal:
            self._breaker.record(ok=ok, now_s=now_s)


class Client:
    """One host: the call that it waits for, and its lease as it knows it."""

    __slots__ = ("attempt", "deadline_s", "lane", "restraint", "token")

    def __init__(self, deadline_s: float, restraint: Restraint | None) -> None:
        self.attempt = 0
        self.deadline_s = deadline_s
        self.token = 0
        self.lane = 0
        """Of its last call."""
        self.restraint = restraint
