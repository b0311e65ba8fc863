"""Drills: one bad day, played on two designs. Here the DNS part of 20 October 2025 (docs/facts/october-2025.md).

The day as a script of who goes on when: an enactor takes plan 2 and stalls in the middle of it; plan 3 comes out,
another enactor applies it everywhere; the stalled one wakes and goes on; clean-up follows; more plans come.
The script is the same for both designs; what differs is what the code makes of it.
"""

from __future__ import annotations

import enum
import textwrap
from collections.abc import Callable

import msgspec

from holdfast.lab import production
from holdfast.lab.specimens import october as specimen
from holdfast.lab.steps import State
from holdfast.lab.story import tell_step
from holdfast.lab.system import System
from holdfast.lab.tape import replay
from holdfast.lab.telling.observed import Served, World
from holdfast.lab.telling.steps import Kind, Told, told
from holdfast.ports.dns import Ask, Transfer, Update

TURN_MAX = 120
COLUMN_MAX, COLUMN_MIN = 76, 44
"""Characters of a column, for two timelines side by side."""


class Sort(enum.Enum):
    """What may decide an act."""

    REFUSED = "refused"
    STALE = "stale"


class Note(msgspec.Struct, frozen=True):
    """Something that decided an act: whose write, and why it was refused, or what had grown old."""

    sort: Sort
    who: str
    why: str

    def text(self) -> str:
        """In one line."""
        if self.sort is Sort.REFUSED:
            return f"{self.who}'s write is refused{f': {self.why}' if self.why else ''}"
        return f"{self.who} writes on old knowledge: {self.why}"


