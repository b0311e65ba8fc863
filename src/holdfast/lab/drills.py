"""Drills: one bad day, played on two designs. Here the DNS part of 20 October 2025 (docs/facts/october-2025.md).

The day as a script of who goes on when: an enactor takes plan 2 and stalls in the middle of it; plan 3 comes out,
another enactor applies it everywhere; the stalled one wakes and goes on; clean-up follows; more plans come.
The script is the same for both designs; what differs is what the code makes of it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holdfast.lab import production
from holdfast.lab.specimens import october as specimen
from holdfast.lab.story import tell_line
from holdfast.lab.system import State, System
from holdfast.lab.tape import Line, replay
from holdfast.nameserver.lookup import lookup
from holdfast.ports.dns import Ask, Transfer, Update

TURN_MAX = 120


class Scene(msgspec.Struct, frozen=True):
    """One act of the day: what it is, what happened, and what DNS says after it."""

    title: str
    lines: tuple[Line, ...]
    serves: str


class Timeline(msgspec.Struct, frozen=True):
    """The day on one design."""

    design: str
    scenes: tuple[Scene, ...]
    broken: str
    end: str


class Drill(msgspec.Struct, frozen=True):
    """Both."""

    name: str
    timelines: tuple[Timeline, ...]

    def text(self, *, steps: bool = False) -> str:
        """The timelines one after the other; with every step if asked for."""
        parts = []
        for timeline in self.timelines:
            parts.append(f"== {timeline.design}")
            for scene in timeline.scenes:
                parts.append(f"{scene.title}\n    DNS: {scene.serves}")
                if steps:
                    parts += [tell_line(line, 10) for line in scene.lines]
            parts.append(f"    {timeline.end}")
        return "\n".join(parts)

    def side_by_side(self, width: int = 56) -> str:
        """Two columns, scene by scene."""
        left, right = self.timelines
        rows = [(left.design, right.design), ("-" * width, "-" * width)]
        for a, b in zip(left.scenes, right.scenes, strict=True):
            rows += [(a.title, b.title), (f"  {a.serves}", f"  {b.serves}")]
        rows.append((left.end, right.end))
        return "\n".join(line for a, b in rows for line in _columns(a, b, width))


def _columns(a: str, b: str, width: int) -> list[str]:
    one, two = _wrapped(a, width), _wrapped(b, width)
    height = max(len(one), len(two))
    one += [""] * (height - len(one))
    two += [""] * (height - len(two))
    return [f"{x:<{width}} | {y}".rstrip() for x, y in zip(one, two, strict=True)]


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("  " + word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip() if lines[-1].strip() else word
    return lines


class _Stage:
    """Plays a script: an actor goes on until it rests, or until it is about to write to DNS."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.state: State = system.start
        self.choices: list[int] = []

    def go(self, actor: str, *, until_write: bool = False) -> None:
        """Let one actor go on, nothing going wrong."""
        index = self.system.index(actor)
        for _ in range(TURN_MAX):
            if until_write and self._about_to_write(index):
                return
            steps = self.system.steps(self.state)
            at = next((i for i, s in enumerate(steps) if s.actor == index and not s.cost), None)
            if at is None:
                return
            self.choices.append(at)
            self.state = steps[at].after
            if self.system.rests(self.state, index):
                return

    def _about_to_write(self, index: int) -> bool:
        """In the middle of a plan: before a message; in 2025, between two endpoints."""
        pending = self.system.pending(self.state, index)
        if isinstance(pending, Ask):
            return pending.name == f"lock.{specimen.owner('ep2')}"
        return isinstance(pending, Update) and bool(pending.changes) and pending.zone == production.ZONE


SCRIPT = (
    ("plan 2 comes out; enactor a takes it and stalls in the middle of it", "plan", "a-stalls"),
    ("plan 3 comes out; enactor b applies it everywhere", "plan", "b"),
    ("enactor a wakes and goes on with plan 2", "a"),
    ("clean-up follows; everybody looks again", "b", "a", "b"),
    ("plan 4 comes out; all enactors try to apply it", "plan", "a", "b", "a", "b"),
)


