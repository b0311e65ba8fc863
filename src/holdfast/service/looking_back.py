"""What `history` shows: the events of this machine's processes, as text."""

from __future__ import annotations

from holdfast.config.settings import ServiceSettings
from holdfast.events.history import Question, Step, history
from holdfast.service.scene import events_directory


def look_back(service: ServiceSettings, question: Question) -> tuple[Step, ...]:
    """The steps that fit, oldest first."""
    return history(events_directory(service), question)[0]


def render_history(steps: tuple[Step, ...]) -> str:
    """For a terminal."""
    if not steps:
        return "no events fit; events are kept on the machine whose process wrote them"
    return "\n".join(_line(step) for step in steps)


def _line(step: Step) -> str:
    r = step.record
    age = "" if step.plan_age_s is None else f" (plan {step.plan_age_s:.3f} s old at the write)"
    behind = f" ({step.behind} generations behind)" if step.behind else ""
    plan = "" if r.plan is None else f" [{r.plan}]"
    where = "".join(f"{part} " for part in (r.zone, r.name) if part)
    return f"{r.at} {r.actor:<12} {r.kind:<16}{plan} {where}{r.text}{age}{behind}"
