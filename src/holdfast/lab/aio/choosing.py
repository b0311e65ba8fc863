"""Who decides in a run: a tape that is followed, or a strategy of the sampler."""

from __future__ import annotations

import random
from collections.abc import Sequence

from holdfast.lab.aio.loop import PAUSE, RESUME, RUN, Option
from holdfast.lab.engines.strategies import Strategy

PAUSE_SHARE = 0.1
"""Chance that a choice is a pause while the budget lasts, and that a paused task goes on where others could."""


class Follow:
    """Takes the choices of a tape, and asyncio's own order after its end. `misfit` is the first that is none."""

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices, self._at = choices, 0
        self.misfit: str = ""

    def choose(self, options: Sequence[Option]) -> int:
        """The next choice of the tape."""
        at = self._at
        self._at += 1
        if at >= len(self._choices):
            return 0
        choice = self._choices[at]
        if choice < len(options):
            return choice
        self.misfit = self.misfit or f"choice {at + 1} asks for option {choice + 1}, of {len(options)} there"
        return 0


class Sampled:
    """A strategy of the sampler decides among those who can run; pauses come and go by chance."""

    def __init__(self, strategy: Strategy, chance: random.Random) -> None:
        self._strategy, self._random = strategy, chance.random

    def choose(self, options: Sequence[Option]) -> int:
        """An option, by the strategy."""
        ready = [i for i, o in enumerate(options) if o.what == RUN]
        if len(ready) < len(options) and (not ready or self._random() < PAUSE_SHARE):
            # With nobody ready these are "time passes" and the ends of pauses: long pauses find more.
            kinds = [i for i, o in enumerate(options) if o.what in (PAUSE, RESUME)]
            if ready or self._random() < PAUSE_SHARE:
                return kinds[int(self._random() * len(kinds))]
            return 0
        chosen = self._strategy.choose([options[i].who for i in ready])
        return next(i for i in ready if options[i].who == chosen)
