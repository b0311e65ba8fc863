"""What every engine hands back."""

from __future__ import annotations

import msgspec

PROGRESS = "progress possible"
"""From every state a way leads to a converged one (I6): a property of states, not of steps."""
CONVERGES = "converges when faults stop"
"""Where a way leads to a converged state, every fair run without faults takes one, and stays (I6)."""


class Found(msgspec.Struct, frozen=True):
    """A broken property, and the choices that lead there from the start."""

    broken: str
    choices: tuple[int, ...]
    suspected: bool = False
    """No run is known that does it: an engine that finds runs has to confirm it."""


class Outcome(msgspec.Struct, frozen=True):
    """The end of a search. `complete` False means that a budget ran out: then nothing is proved.

    `units` are states, schedules or executions, by engine; `bounds` belongs into every sentence about it.
    """

    engine: str
    bounds: str
    units: str
    count: int
    steps: int
    seconds: float
    complete: bool
    found: Found | None = None
    terminal: frozenset[tuple[int, ...]] = frozenset()

    def sentence(self) -> str:
        """One sentence that never says more than was done."""
        units = self.units.removesuffix("s") if self.count == 1 else self.units
        rate = f"{self.count} {units} in {self.seconds:.2f} s ({self.count / max(self.seconds, 1e-9):,.0f}/s)"
        if self.found is not None and self.found.suspected:
            return f"{self.engine}: not proved for {self.bounds}: perhaps {self.found.broken}; {rate}"
        if self.found is not None:
            return f"{self.engine}: BROKEN for {self.bounds}: {self.found.broken}; {rate}"
        if self.complete:
            return f"{self.engine}: proved for {self.bounds}; {rate}"
        return f"{self.engine}: nothing found for {self.bounds}, but not proved: the budget ended first; {rate}"
