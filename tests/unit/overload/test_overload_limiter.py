"""The gradient limiter, against a server that is kept as full as the limit allows."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.overload import GradientLimiter, LimiterSettings

Spread = Callable[[random.Random], float]
"""How times vary by nature: a factor of mean 1."""


def even(rng: random.Random) -> float:
    """By a tenth."""
    return rng.uniform(0.9, 1.1)


def exponential(rng: random.Random) -> float:
    """As where the work itself differs."""
    return rng.expovariate(1.0)


def lognormal(rng: random.Random) -> float:
    """With a tail."""
    return rng.lognormvariate(-0.5, 1.0)


SPREADS: Sequence[Spread] = (even, exponential, lognormal)
RENEW, ESTABLISH = 0, 1
COSTS = (1.0, 4.0)


class Server:
    """`slots` pieces are done side by side; beyond them all are slower by as much, and a little more."""

    def __init__(
        self, limiter: GradientLimiter, *, slots: int, base_s: float = 0.01, spread: Spread = even, seed: int = 1
    ) -> None:
        self.limiter, self.slots, self.base_s, self.spread = limiter, slots, base_s, spread
        self.rng = random.Random(seed)
        self.running: list[tuple[float, int, float, int, int]] = []
        self.now_s = 0.0
        self.begun = 0

    def run(self, pieces: int, *, renewals_share: float = 1.0) -> float:
        """So many pieces end; the share of its capacity that it used."""
        began_s, done = self.now_s, 0.0
        for _ in range(pieces):
            while len(self.running) < max(1, int(self.limiter.limit)):
                self._begin(RENEW if self.rng.random() < renewals_share else ESTABLISH)
            at_end = len(self.running)
            self.now_s, _, took_s, in_work, kind = heapq.heappop(self.running)
            self.limiter.observe(took_s, in_work=in_work, at_end=at_end, kind=kind)
            done += COSTS[kind]
        return done * self.base_s / self.slots / (self.now_s - began_s)

    def _begin(self, kind: int) -> None:
        in_work = len(self.running) + 1
        over = max(0.0, in_work / self.slots - 1)
        took_s = self.base_s * COSTS[kind] * (1 + over) * (1 + 0.05 * over) * self.spread(self.rng)
        self.begun += 1
        heapq.heappush(self.running, (self.now_s + took_s, self.begun, took_s, in_work, kind))


@pytest.mark.parametrize("slots", [8, 20, 100])
def test_it_finds_the_capacity_and_stays_there(slots: int) -> None:
    """From 16, the limit settles where all slots are busy, within the tolerance, and does not creep under load."""
    server = Server(GradientLimiter(), slots=slots)
    server.run(4000)
    seen = []
    for _ in range(7):
        assert server.run(1500) > 0.85
        seen.append(server.limiter.limit)
    assert all(slots <= limit <= 2 * slots for limit in seen), seen
    assert max(seen) <= 1.3 * min(seen), f"it creeps: {seen}"


@pytest.mark.parametrize("first", [32, 64])
def test_a_first_limit_far_too_high_teaches_no_crowded_baseline(first: int) -> None:
    """32 or 64 on 8 workers: half of that is still a crowd, so it is no measure of what is not."""
    server = Server(GradientLimiter(LimiterSettings(first=first)), slots=8)
    server.run(4000)
    assert server.limiter.baseline_s() == pytest.approx(0.01, rel=0.1)
    assert server.limiter.limit < 16


@pytest.mark.parametrize("spread", SPREADS)
def test_a_kind_first_seen_in_a_crowd_has_no_crowded_baseline(spread: Spread) -> None:
    """Establishments fill the pool, then renewals come, most of all work: the limit stays what it was."""
    server = Server(GradientLimiter(), slots=8, spread=spread)
    server.run(6000, renewals_share=0.0)
    server.run(6000, renewals_share=0.95)
    assert server.limiter.baseline_s(RENEW) < (1.1 if spread is even else 1.5) * server.base_s
    assert server.limiter.limit < (15 if spread is even else 24)
    assert server.run(1500) > 0.85


def test_a_kind_that_is_not_known_yet_leaves_the_limit_to_those_that_are() -> None:
    """A third of the work is of a kind never seen uncrowded: nothing is held down for it, and nothing moves."""
    server = Server(GradientLimiter(), slots=8)
    server.run(6000, renewals_share=0.0)
    seen = []
    for _ in range(20):
        server.run(200, renewals_share=0.3)
        seen.append(server.limiter.limit)
    assert server.limiter.baseline_s(RENEW) == 0
    assert all(10 < limit < 16 for limit in seen), seen


def test_measuring_costs_some_service_times_once() -> None:
    """It is held down for a kind first seen in a crowd; after 2,000 pieces that has cost next to nothing."""
    server = Server(GradientLimiter(), slots=8)
    server.run(6000, renewals_share=0.0)
    held = 0
    began_s = server.now_s
    for _ in range(2000):
        server.run(1, renewals_share=1.0)
        held += server.limiter.limit == 4
    assert 8 <= held <= 40
    assert 2000 * server.base_s / 8 / (server.now_s - began_s) > 0.9


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("slots", [8, 20])
def test_times_that_vary_by_nature_are_no_crowd(slots: int, spread: Spread) -> None:
    """The mean of exponential times is far above the fast ones; the server is kept busy all the same."""
    server = Server(GradientLimiter(), slots=slots, spread=spread)
    server.run(4000)
    assert server.run(4000) > 0.85
    assert server.limiter.limit < 3 * slots


@pytest.mark.parametrize("spread", SPREADS)
def test_it_follows_a_server_that_became_slower_or_faster_for_good(spread: Spread) -> None:
    """Ten times slower: the limit goes to its floor, learns there, and comes back. Faster: it measures anew."""
    server = Server(GradientLimiter(), slots=20, spread=spread)
    server.run(4000)
    for base_s in (0.1, 0.01):
        server.base_s = base_s
        server.run(5000)
        assert server.run(2000) > 0.85
        assert 20 <= server.limiter.limit <= 60
        assert 0.4 * base_s < server.limiter.baseline_s() < 1.3 * base_s


@settings(max_examples=15, deadline=None)
@given(
    slots=st.integers(2, 40),
    first=st.integers(4, 80),
    spread=st.sampled_from(SPREADS),
    shares=st.lists(st.sampled_from([0.0, 0.5, 0.95, 1.0]), min_size=1, max_size=2),
    seed=st.integers(0, 1000),
)
def test_whatever_comes_first_it_ends_near_the_capacity(
    slots: int, first: int, spread: Spread, shares: list[float], seed: int
) -> None:
    """Any server, first limit and order of kinds: in the end the server is busy, and not much more than busy."""
    server = Server(GradientLimiter(LimiterSettings(first=first)), slots=slots, spread=spread, seed=seed)
    for share in shares:
        server.run(5000, renewals_share=share)
    assert server.limiter.limit < 3.5 * max(slots, 4)
    assert server.run(1500, renewals_share=shares[-1]) > (0.85 if spread is even else 0.6)


@given(
    st.lists(
        st.tuples(
            st.floats(-1, 1e4), st.integers(1, 2000), st.integers(0, 2000), st.integers(0, 2), st.booleans()
        ),
        max_size=200,
    )
)
def test_limit_stays_within_its_bounds(samples: list[tuple[float, int, int, int, bool]]) -> None:
    """Whatever is observed; and no baseline is above the slowest that was seen uncrowded."""
    limiter = GradientLimiter(LimiterSettings(first=10, least=2, most=50))
    slowest_s = [0.0] * 3
    for took_s, in_work, at_end, kind, ok in samples:
        if ok and max(in_work, at_end) <= 2:
            slowest_s[kind] = max(slowest_s[kind], took_s, 1e-6)
        limiter.observe(took_s, in_work=in_work, at_end=at_end, kind=kind, ok=ok)
        assert 2 <= limiter.limit <= 50
        assert limiter.baseline_s(kind) <= slowest_s[kind] * (1 + 1e-9)


@pytest.mark.parametrize(("first", "rounds"), [(16, 2), (64, 4)])
def test_a_first_limit_that_is_right_is_reached_in_some_rounds(first: int, rounds: int) -> None:
    """From the floor it doubles with each round that is not slow: so a guess that is wrong costs no crowd."""
    limiter = GradientLimiter(LimiterSettings(first=first))
    for _ in range(8):
        limiter.observe(0.01, in_work=4)
    for _ in range(rounds):
        for _ in range(int(limiter.limit)):
            limiter.observe(0.01, in_work=int(limiter.limit))
    assert limiter.limit == first


def test_kinds_of_work_are_not_measured_by_each_other() -> None:
    """Work that takes a hundred times as long by nature does not shrink the limit."""
    limiter = GradientLimiter()
    for _ in range(300):
        limiter.observe(0.001, in_work=int(limiter.limit), kind=0)
        limiter.observe(0.1, in_work=int(limiter.limit), kind=1)
    assert limiter.limit > 25


def test_the_first_call_and_one_pause_are_no_pace() -> None:
    """The first of all takes a thousand times as long (connections are made), a later one too (a pause)."""
    limiter = GradientLimiter()
    for number in range(40):
        limiter.observe(10.0 if number in (0, 20) else 0.01, in_work=1)
        assert limiter.baseline_s() <= 0.0121
    assert limiter.baseline_s() == pytest.approx(0.01, rel=0.05)


def test_what_failed_says_nothing_about_a_baseline() -> None:
    """Time-outs of a dead database are not its pace; in a crowd they shrink the limit all the same."""
    limiter = GradientLimiter()
    for _ in range(50):
        limiter.observe(5.0, in_work=1, ok=False)
    assert limiter.baseline_s() == 0
    for _ in range(60):
        limiter.observe(0.01, in_work=int(limiter.limit))
    assert limiter.limit >= 16
    for _ in range(300):
        limiter.observe(5.0, in_work=int(limiter.limit), ok=False)
    assert limiter.limit == 4
    assert limiter.baseline_s() == pytest.approx(0.01)


def test_what_grew_crowded_until_its_end_is_no_baseline() -> None:
    """Begun alone, but a crowd had come when it ended."""
    limiter = GradientLimiter()
    for _ in range(20):
        limiter.observe(1.0, in_work=1, at_end=16)
    assert limiter.baseline_s() == 0
