"""The admission queue: lanes, bounds, finishability, switches."""

from __future__ import annotations

import heapq
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.overload import Admission, Job, Lane, LimiterSettings, Protections, Why
from holdfast.overload.admission import queue_budget_s
from holdfast.overload.service_times import ServiceTimes

RENEW, ESTABLISH = 0, 1
LANES = (Lane("renew", guess_s=0.001), Lane("establish", guess_s=0.01, newest_first=True))


def admission(*, limit: float = 1, protections: Protections | None = None) -> Admission[int]:
    """A queue of the two lanes in one pool."""
    return Admission(LANES, limiters={"": LimiterSettings.fixed(limit)}, protections=protections)


def filled(queue: Admission[int], lane: int, count: int) -> None:
    """Offer pieces 0, 1, ... that have all the time of the world."""
    for number in range(count):
        assert queue.offer(number, lane=lane, deadline_s=1000.0, now_s=0.0).admitted


def taken(queue: Admission[int], now_s: float = 0.0) -> Job[int]:
    """Take a piece and finish it."""
    job, dropped = queue.take(now_s=now_s)
    assert job is not None
    assert not dropped
    queue.finish(job, now_s=now_s + 0.001)
    return job


def test_the_first_lane_goes_strictly_first() -> None:
    """However long an establishment has waited, every waiting renewal is begun before it."""
    queue = admission()
    filled(queue, ESTABLISH, 3)
    filled(queue, RENEW, 5)
    assert [taken(queue).lane for _ in range(8)] == [RENEW] * 5 + [ESTABLISH] * 3


def test_short_line_serves_oldest_first_long_line_newest_first() -> None:
    """Above half depth the newest goes first; once the line is short again, the oldest."""
    queue = admission()
    depth = queue.depth(ESTABLISH)
    filled(queue, ESTABLISH, depth)
    assert taken(queue).payload == depth - 1
    short = admission()
    filled(short, ESTABLISH, 3)
    assert taken(short).payload == 0


def test_a_full_line_lets_the_oldest_go_for_the_newest() -> None:
    """The newcomer is admitted, and the evicted one is handed back to be told."""
    queue = admission()
    depth = queue.depth(ESTABLISH)
    filled(queue, ESTABLISH, depth)
    offered = queue.offer(99, lane=ESTABLISH, deadline_s=1000.0, now_s=1.0)
    assert offered.admitted
    assert offered.evicted is not None
    assert offered.evicted.payload == 0
    assert queue.waiting(ESTABLISH) == depth


def test_a_full_line_that_serves_oldest_first_refuses() -> None:
    """Without newest-first there is nobody to prefer the newcomer to."""
    queue = admission(protections=Protections(newest_first=False, finishable_at_admission=False))
    filled(queue, ESTABLISH, queue.depth(ESTABLISH))
    assert queue.offer(99, lane=ESTABLISH, deadline_s=1000.0, now_s=1.0).why is Why.FULL


def test_what_cannot_be_finished_is_refused_at_the_door() -> None:
    """Estimated wait + 1.5 p99 must be within the deadline; the same offer with more time is admitted."""
    queue = admission()
    assert queue.offer(1, lane=ESTABLISH, deadline_s=0.014, now_s=0.0).why is Why.UNFINISHABLE
    assert queue.offer(1, lane=ESTABLISH, deadline_s=0.016, now_s=0.0).admitted
    filled(queue, RENEW, 100)
    assert queue.wait_s(ESTABLISH) == pytest.approx(0.1 + 0.01)
    assert queue.offer(2, lane=ESTABLISH, deadline_s=0.12, now_s=0.0).why is Why.UNFINISHABLE
    assert queue.offer(2, lane=ESTABLISH, deadline_s=0.13, now_s=0.0).admitted


def test_a_stall_does_not_lock_the_service_up() -> None:
    """After pieces that took far longer than any client waits, an idle service tries one, and finds its pace."""
    queue = admission(limit=4)
    for number in range(4):
        assert queue.offer(number, lane=ESTABLISH, deadline_s=0.5, now_s=0.0).admitted
    jobs = [queue.take(now_s=0.0)[0] for _ in range(4)]
    for job in jobs:
        assert job is not None
        queue.finish(job, now_s=30.0)
    now_s = 31.0
    assert queue.times[ESTABLISH].p99_s == 30.0
    done = 0
    for number in range(400):
        now_s += 0.02
        offers = [queue.offer(number, lane=ESTABLISH, deadline_s=now_s + 0.5, now_s=now_s) for _ in range(2)]
        job, dropped = queue.take(now_s=now_s)
        assert not dropped
        assert job is not None, "an idle service tries"
        assert offers[0].admitted
        done += 1
        queue.finish(job, now_s=now_s + 0.01)
        while (job := queue.take(now_s=now_s + 0.01)[0]) is not None:
            done += 1
            queue.finish(job, now_s=now_s + 0.02)
    assert queue.times[ESTABLISH].p99_s < 0.03
    assert done > 450, "once the stall is forgotten, it queues again"


