"""The page of a schedule of asyncio code: a lane for each task, and where all of them stand after each step."""

from __future__ import annotations

from typing import Any

from holdfast.lab.aio.loop import PAUSE
from holdfast.lab.aio.running import Ended, Told
from holdfast.lab.aio.telling import did, tell, trace_of
from holdfast.lab.pages.runs import stepping_page
from holdfast.webpage.filling import Facts

CALLBACKS = "callbacks, time"
KINDS = {
    "write": "runs, until it waits again",
    "departed": "out of turn: asyncio alone would have run another",
    "fault": "held back",
    "own": "a callback of asyncio, or time that passes",
}
"""Up to the first comma or colon they stand at the step, as a whole below the lanes."""


def schedule_page(ended: Ended, facts: Facts) -> str:
    """A run of asyncio code that was told in detail, to step through."""
    tasks = list(dict.fromkeys(t.who for t in ended.told if _is_task(t)))
    steps = [_step(number, told, tasks) for number, told in enumerate(ended.told, 1)]
    if steps and ended.broken is not None:
        steps[-1]["broke"] = "\n".join((ended.broken.text, *ended.broken.rest))
    return stepping_page(
        broken="" if ended.broken is None else ended.broken.text,
        facts=(*facts, ("Trace", trace_of(ended))),
        story=tell(ended),
        # Where the tasks stand is made from the steps in the browser: written out it would grow with both.
        data={"lanes": [*tasks, CALLBACKS], "kinds": KINDS, "steps": steps, "worlds": [], "tasks": tasks},
    )


def _is_task(told: Told) -> bool:
    return told.place is not None or bool(told.end) or told.what == PAUSE


def _step(number: int, told: Told, tasks: list[str]) -> dict[str, Any]:
    mine = told.who in tasks
    kind = "write" if mine else "own"
    if told.instead_of:
        kind = "departed"
    if told.what == PAUSE:
        kind = "fault"
    turn = f"Before {told.instead_of}, whose turn it was with asyncio alone." if told.instead_of else ""
    return {
        "number": number,
        "who": told.who if mine else CALLBACKS,
        "kind": kind,
        "did": did(told) if mine else f"{told.who}: {did(told)}",
        "came": "",
        "when": f"{told.time_s:.3f} s",
        "turn": turn,
        "broke": "",
        "conditions": [],
        "stale": [],
        "changes": [],
        "intended": [],
        "says": list(told.logs),
        "unconditional": False,
    }
