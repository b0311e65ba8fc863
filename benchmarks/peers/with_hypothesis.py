"""hypothesis: a rule-based state machine whose only rule lets one of the actors take a step."""

from __future__ import annotations

import time
import types
from collections.abc import Generator

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from october import FULL, EmptiedError, Region
from rows import RATE_S, TRIAL_S, Trial, found, over_seeds, rate

STEPS = 150
"""More than the race takes with everybody's last rest."""
BATCH = 200


@types.coroutine
def hop() -> Generator[None, None, None]:
    """To the state machine."""
    yield


class Counted:
    """What the machines have done since somebody looked."""

    examples = 0
    mended = False


class October(RuleBasedStateMachine):
    """Each example is one schedule; an actor is named by its place among those that have not ended."""

    def __init__(self) -> None:
        super().__init__()
        Counted.examples += 1
        region = Region(hop, mended=Counted.mended)
        self.running = [one() for one in region.everybody()]
        for one in self.running:
            one.send(None)

    @rule(number=st.integers(0, FULL.enactors))
    def step(self, number: int) -> None:
        """One actor goes on to its next message; nobody, once all have ended."""
        if not self.running:
            return
        one = self.running[number % len(self.running)]
        try:
            one.send(None)
        except StopIteration:
            self.running.remove(one)

    def teardown(self) -> None:
        """Whoever is left."""
        for one in self.running:
            one.close()


def _run(number: int, phases: tuple[Phase, ...], seconds: float) -> str:
    """Searches in batches, since hypothesis has no limit of time for a whole test; the failing example, if any."""
    Counted.examples, ends = 0, time.perf_counter() + seconds
    while time.perf_counter() < ends:
        said = _batch(number * 1_000_000 + Counted.examples, phases)
        if said:
            return said
    return ""


def _batch(number: int, phases: tuple[Phase, ...]) -> str:
    plan = settings(
        max_examples=BATCH,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    machine = seed(number)(type("Seeded", (October,), {}))
    try:
        run_state_machine_as_test(machine, settings=plan)
    except EmptiedError as error:
        return "\n".join(getattr(error, "__notes__", []))
    return ""


def main() -> None:
    """Without shrinking for the time to find, with it for what is left."""

    def search(number: int) -> tuple[bool, int]:
        broken = bool(_run(number, (Phase.generate,), TRIAL_S))
        return broken, Counted.examples

    trials = over_seeds(search)
    lucky = next((i for i, t in enumerate(trials) if t.found), None)
    shrinks, replays = "", ""
    if lucky is not None:
        small = _run(lucky, (Phase.generate, Phase.shrink), TRIAL_S)
        shrinks = f"{small.count('state.step(')} steps"
        replays = f"{sum(_run(lucky, (Phase.generate, Phase.shrink), TRIAL_S) == small for _ in range(3))} of 3"
    found("hypothesis", "stateful", trials, units="examples", shrinks=shrinks, replays=replays)
    Counted.mended = True
    begun = time.process_time()
    _run(0, (Phase.generate,), RATE_S)
    rate("hypothesis", "stateful", Trial(False, Counted.examples, time.process_time() - begun), units="examples")


if __name__ == "__main__":
    main()