def after_a_crowd(*, per_s: float, crowd_s: float = 30.0, patience_s: float = 0.5) -> tuple[int, float]:
    """Work of about 0.1 s, eight at once, right after a crowd in which all took `crowd_s`: how many are refused in
    ten minutes, and until when.
    """
    queue: Admission[int] = Admission([Lane("work", 0.01)], limiters={"": LimiterSettings.fixed(8)})
    for number in range(256):
        assert queue.offer(number, lane=0, deadline_s=1e9, now_s=0.0).admitted
        job, _ = queue.take(now_s=0.0)
        assert job is not None
        queue.finish(job, now_s=crowd_s)
    rng, now_s, refused, last_s = random.Random(1), crowd_s, 0, 0.0
    ends: list[tuple[float, int, Job[int]]] = []

    def goes_on(at_s: float) -> int:
        job, dropped = queue.take(now_s=at_s)
        if job is not None:
            heapq.heappush(ends, (at_s + rng.uniform(0.05, 0.15), job.payload, job))
        return len(dropped)

    number = 0
    while now_s < crowd_s + 600:
        number += 1
        now_s += rng.expovariate(per_s)
        while ends and ends[0][0] <= now_s:
            end_s, _, job = heapq.heappop(ends)
            queue.finish(job, now_s=end_s)
            refused += goes_on(end_s)
        admitted = queue.offer(number, lane=0, deadline_s=now_s + patience_s, now_s=now_s).admitted
        sent_away = goes_on(now_s) + (not admitted)
        if sent_away:
            refused, last_s = refused + sent_away, now_s - crowd_s
    return refused, last_s


