"""Shrinking a broken run to a story that a person can read: fewest faults, then fewest preemptions, then steps.

A run is kept as a *plan*: for each actor the outcomes of its own steps, and the turns in which actors go on, each
up to one of their own steps. So leaving out a turn does not change what the next one means. Delta debugging over
turns: whole actors and faults are left out, then preemptions are dissolved in ever smaller groups, by letting
the actor run on until it rests, or by joining its turn with its next. What breaks is told as calmly as its partial
order allows (`engines.calming`) before it is judged.

Where faults or more than two preemptions are left, the learned tables are searched for a run with fewer
(`engines.calm_search`).
Every attempt is a *run*, and counted: it follows its plan from the start, on the real code wherever that leads
to something not seen before. An attempt that breaks another property first is no success.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from holdfast.lab.engines.calm_search import calmest_run
from holdfast.lab.engines.calming import WORLD, Event, calmest
from holdfast.lab.engines.found import Found
from holdfast.lab.engines.schedule import as_choices
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System
from holdfast.lab.tape import follow
from holdfast.ports.operation import Operation

RUNS_MAX = 50
CALM_ENOUGH = 2
"""Preemptions that a person can follow: the October race has two."""

FEWER_STATES_MAX = 60_000
"""States that are searched for a run with fewer faults than delta debugging leaves; most that are left matter."""

RUN_ON_MAX = 80
"""Steps after which an actor that runs on undisturbed is taken to run for ever."""

FINALE_MAX = 40
"""Steps that the last actor may take beyond its plan, rests included."""

FEW = 9
"""Preemptions that are tried one by one at once."""


class Turn(NamedTuple):
    """An actor goes on until it has taken so many steps of its own, and with `on`, until it then rests.

    With `before` it goes on until it is about to do that, however many steps that takes now.
    """

    actor: int
    until: int
    on: bool = False
    before: Operation[Any] | None = None


class Plan(NamedTuple):
    """What to attempt. `labels` are the outcomes wished for, by actor (-1: the world)."""

    turns: tuple[Turn, ...]
    labels: dict[int, tuple[str, ...]]


class Taken(NamedTuple):
    """A step of an attempt. `calm`: it preempts nobody; `costs`: the faults that it spends."""

    event: Event
    agent: int
    costs: int
    calm: bool

    @property
    def actor(self) -> int:
        """Who took it."""
        return self.event.actor

    @property
    def label(self) -> str:
        """How it went."""
        return self.event.label


Cost: TypeAlias = tuple[int, int, int]


class Attempt(NamedTuple):
    """A run that breaks the property."""

    broken: str
    steps: tuple[Taken, ...]

    @property
    def cost(self) -> Cost:
        """Faults, preemptions, steps."""
        return sum(s.costs for s in self.steps), sum(not s.calm for s in self.steps), len(self.steps)


def preemptions(system: System, choices: tuple[int, ...]) -> int:
    """Switches away from an actor that could have gone on (it neither rested nor ended)."""
    count, last = 0, -1
    for state, step in follow(system, choices):
        if step.actor >= 0:
            count += step.actor != last and _able(system, state, last)
            last = step.actor
    return count


def _able(system: System, state: State, actor: int) -> bool:
    return actor >= 0 and system.agents.alive[state[actor]] and not system.rests(state, actor)


def shrink(system: System, found: Found, *, runs_max: int = RUNS_MAX) -> tuple[Found, int]:
    """A run with fewer faults, preemptions and steps that breaks the same property; and how many runs it took."""
    shrinker = _Shrinker(system, found.broken.split(":")[0], runs_max)
    best = shrinker.attempt(_plan([(s.actor, s.label) for _, s in follow(system, found.choices)]))
    if best is None:
        return found, shrinker.runs  # a wedge is a property of a state, not of a step
    best = shrinker.calmed(best, best.cost)
    before = None
    while best != before:
        before = best
        for simpler in (_without_actors, _without_faults, _calmer, _shorter):
            best = shrinker.better(best, simpler)
    taken = [(s.actor, s.label, s.agent) for s in best.steps]
    smaller = Found(best.broken, as_choices(system, taken))
    for faults in range(best.cost[0]):
        fewer = calmest_run(system, smaller, faults, states_max=FEWER_STATES_MAX)
        if fewer is not None:
            return fewer, shrinker.runs
    if best.cost[1] > CALM_ENOUGH:
        smaller = calmest_run(system, smaller, best.cost[0]) or smaller
    return smaller, shrinker.runs


class _Shrinker:
    def __init__(self, system: System, name: str, runs_max: int) -> None:
        self._system, self._name, self._runs_max = system, name, runs_max
        self._tried: set[object] = set()
        self.runs = 0

    def better(self, best: Attempt, simpler: Callable[[Attempt], Iterator[Plan]]) -> Attempt:
        """The best that these simplifications lead to, each tried on the best so far."""
        at = 0
        while (plan := next(islice(simpler(best), at, None), None)) is not None:
            at += 1
            tried = self.attempt(plan)
            tried = None if tried is None else self.calmed(tried, best.cost)
            if tried is not None and tried.cost < best.cost:
                best, at = tried, at - 1
        return best

    def calmed(self, tried: Attempt, bar: Cost) -> Attempt:
        """The run without what its end does not depend on, in the calmest order, if that gets below the bar."""
        events, switches = calmest([s.event for s in tried.steps])
        promised = (tried.cost[0], switches, len(events))
        if promised >= bar or promised >= tried.cost:
            return tried
        calmer = self.attempt(_plan([(e.actor, e.label) for e in events]))
        return tried if calmer is None else min(tried, calmer, key=lambda a: a.cost)

    def attempt(self, plan: Plan) -> Attempt | None:
        """Run a plan, leaving out what can't be done, up to the same breakage; None if it does not come."""
        if self.runs >= self._runs_max or _key(plan) in self._tried:
            return None
        self._tried.add(_key(plan))
        self.runs += 1
        broken, steps = _Follower(self._system, plan).go()
        if broken.split(":")[0] != self._name:
            return None
        found = Attempt(broken, tuple(steps))
        self._tried.add(_key(_as_plan(found)))
        return found


