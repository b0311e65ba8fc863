"""No wedge, for any number of actors: from wherever one may be, it can bring the world to converge alone.

Backward from the converged worlds over the steps of one of the crowd and of the actors outside of it, none of
them a fault: a pair that is never reached is stranded. Its fellows are taken as paused for ever, so a pair is
stranded too if it can only go on with their help; that is why a finding here is a suspicion.
"""

from __future__ import annotations

from collections import defaultdict

from holdfast.lab.engines.crowd import Crowd, World, changed
from holdfast.lab.engines.rows import Far, members
from holdfast.lab.engines.site import Site


def stranded(crowd: Crowd) -> str:
    """What is stranded, in words; empty if nothing is."""
    good = _Good(crowd).grown()
    for world in crowd.worlds:
        left = world.agents[-1] & ~good[world.number]
        if left:
            pending = crowd.system.agents.pending[next(members(left))]
            kind = crowd.system.actors[crowd.slot].kind
            what = type(pending).__name__
            return f"progress possible: a wedge: one {kind} alone, about to do {what}, can't converge"
    return ""


class _Good:
    """For each world, the agents that can converge alone from there."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._good = [0] * len(crowd.worlds)
        self._alone: dict[int, list[World]] = defaultdict(list)
        for before, after in crowd.alone:
            self._alone[after].append(crowd.worlds[before])
        self._far = _far_back(crowd)
        self._queue: list[World] = []

    def grown(self) -> list[int]:
        """Backward from the converged worlds until nothing is new."""
        goal = self._crowd.system.scenario.converged
        assert goal is not None, "the scenario does not say what converged means"
        reached: dict[Site, bool] = {}
        for world in self._crowd.worlds:
            if world.site not in reached:
                reached[world.site] = goal(self._crowd.system.view(world.state))
            if reached[world.site]:
                self._add(world, world.agents[-1], closed=True)
        while self._queue:
            self._back(self._queue.pop())
        return self._good

    def _back(self, world: World) -> None:
        """Who leads to the good ones of a world."""
        good = self._good[world.number]
        for before in self._alone[world.number]:
            self._add(before, good, closed=before.site is world.site)
        for before, far in self._far[world.number]:
            who = 0
            for agent in members(before.agents[-1] & far.who_calm & ~self._good[before.number]):
                if far.calm[agent] & good:
                    who |= 1 << agent
            self._add(before, who, closed=False)

    def _add(self, world: World, agents: int, *, closed: bool) -> None:
        """These are good, and with them all that may become one of them while the cells stay."""
        known = self._good[world.number]
        fresh = agents & world.agents[-1] & ~known
        if not fresh:
            return
        if not closed:
            fresh |= world.site.leading_to(fresh)
        self._good[world.number] = known | (fresh & world.agents[-1])
        self._queue.append(world)


def _far_back(crowd: Crowd) -> dict[int, list[tuple[World, Far]]]:
    """By world: those from which one of the crowd leads there, nothing going wrong, and how."""
    first = crowd.system.first_cell
    back: dict[int, list[tuple[World, Far]]] = defaultdict(list)
    for world in crowd.worlds:
        for place, table in enumerate(world.site.tables[:-1]):
            for cell, far in table.far.items():
                if world.agents[-1] & far.who_calm:
                    after = crowd.world(changed(world.state, first + place, cell))
                    if after is not None:
                        back[after.number].append((world, far))
    return back
