"""Sampling schedules: number `n` under a seed is always the same schedule, on any machine and over any processes.

The first ones run one by one (`engines.schedule`): most bugs show there. Then, where numpy is installed (extra
`lab`), thousands run side by side on arrays (`engines.flock`); the schedules are the same, only sooner. What is
found is the schedule of the smallest number that breaks something.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import msgspec

from holdfast.lab.engines.chance import Draws
from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.engines.schedule import STEPS_MAX, Schedule, as_choices
from holdfast.lab.engines.shares import WHOLE, Bound, OwnBound, Share
from holdfast.lab.engines.strategies import PORTFOLIO
from holdfast.lab.system import System

SINGLE = 200
"""Schedules that run one by one before many do side by side: those learn more at once than a quick find needs."""
LOOK_EVERY = 32
"""Schedules between two looks at the clock."""


class Sampled(msgspec.Struct, frozen=True):
    """Schedules that ran to their ends, their steps, and the smallest number that broke something, -1 for none."""

    schedules: int
    steps: int
    broken: int


def run_schedule(
    system: System, seed: int, number: int, steps_max: int = STEPS_MAX
) -> tuple[Schedule, str | None]:
    """The schedule of this number, and what it breaks."""
    draws = Draws(seed, number)
    run = Schedule(system, draws, PORTFOLIO[number % len(PORTFOLIO)](draws))
    return run, run.go(steps_max)


def sample(
    system: System,
    *,
    seed: int = 0,
    schedules: int = 1_000_000_000,
    seconds: float = 60.0,
    steps_max: int = STEPS_MAX,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Run schedules until one breaks a property, or a budget ends."""
    begun = time.perf_counter()
    done = run_share(
        system, seed=seed, end=schedules, until=begun + seconds, steps_max=steps_max, on_progress=on_progress
    )
    found = found_by(system, seed, done.broken, steps_max) if done.broken >= 0 else None
    return outcome_of(system, seed, done, time.perf_counter() - begun, found)


def outcome_of(system: System, seed: int, done: Sampled, seconds: float, found: Found | None) -> Outcome:
    """What sampling came to."""
    return Outcome(
        engine="sampler",
        bounds=f"{system.scenario.bounds}; seed {seed}",
        units="schedules",
        count=done.broken + 1 if found else done.schedules,
        steps=done.steps,
        seconds=seconds,
        complete=False,
        found=found,
    )


def found_by(system: System, seed: int, number: int, steps_max: int = STEPS_MAX) -> Found:
    """What the schedule of this number breaks, with its choices."""
    run, broken = run_schedule(system, seed, number, steps_max)
    assert broken, f"schedule {number} broke something and does not when it is run by itself"
    return Found(broken, as_choices(system, run.taken))


def run_share(
    system: System,
    *,
    seed: int,
    end: int,
    until: float,
    steps_max: int = STEPS_MAX,
    share: Share = WHOLE,
    bound: Bound | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Sampled:
    """Run a share of the schedules before number `end`, until `until` on the clock of `time.perf_counter`.

    `bound` is what the shares tell each other.
    """
    bound = OwnBound() if bound is None else bound
    say = on_progress or (lambda count: None)
    count = steps = 0
    side_by_side = importlib.util.find_spec("numpy") is not None
    last = min(end, SINGLE * share.shares) if side_by_side else end
    for number in filter(share.has, range(last)):
        if count and count % LOOK_EVERY == 0:
            say(count)
            if time.perf_counter() > until or bound.get() <= number:
                return Sampled(count, steps, -1)
        run, broken = run_schedule(system, seed, number, steps_max)
        steps += len(run.taken)
        count += 1
        if broken:
            bound.lower(number)
            return Sampled(count, steps, number)
    if last == end:
        return Sampled(count, steps, -1)
    from holdfast.lab.engines.flock.running import fly

    flown = fly(
        system,
        seed=seed,
        begin=last,
        end=end,
        until=until,
        steps_max=steps_max,
        share=share,
        bound=bound,
        on_progress=lambda more: say(count + more),
    )
    return Sampled(count + flown.schedules, steps + flown.steps, flown.broken)