class _Follower:
    """One run along a plan."""

    def __init__(self, system: System, plan: Plan) -> None:
        self._system, self._plan = system, plan
        self._state = system.start
        self._own = dict.fromkeys(plan.labels, 0)
        self._last = -1
        self.steps: list[Taken] = []

    def go(self) -> tuple[str, list[Taken]]:
        """What broke first ("" for nothing), and the steps up to there."""
        for turn in self._plan.turns:
            broken = self._turn(turn)
            if broken:
                return broken, self.steps
        return self._finale(), self.steps

    def _finale(self) -> str:
        """Whoever broke it may need more steps than it did, now that others went before: it gets them."""
        actor = self._plan.turns[-1].actor if self._plan.turns else WORLD
        for _ in range(FINALE_MAX if actor >= 0 else 0):
            broken = self._step(actor)
            if broken:
                return broken
        return ""

    def _turn(self, turn: Turn) -> str:
        actor = turn.actor
        spare = 0 if turn.before is None else FINALE_MAX
        while self._own[actor] < turn.until + spare and not self._stops(turn):
            broken = self._step(actor)
            if broken:
                return broken
        if turn.on:
            for _ in range(RUN_ON_MAX):
                if not _able(self._system, self._state, actor):
                    break
                broken = self._step(actor)
                if broken:
                    return broken
        return ""

    def _stops(self, turn: Turn) -> bool:
        return turn.before is not None and self._system.pending(self._state, turn.actor) == turn.before

    def _step(self, actor: int) -> str:
        labels, at = self._plan.labels[actor], self._own[actor]
        self._own[actor] += 1
        step = self._find(actor, labels[at] if at < len(labels) else "")
        if step is None:
            return ""
        broken = self._system.verdict(self._state, step) or ""
        calm = actor in (self._last, WORLD) or not _able(self._system, self._state, self._last)
        rests = not _able(self._system, step.after, actor)
        event = Event(actor, step.label, step.operation, rests)
        self.steps.append(Taken(event, step.after[actor] if actor >= 0 else WORLD, step.cost, calm))
        self._state = step.after
        if actor >= 0:
            self._last = actor
        return broken

    def _find(self, actor: int, wanted: str) -> Step | None:
        """The step with this label; for an actor that has none such, its plain one."""
        system, state = self._system, self._state
        if actor >= 0 and not (system.waits(actor) and system.barred(state, actor)):
            own = system.steps_of(state, actor)
            found = next((s for s in own if s.label == wanted), None)
            if found is not None:
                return found
        else:
            own = []
        upon = system.world_steps(state) if wanted else []
        found = next((s for s in upon if s.actor == actor and s.label == wanted), None)
        return found or (own[0] if own else None)


