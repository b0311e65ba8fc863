"""The targets that probers look at, as a shared cell: which of them are down now, and what a probe may come to.

A plain probe tells the truth of the moment: a target that is up answers, one that is down fails. A lost
probe fails although the target is up; a late one fails and says itself that it came too late to be believed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from holdfast.lab.world.faults import Fault, Faults
from holdfast.ports.operation import Operation
from holdfast.ports.probe import ProbeResult, ProbeTarget

TARGETS = "targets"
"""The cell's name."""


class Targets(msgspec.Struct, frozen=True):
    """Which targets are down. With `rounds` results come for all targets at once, else one at a time."""

    down: frozenset[str] = frozenset()
    rounds: bool = False


class Turn(Operation[None], frozen=True):
    """The laboratory's own: from now on exactly these targets are down. For what plays the part of fate."""

    down: frozenset[str]


def turned(cell: Targets, turn: Turn) -> Targets:
    """The cell after a turn."""
    return msgspec.structs.replace(cell, down=turn.down)


Probing = tuple[int, str, tuple[ProbeResult, ...]]
"""Cost, label, results."""


def probings(cell: Targets, watched: tuple[ProbeTarget, ...], faults: Faults, *, cut: bool) -> list[Probing]:
    """What the next results may be, those without a fault first. `cut`: no probe gets through."""
    found: list[Probing] = [(0, "nothing within the heartbeat", ())]
    truth = tuple(_result(p.target, ok=not cut and p.target not in cell.down) for p in watched)
    if cell.rounds and truth:
        found.append((0, _told(truth), truth))
    elif not cell.rounds:
        found += [(0, _told((r,)), (r,)) for r in truth]
    for result in truth:
        if result.ok and faults.allows(Fault.UNANSWERED):
            lost = _result(result.target, ok=False, reason="no answer in time")
            found.append((1, f"the probe of {result.target} is lost", _with(cell, truth, lost)))
        if faults.allows(Fault.LATE):
            late = ProbeResult(target=result.target, ok=False, reason="no answer in time", late=True)
            found.append((1, f"the probe of {result.target} starts too late", _with(cell, truth, late)))
    return found


def _result(target: str, *, ok: bool, reason: str = "refused") -> ProbeResult:
    return ProbeResult(target=target, ok=ok, reason="answered" if ok else reason)


def _with(cell: Targets, truth: tuple[ProbeResult, ...], one: ProbeResult) -> tuple[ProbeResult, ...]:
    """A round with one result that is no truth, or that result alone."""
    return tuple(one if r.target == one.target else r for r in truth) if cell.rounds else (one,)


def _told(results: tuple[ProbeResult, ...]) -> str:
    down = [r.target for r in results if not r.ok]
    if len(results) == 1:
        return f"{results[0].target} {'fails' if down else 'answers'}"
    return f"{', '.join(down)} fail, the others answer" if down else "all answer"


def described(before: Any, after: Any) -> list[tuple[str, str, str]]:
    """What differs between two such cells: target, before, after."""
    words = {True: "is down", False: "is up"}
    return [(t, words[t in before.down], words[t in after.down]) for t in sorted(before.down ^ after.down)]
