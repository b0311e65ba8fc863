"""A check is a scenario with the engine that searches it; the campaign is a list of them.

A search may be told to *heed* only some of its invariants: so it is told apart which of them notices a mutant.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holdfast.lab.engines.exhaustive import Limits, search
from holdfast.lab.engines.found import CONVERGES, PROGRESS, Outcome
from holdfast.lab.engines.modular import prove
from holdfast.lab.engines.sampling import sample
from holdfast.lab.system import Scenario, System

Build = Callable[[], Scenario]


class Heed(msgspec.Struct, frozen=True):
    """Which invariants a search heeds: `only` these (None: all), and never those of `without`.

    A coroutine that raises is a finding whatever is heeded.
    """

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name not in self.without and (self.only is None or name in self.only)

    def scenario(self, scenario: Scenario) -> Scenario:
        """The scenario with the heeded invariants alone."""
        kept = tuple(i for i in scenario.invariants if i.name in self)
        return msgspec.structs.replace(scenario, invariants=kept)


class Terms(msgspec.Struct, frozen=True):
    """How to search: seed of what is sampled, share of the usual budget, and what to heed."""

    seed: int = 0
    share: float = 1.0
    heed: Heed = Heed()


class Check(msgspec.Struct, frozen=True):
    """One search of the campaign."""

    name: str
    build: Build
    run: Callable[[Terms], Outcome]
    wedge: bool = False

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of all that it can find broken."""
        names = dict.fromkeys(i.name for i in self.build().invariants)
        return (*names, PROGRESS, CONVERGES) if self.wedge else tuple(names)


SECONDS = 60.0
"""Where one search of the campaign stops without an answer."""


def everything(name: str, build: Build, *, wedge: bool = False) -> Check:
    """Search all states; with `wedge` also that each has a way on to a converged one, and takes it."""

    def run(terms: Terms) -> Outcome:
        system = System(terms.heed.scenario(build()))
        limits = Limits(seconds=SECONDS * terms.share)
        return search(
            system,
            wedge=wedge and PROGRESS in terms.heed,
            settle=wedge and CONVERGES in terms.heed,
            limits=limits,
        )

    return Check(name, build, run, wedge)


def sampled(name: str, build: Build, schedules: int) -> Check:
    """Search a number of random schedules."""

    def run(terms: Terms) -> Outcome:
        system = System(terms.heed.scenario(build()))
        return sample(system, seed=terms.seed, schedules=int(schedules * terms.share), seconds=SECONDS)

    return Check(name, build, run)


def proved(name: str, build: Build, *, crowd: str) -> Check:
    """Prove it for any number of actors of one kind (`engines.modular`)."""
    return Check(name, build, lambda terms: prove(System(terms.heed.scenario(build())), crowd=crowd))