@pytest.mark.parametrize("per_s", [1.0, 5.0, 20.0])
def test_after_a_crowd_its_times_are_soon_forgotten(per_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tried piece that is done in time disproves them: refusals end within seconds. Without that they go on
    until 256 pieces were done."""
    refused, last_s = after_a_crowd(per_s=per_s)
    monkeypatch.setattr(ServiceTimes, "disproved", lambda times: None)
    before, before_s = after_a_crowd(per_s=per_s)
    print(f"\n{per_s:g} a second: {refused} refused, until {last_s:.1f} s; before {before}, {before_s:.1f} s")
    assert refused * 10 <= before
    assert last_s < 5.0 < 30.0 < before_s


def test_a_tried_piece_that_is_late_too_disproves_nothing() -> None:
    """The service is as slow as it was: what it knows of that is kept."""
    queue = admission(limit=4)
    now_s = 0.0
    for number in range(40):
        assert queue.offer(number, lane=ESTABLISH, deadline_s=now_s + 0.5, now_s=now_s).admitted
        job, _ = queue.take(now_s=now_s)
        assert job is not None
        now_s += 30.0
        queue.finish(job, now_s=now_s)
    assert queue.times[ESTABLISH].p99_s == 30.0
    assert queue.offer(41, lane=ESTABLISH, deadline_s=now_s + 46.0, now_s=now_s).admitted
    job, _ = queue.take(now_s=now_s)
    assert job is not None
    assert not job.tried, "it can be finished, by what is known"


def test_what_became_stale_while_it_waited_is_dropped_when_taken() -> None:
    """Work whose client gives up before it could be finished is handed back, not begun."""
    queue = admission()
    assert queue.offer(1, lane=ESTABLISH, deadline_s=1.0, now_s=0.0).admitted
    assert queue.offer(2, lane=ESTABLISH, deadline_s=9.0, now_s=0.0).admitted
    job, dropped = queue.take(now_s=0.99)
    assert job is not None
    assert (job.payload, [d.payload for d in dropped]) == (2, [1])


def test_stuck_workers_do_not_keep_the_waiting_in_the_dark() -> None:
    """`expire` drops what is stale while nothing can be taken, and leaves the others in their order."""
    queue = admission()
    filled(queue, ESTABLISH, 2)
    queue.take(now_s=0.0)
    assert queue.offer(7, lane=ESTABLISH, deadline_s=2.0, now_s=0.0).admitted
    assert queue.take(now_s=5.0) == (None, [])
    assert [job.payload for job in queue.expire(now_s=5.0)] == [7]
    assert queue.waiting(ESTABLISH) == 1


def test_a_lane_with_a_pool_of_its_own_keeps_no_other_waiting() -> None:
    """Establishments that hang on a slow database leave renewals their place."""
    lanes = (Lane("renew", 0.001, pool="memory"), Lane("establish", 0.01, pool="store"))
    queue: Admission[int] = Admission(lanes, limiters={"store": LimiterSettings.fixed(2)})
    filled(queue, ESTABLISH, 3)
    assert [queue.take(now_s=0.0)[0] is None for _ in range(3)] == [False, False, True]
    filled(queue, RENEW, 1)
    job, _ = queue.take(now_s=0.0)
    assert job is not None
    assert job.lane == RENEW


def test_naive_service_does_everything_in_order_however_stale() -> None:
    """With every switch off it is the service that collapses: one line, unbounded, oldest first."""
    queue = admission(protections=Protections.none())
    for number in range(500):
        offered = queue.offer(number, lane=number % 2, deadline_s=0.0, now_s=1.0)
        assert offered.admitted
        assert offered.evicted is None
    assert [taken(queue, now_s=2.0).payload for _ in range(500)] == list(range(500))


def test_queue_budget_follows_the_clients_timeout() -> None:
    """min(2 s, W / 6)."""
    assert queue_budget_s(60.0) == 2.0
    assert queue_budget_s(3.0) == 0.5


def test_it_imports_alone() -> None:
    """The library brings no other part of holdfast, and nothing from outside the standard library."""
    program = (
        "import sys; before = set(sys.modules); import holdfast.overload;"
        "new = {m for m in set(sys.modules) - before};"
        "print(sorted(m for m in new if m.startswith('holdfast.') and not m.startswith('holdfast.overload')"
        " or m.split('.')[0] in {'msgspec', 'click', 'dns', 'rich'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


switches = st.builds(
    Protections,
    strict_priority=st.booleans(),
    newest_first=st.booleans(),
    bounded_queue=st.booleans(),
    finishable_at_admission=st.booleans(),
    finishable_when_taken=st.booleans(),
    learnt_limit=st.booleans(),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.integers(0, 1), st.floats(0.0, 3.0)),
        st.tuples(st.just("take"), st.integers(0, 1), st.floats(0.0, 0.2)),
        st.tuples(st.just("finish"), st.integers(0, 5), st.floats(0.0, 0.2)),
    ),
    max_size=120,
)


@given(on=switches, limit=st.integers(1, 6), story=steps)
def test_every_piece_has_exactly_one_fate_and_the_rules_hold(
    on: Protections, limit: int, story: list[tuple[str, int, float]]
) -> None:
    """Nothing is lost or done twice; work conservation, priority and limit hold under any switches."""
    queue: Admission[int] = Admission(
        LANES, limiters={"": LimiterSettings(first=limit, least=1, most=8)}, protections=on
    )
    now_s, number, offered, ended = 0.0, 0, 0, 0
    working: list[Job[int]] = []
    for what, which, amount in story:
        if what == "offer":
            answer = queue.offer(number, lane=which, deadline_s=now_s + amount, now_s=now_s)
            number, offered = number + 1, offered + 1
            ended += (not answer.admitted) + (answer.evicted is not None)
        elif what == "take":
            now_s += amount
            renewals = queue.waiting(RENEW)
            room = queue.in_work() < max(1, int(queue.limit()))
            job, dropped = queue.take(now_s=now_s)
            ended += len(dropped)
            if job is None:
                # Work conservation: with room and work that is worth doing, something is begun.
                assert not room or not any(queue.waiting(lane) for lane in (RENEW, ESTABLISH))
            else:
                assert room
                working.append(job)
                if on.finishable_when_taken:
                    assert now_s < job.deadline_s
                if on.strict_priority and job.lane == ESTABLISH:
                    assert renewals == sum(d.lane == RENEW for d in dropped), "a renewal was passed over"
        elif working:
            now_s += amount
            queue.finish(working.pop(which % len(working)), now_s=now_s)
            ended += 1
    lines = {RENEW, ESTABLISH} if on.strict_priority else {RENEW}
    assert offered == ended + len(working) + sum(queue.waiting(lane) for lane in lines)
    assert queue.in_work() == len(working)


@given(st.integers(1, 400), st.integers(0, 40))
def test_line_never_grows_beyond_its_budget(offers: int, done: int) -> None:
    """However many come, the line holds at most its budget in seconds at the learnt rate."""
    queue = admission()
    for number in range(offers):
        queue.offer(number, lane=ESTABLISH, deadline_s=1e9, now_s=0.0)
        assert queue.waiting(ESTABLISH) <= queue.depth(ESTABLISH) == 200
    for _ in range(min(done, offers)):
        job, _ = queue.take(now_s=0.0)
        assert job is not None
        queue.finish(job, now_s=0.1)
    if done and offers > done:
        assert queue.depth(ESTABLISH) in (19, 20), "the rate is learnt: 0.1 s each"


def test_a_lane_is_needed() -> None:
    """A service without lanes is a mistake of its programmer, said at once."""
    with pytest.raises(ValueError, match="at least one lane"):
        Admission(())
