"""A run as a story in text: who did what, why it was allowed, on which old knowledge, and where what broke.

One block a step. A write says what it changed and which conditions the server found to hold; what an actor had
read before and was no longer so when it wrote, is said there: that is where most races are.
"""

from __future__ import annotations

import textwrap

from holdfast.lab.tape import Run
from holdfast.lab.telling.observed import Served, World
from holdfast.lab.telling.properties import meaning
from holdfast.lab.telling.steps import Kind, Told, told

WIDTH = 116
INDENT = 6


def tell(run: Run) -> str:
    """The whole story."""
    telling = told(run)
    width = max((len(step.who) for step in telling.steps), default=0)
    return "\n".join(tell_step(step, width) for step in telling.steps)


def tell_step(step: Told, width: int = 0) -> str:
    """One step and, below it, its conditions, changes and what broke."""
    how = f" -> {step.came}" if step.came else ""
    first = _wrapped(f"{step.number:4}  {step.who:<{width}}  ", f"{step.did}{how}", hang=2)
    lines = [*first, *(_below(width, text) for text in _details(step))]
    if step.broke:
        text = f"BROKEN at step {step.number}, by {step.who}: {step.broke}"
        lines += ["", *_wrapped("  => ", text, hang=0)]
        lines += [f"     clients now get {n}" for n in emptied(step.world)]
    return "\n".join(lines)


def emptied(world: World) -> list[str]:
    """Names that answer with nothing, though nobody retired them."""
    return [n.text() for zone in world.zones for n in zone.names if n.served is Served.EMPTY]


def _details(step: Told) -> list[str]:
    found = []
    failed = [c.text for c in step.conditions if c.held is False]
    held = [c.text for c in step.conditions if c.held]
    unknown = [c.text for c in step.conditions if c.held is None]
    if failed:
        found.append(f"refused, because it is not so that {'; '.join(failed)}")
    elif held:
        found.append(f"allowed, because {'; '.join(held)}")
    elif unknown:
        found.append(f"only if, once it arrives, {'; '.join(unknown)}")
    elif step.kind in (Kind.WRITE, Kind.DELIVERY):
        found.append("allowed: it set no condition")
    if step.kind is not Kind.REFUSED:
        found += [f"old knowledge: {stale.text()}" for stale in step.stale]
    found += [f"* {change.text()}" for change in step.changes]
    without = "changes nothing, it is so already" if step.already else "not done"
    found += [f"{without}: {text}" for text in step.intended]
    return [*found, *(f"says: {text}" for text in step.says)]


def _below(width: int, text: str) -> str:
    return "\n".join(_wrapped(" " * (INDENT + width + 4), text, hang=2))


def _wrapped(lead: str, text: str, *, hang: int) -> list[str]:
    room = max(WIDTH, len(lead) + 40)
    return textwrap.wrap(
        text, room, initial_indent=lead, subsequent_indent=" " * (len(lead) + hang), break_on_hyphens=False
    )


def report(sentence: str, run: Run | None, command: str = "") -> str:
    """A search's end for people: the sentence with its bounds, the story of what broke, how to see it again."""
    parts = [sentence]
    if run is not None:
        parts += [meaning(run.broken), "", tell(run), "", f"     trace {run.trace}"]
    if command:
        parts += ["", f"See it again: {command}"]
    return "\n".join(parts)
