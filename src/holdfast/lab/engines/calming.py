"""The calmest telling of one run: the same steps with the same results, in an order with the fewest preemptions.

Two steps of different actors whose footprints don't meet may change places, and nobody can tell. So a run is a
partial order (Mazurkiewicz), of which only what comes before its last step matters to that step; among the orders
that respect it, the one with the fewest preemptions is looked for (0-1 breadth-first over how far each actor is).
Nothing is executed here: what comes out is a plan that has yet to be run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from holdfast.lab.footprints import dependent, footprint
from holdfast.ports.operation import Operation

NODES_MAX = 60_000
"""Beyond that the order stays as it is."""

WORLD = -1


class Event(NamedTuple):
    """A step of a run. `rests`: after it the actor rests or has ended, so that nobody preempts it."""

    actor: int
    label: str
    operation: Operation[Any] | None
    rests: bool


Place = tuple[tuple[int, ...], int]
"""How far each actor is, and which went last."""


def causal(events: Sequence[Event]) -> list[Event]:
    """Those that the last event depends on, and itself."""
    kept: list[Event] = []
    for event in reversed(events):
        if not kept or any(_depend(event, later) for later in kept):
            kept.append(event)
    return kept[::-1]


def calmest(events: Sequence[Event]) -> tuple[list[Event], int]:
    """The causal past of the last event in the calmest order, and the preemptions that are left in it."""
    kept = causal(events)
    actors = sorted({e.actor for e in kept})
    own = [[i for i, e in enumerate(kept) if e.actor == actor] for actor in actors]
    needs = _needs(kept, actors)
    start: Place = ((0,) * len(actors), -1)
    goal = tuple(len(steps) for steps in own)
    costs, parents = {start: 0}, dict[Place, Place]()
    queue = deque([start])
    while queue and len(costs) < NODES_MAX:
        place = queue.popleft()
        at, last = place
        if at == goal:
            return _order(place, parents, own, kept), costs[place]
        able = last >= 0 and at[last] > 0 and not kept[own[last][at[last] - 1]].rests
        for turn, steps in enumerate(own):
            if at[turn] == len(steps) or any(a < n for a, n in zip(at, needs[steps[at[turn]]], strict=True)):
                continue
            world = actors[turn] == WORLD
            after: Place = ((*at[:turn], at[turn] + 1, *at[turn + 1 :]), last if world else turn)
            preempts = able and turn != last and not world
            cost = costs[place] + preempts
            if cost < costs.get(after, 1 << 30):
                costs[after], parents[after] = cost, place
                (queue.append if preempts else queue.appendleft)(after)
    return kept, len(kept)


def _needs(events: list[Event], actors: list[int]) -> list[tuple[int, ...]]:
    """For each event, how many of each actor's events must come before it."""
    place = {actor: i for i, actor in enumerate(actors)}
    count = [0] * len(actors)
    serial: list[int] = []
    needs: list[tuple[int, ...]] = []
    for at, event in enumerate(events):
        mine = [0] * len(actors)
        for before in range(at):
            if _depend(events[before], event):
                mine = [max(pair) for pair in zip(mine, needs[before], strict=True)]
                i = place[events[before].actor]
                mine[i] = max(mine[i], serial[before])
        count[place[event.actor]] += 1
        serial.append(count[place[event.actor]])
        needs.append(tuple(mine))
    return needs


def _depend(a: Event, b: Event) -> bool:
    """Whether their order matters; what the world does is taken to matter to everybody."""
    if a.actor == b.actor or WORLD in (a.actor, b.actor):
        return True
    if a.operation is None or b.operation is None:
        return False
    return dependent(footprint(a.operation), footprint(b.operation))


def _order(place: Place, parents: dict[Place, Place], own: list[list[int]], events: list[Event]) -> list[Event]:
    order: list[Event] = []
    while place in parents:
        before = parents[place]
        turn = next(i for i, (a, b) in enumerate(zip(before[0], place[0], strict=True)) if a != b)
        order.append(events[own[turn][before[0][turn]]])
        place = before
    return order[::-1]