class Scene(msgspec.Struct, frozen=True):
    """One act of the day: what it is, what happened, and what anybody could see after it."""

    title: str
    steps: tuple[Told, ...]
    world: World

    @property
    def serves(self) -> tuple[str, ...]:
        """What clients get, a line for each name."""
        return served(self.world)

    @property
    def fences(self) -> tuple[str, ...]:
        """The zones' fences; none in designs without."""
        return tuple(zone.fence for zone in self.world.zones if zone.fence)

    @property
    def emptied(self) -> tuple[str, ...]:
        """Names that answer with nothing, though nobody retired them."""
        return tuple(n.name for zone in self.world.zones for n in zone.names if n.served is Served.EMPTY)

    @property
    def outage(self) -> bool:
        """Whether there is such a name."""
        return bool(self.emptied)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What decided this act: messages that were refused, and writes on old knowledge."""
        return tuple(dict.fromkeys(_note(s) for s in self.steps if s.kind is Kind.REFUSED or s.stale))

    @property
    def broke(self) -> str:
        """What broke in this act, and at which step."""
        return next((f"step {s.number}, {s.who}: {s.broke}" for s in self.steps if s.broke), "")


def served(world: World) -> tuple[str, ...]:
    """What clients get, a line for each name."""
    return tuple(n.text() for zone in world.zones for n in zone.names)


def _note(step: Told) -> Note:
    if step.kind is Kind.REFUSED:
        failed = "; ".join(c.text for c in step.conditions if c.held is False)
        return Note(Sort.REFUSED, step.who, f"it is not so that {failed}" if failed else "")
    return Note(Sort.STALE, step.who, step.stale[0].text())


class Timeline(msgspec.Struct, frozen=True):
    """The day on one design."""

    design: str
    bounds: str
    trace: str
    scenes: tuple[Scene, ...]
    broken: str
    good: bool
    end: str

    def document(self) -> dict[str, object]:
        """For programs."""
        return {
            "design": self.design,
            "bounds": self.bounds,
            "trace": self.trace,
            "broken": self.broken,
            "converged": self.good,
            "end": self.end,
            "acts": [
                {
                    "title": s.title,
                    "dns": s.serves,
                    "fences": s.fences,
                    "notes": [n.text() for n in s.notes],
                    "outage": s.outage,
                }
                for s in self.scenes
            ],
        }


class Drill(msgspec.Struct, frozen=True):
    """The day on one design or on both."""

    name: str
    title: str
    lead: str
    timelines: tuple[Timeline, ...]

    def told(self, columns: int, *, steps: bool = False) -> str:
        """Side by side if there are two and the width allows it, else one after the other."""
        width = min(COLUMN_MAX, (columns - 3) // 2)
        if len(self.timelines) == 2 and width >= COLUMN_MIN and not steps:
            return self.side_by_side(width)
        return self.text(steps=steps)

    def text(self, *, steps: bool = False) -> str:
        """The timelines one after the other; with every step if asked for."""
        return "\n\n".join(_told(timeline, steps=steps) for timeline in self.timelines)

    def side_by_side(self, width: int = COLUMN_MAX) -> str:
        """Two columns, act by act."""
        left, right = self.timelines
        rows = [[(left.design, right.design)], [("=" * width, "=" * width)]]
        for number, (a, b) in enumerate(zip(left.scenes, right.scenes, strict=True), start=1):
            one, two = _act(number, a), _act(number, b)
            most = max(len(one), len(two))
            pad = [[""] * (most - len(x)) for x in (one, two)]
            rows.append([*zip([*one, *pad[0]], [*two, *pad[1]], strict=True), ("", "")])
        rows.append([(f"=> {left.end}", f"=> {right.end}")])
        return "\n".join(line for row in rows for a, b in row for line in _columns(a, b, width))


def _told(timeline: Timeline, *, steps: bool) -> str:
    parts = [f"== {timeline.design} ({timeline.bounds})"]
    width = max(len(s.who) for scene in timeline.scenes for s in scene.steps)
    for number, scene in enumerate(timeline.scenes, start=1):
        told_steps = [tell_step(step, width) for step in scene.steps] if steps else []
        parts += ["\n".join(_act(number, scene)), *told_steps, ""]
    return "\n".join([*parts, f"=> {timeline.end}"])


def _act(number: int, scene: Scene) -> list[str]:
    """One act as lines: title, what decided it, what clients get."""
    notes = [f"  ! {note.text()}" for note in scene.notes]
    broke = [f"  => BROKEN at {scene.broke}"] if scene.broke else []
    seen = [f"    {text}" for text in (*scene.fences, *scene.serves)]
    return [f"{number}. {scene.title}", *notes, *broke, *seen]


def _columns(a: str, b: str, width: int) -> list[str]:
    one, two = _wrapped(a, width), _wrapped(b, width)
    height = max(len(one), len(two))
    one += [""] * (height - len(one))
    two += [""] * (height - len(two))
    return [f"{x:<{width}} | {y}".rstrip() for x, y in zip(one, two, strict=True)]


def _wrapped(text: str, width: int) -> list[str]:
    lead = len(text) - len(text.lstrip())
    return textwrap.wrap(text, width, subsequent_indent=" " * (lead + 2), break_on_hyphens=False) or [""]


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


def _timeline(design: str, stage: _Stage, ends: list[int], verdicts: tuple[str, str]) -> Timeline:
    run = replay(stage.system, tuple(stage.choices))
    steps = told(run).steps
    scenes = [
        Scene(scene[0], steps[begin:to], steps[to - 1].world)
        for scene, begin, to in zip(SCRIPT, [0, *ends], ends, strict=False)
    ]
    goal = stage.system.scenario.converged
    assert goal is not None
    good = goal(stage.system.view(stage.state))
    return Timeline(
        design=design,
        bounds=stage.system.scenario.bounds,
        trace=run.trace,
        scenes=tuple(scenes),
        broken=run.broken,
        good=good,
        end=verdicts[not good],
    )


def _old() -> Timeline:
    system = System(specimen.scenario(plans=4, enactors=2, endpoints=2))
    cues = {"plan": "planner", "a": "enactor-a", "b": "enactor-b"}
    stage, ends = _play(system, cues, pause_before_cleanup=True)
    wedged = "no enactor can apply plan 4, or any later one: people have to repair it by hand (the wedge)"
    return _timeline("the design of 2025", stage, ends, ("every enactor is at plan 4", wedged))


def _new() -> Timeline:
    system = System(production.scenario(plans=4, enactors=2))
    cues = {"plan": "publisher", "a": "enactor-a", "b": "enactor-b"}
    stage, ends = _play(system, cues, pause_before_cleanup=False)
    return _timeline(
        "holdfast", stage, ends, ("a non-event: DNS and every enactor are at plan 4", "NOT converged")
    )


DESIGNS: dict[str, Callable[[], Timeline]] = {"2025": _old, "holdfast": _new}


def october(designs: tuple[str, ...] = ("2025", "holdfast")) -> Drill:
    """The DNS part of 20 October 2025: the empty name and the wedge, then the non-event."""
    timelines = tuple(DESIGNS[design]() for design in designs)
    return Drill(
        name="october-2025",
        title=f"20 October 2025, on {' and on '.join(t.design for t in timelines)}",
        lead="One script says who goes on when. Below is what DNS answers after each act, and what decided it.",
        timelines=timelines,
    )
