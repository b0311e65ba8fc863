"""The page of a run on the ports: a lane for each actor, a scrubber, and the world after each step."""

from __future__ import annotations

import html
from typing import Any

import msgspec

from holdfast.lab.story import tell
from holdfast.lab.tape import Run
from holdfast.lab.telling.observed import World
from holdfast.lab.telling.properties import meaning
from holdfast.lab.telling.steps import THE_WORLD, Kind, Told, told
from holdfast.webpage.filling import Facts, as_json, facts_list, filled, paragraph

KINDS = {
    Kind.READ: "looks",
    Kind.WRITE: "writes",
    Kind.REFUSED: "is refused",
    Kind.OWN: "its own affair: rests, saves",
    Kind.FAULT: "a fault",
    Kind.DELIVERY: "a late message arrives",
}
HEADINGS = {"raised": "an exception was raised", "deadlock": "all tasks wait for ever"}
"""Breakages that have no name of their own."""


def run_page(run: Run, facts: Facts) -> str:
    """A run to step through. `facts` stand beside the heading; the trace is added."""
    telling = told(run)
    worlds: dict[World, int] = {telling.start: 0}
    steps = [_step(step, worlds.setdefault(step.world, len(worlds))) for step in telling.steps]
    return stepping_page(
        broken=run.broken,
        facts=(*facts, ("Trace", run.trace)),
        story=tell(run),
        data={
            "lanes": [*telling.actors, THE_WORLD],
            "kinds": {kind.value: said for kind, said in KINDS.items()},
            "steps": steps,
            "worlds": list(worlds),
        },
    )


def stepping_page(*, broken: str, facts: Facts, story: str, data: dict[str, Any]) -> str:
    """A page with lanes and a scrubber. `data["worlds"][0]` is the world before the first step."""
    heading, how = headed(broken)
    return filled(
        __package__,
        "run",
        {
            "TITLE": html.escape(f"{heading}: a run of the laboratory"),
            "BANNER": "broke" if broken else "",
            "HEADING": html.escape(heading),
            "LEAD": paragraph(how, "lead") + paragraph(meaning(broken), "soft"),
            "FACTS": facts_list(facts),
            "LAST": str(len(data["steps"])),
            "STORY": html.escape(story),
            "DATA": as_json(data),
        },
        styles=("lanes", "run"),
        scripts=("making", "lanes", "world", "run"),
    )


def headed(broken: str) -> tuple[str, str]:
    """A breakage (`I2 never empty: how`) as heading and lead."""
    if not broken:
        return "Nothing broke in this run", ""
    name, _, how = broken.partition(": ")
    return f"Broken: {HEADINGS.get(name, name)}", how


def _step(step: Told, world: int) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(step)
    fields["world"] = world
    fields["stale"] = [{"text": s.text(), "read_at": s.read_at, "changed_at": s.changed_at} for s in step.stale]
    fields["unconditional"] = (
        step.kind in (Kind.WRITE, Kind.DELIVERY) and not step.conditions and bool(step.changes)
    )
    return fields