def october() -> Drill:
    """The DNS part of 20 October 2025: the empty name and the wedge, then the non-event."""
    return Drill("october-2025", (_old(), _new()))


def _play(system: System, cues: dict[str, str], *, pause_before_cleanup: bool) -> tuple[_Stage, list[int]]:
    stage = _Stage(system)
    ends = []
    for scene in SCRIPT:
        for cue in scene[1:]:
            actor = cues[cue.removesuffix("-stalls")]
            # In 2025 the quick enactor had finished applying, and was about to clean up, when the slow one wrote.
            if cue == "b" and pause_before_cleanup and not any(c == "cleaned" for c in cues):
                _until_cleanup(stage, actor)
                cues = {**cues, "cleaned": "yes"}
            else:
                stage.go(actor, until_write=cue.endswith("-stalls"))
        ends.append(len(stage.choices))
    return stage, ends


def _until_cleanup(stage: _Stage, actor: str) -> None:
    """Each message of the quick enactor but its clean-up, which begins with a zone transfer."""
    index = stage.system.index(actor)
    for _ in range(TURN_MAX):
        if isinstance(stage.system.pending(stage.state, index), Transfer):
            return
        steps = stage.system.steps(stage.state)
        at = next(i for i, s in enumerate(steps) if s.actor == index and not s.cost)
        stage.choices.append(at)
        stage.state = steps[at].after


def _timeline(
    design: str, stage: _Stage, ends: list[int], serve: Callable[[System, State], str], end: str
) -> Timeline:
    run = replay(stage.system, tuple(stage.choices))
    scenes = []
    begin = 0
    for scene, to in zip(SCRIPT, ends, strict=True):
        last = run.lines[to - 1].step.after if to else stage.system.start
        text = serve(stage.system, last)
        scenes.append(Scene(scene[0], run.lines[begin:to], text))
        begin = to
    return Timeline(design, tuple(scenes), run.broken, end)


def _old() -> Timeline:
    system = System(specimen.scenario(plans=4, enactors=2, endpoints=2))
    cues = {"plan": "planner", "a": "enactor-a", "b": "enactor-b"}
    stage, ends = _play(system, cues, pause_before_cleanup=True)
    wedged = "no enactor can apply plan 4, or any later one: people have to repair it by hand (the wedge)"
    healed = "every enactor is at plan 4"
    goal = system.scenario.converged
    assert goal is not None
    end = healed if goal(system.view(stage.state)) else wedged
    return _timeline("the design of 2025", stage, ends, _serves_alias, end)


def _serves_alias(system: System, state: State) -> str:
    zone = system.view(state).zones[specimen.ZONE]
    alias = lookup(zone, specimen.owner("ep2"), "CNAME").rrset
    assert alias is not None
    addresses = lookup(zone, alias.rdatas[0], "A").rrset
    found = "NOTHING: no addresses" if addresses is None else " ".join(addresses.rdatas)
    return f"{specimen.owner('ep2')} is plan {specimen.plan_of(alias.rdatas[0])}'s: {found}"


def _new() -> Timeline:
    system = System(production.scenario(plans=4, enactors=2))
    cues = {"plan": "publisher", "a": "enactor-a", "b": "enactor-b"}
    stage, ends = _play(system, cues, pause_before_cleanup=False)
    goal = system.scenario.converged
    assert goal is not None
    good = goal(system.view(stage.state))
    return _timeline(
        "holdfast", stage, ends, _serves_data, "a non-event: all at plan 4" if good else "NOT converged"
    )


def _serves_data(system: System, state: State) -> str:
    zone = system.view(state).zones[production.ZONE]
    fence = production.fence_of(zone)
    rrset = zone.rrset(f"a.{production.ZONE}", "A")
    found = "NOTHING: no addresses" if rrset is None else " ".join(rrset.rdatas)
    return (
        f"a.{production.ZONE}: {found}; the fence is at generation {fence.identity.generation if fence else '?'}"
    )