def _plan(taken: Iterable[tuple[int, str]]) -> Plan:
    labels: dict[int, list[str]] = {}
    turns: list[Turn] = []
    for actor, label in taken:
        labels.setdefault(actor, []).append(label)
        if turns and turns[-1].actor == actor:
            turns.pop()
        turns.append(Turn(actor, len(labels[actor])))
    return Plan(tuple(turns), {actor: tuple(own) for actor, own in labels.items()})


def _key(plan: Plan) -> Hashable:
    return plan.turns, tuple(sorted(plan.labels.items()))


def _as_plan(best: Attempt) -> Plan:
    return _plan([(s.actor, s.label) for s in best.steps])


def _without_actors(best: Attempt) -> Iterator[Plan]:
    """Each actor gone."""
    plan = _as_plan(best)
    for actor in sorted(plan.labels, reverse=True):
        yield plan._replace(turns=tuple(t for t in _aligned(best) if t.actor != actor))


def _without_faults(best: Attempt) -> Iterator[Plan]:
    """Each fault gone, the last first: its step goes well instead, or not at all if the world took it."""
    for at in range(len(best.steps) - 1, -1, -1):
        if best.steps[at].costs:
            yield _plan([(s.actor, "" if i == at else s.label) for i, s in enumerate(best.steps)])


def _calmer(best: Attempt) -> Iterator[Plan]:
    """Preemptions dissolved: half of them at once, quarters, ..., single ones."""
    plan, aligned = _as_plan(best), _aligned(best)
    points = _preempted(best)
    size = len(points) // 2 if len(points) > FEW else min(len(points), 1)
    while size:
        for begin in range(0, len(points), size):
            group = frozenset(points[begin : begin + size])
            yield plan._replace(turns=_run_on(plan.turns, group))
            yield plan._replace(turns=_joined(aligned, group))
            yield plan._replace(turns=_left(plan.turns, group))
        size //= 2


def _aligned(best: Attempt) -> tuple[Turn, ...]:
    """The turns, each of which ends where its actor is about to do what it did first in its next."""
    plan = _as_plan(best)
    own: dict[int, list[Operation[Any] | None]] = {}
    for step in best.steps:
        own.setdefault(step.actor, []).append(step.event.operation)
    return tuple(
        t._replace(before=own[t.actor][t.until] if t.actor >= 0 and t.until < len(own[t.actor]) else None)
        for t in plan.turns
    )


def _run_on(turns: tuple[Turn, ...], group: frozenset[int]) -> tuple[Turn, ...]:
    """In these turns the actor goes on until it rests."""
    return tuple(t._replace(on=True) if i in group else t for i, t in enumerate(turns))


def _joined(turns: tuple[Turn, ...], group: frozenset[int]) -> tuple[Turn, ...]:
    """In these turns the actor does what it did in its next as well."""
    found = list(turns)
    later: dict[int, Turn] = {}
    for i in range(len(turns) - 1, -1, -1):
        if i in group:
            found[i] = later.get(turns[i].actor, turns[i])
        later[turns[i].actor] = found[i]
    return tuple(found)


def _left(turns: tuple[Turn, ...], group: frozenset[int]) -> tuple[Turn, ...]:
    """What the actor did in these turns it leaves for its next."""
    last = {t.actor: i for i, t in enumerate(turns)}
    return tuple(t for i, t in enumerate(turns) if i not in group or last[t.actor] == i)


def _preempted(best: Attempt) -> list[int]:
    """Numbers of the turns that end with a preemption."""
    found: list[int] = []
    turn = -1
    last: int | None = None
    for step in best.steps:
        if step.actor != last:
            turn += 1
            last = step.actor
            if not step.calm:
                found.append(turn - 1)
    return found


def _shorter(best: Attempt) -> Iterator[Plan]:
    """One turn gone, the last first: its actor never does that, or does it in its next turn."""
    plan, aligned = _as_plan(best), _aligned(best)
    taken = [(s.actor, s.label) for s in best.steps]
    bounds = [0, *(i for i in range(1, len(taken)) if taken[i][0] != taken[i - 1][0]), len(taken)]
    for i in range(len(bounds) - 2, -1, -1):
        yield _plan(taken[: bounds[i]] + taken[bounds[i + 1] :])
        yield plan._replace(turns=aligned[:i] + aligned[i + 1 :])
