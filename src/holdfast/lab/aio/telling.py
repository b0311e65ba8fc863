"""A run of asyncio code in words: who ran, where each then waited, and where asyncio alone would have gone on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from holdfast.lab.aio.loop import PAUSE, RESUME, TIME
from holdfast.lab.aio.running import Ended, Told


def trace_of(ended: Ended) -> str:
    """SHA-256 of what happened; line numbers are left out, so that a comment does not change it."""
    digest = hashlib.sha256()
    for told in ended.told:
        digest.update(f"{told.trace}\n".encode())
    digest.update(f"{ended.broken.key if ended.broken else ''}".encode())
    return digest.hexdigest()


def tell(ended: Ended) -> str:
    """The whole story. asyncio's own callbacks are left out where nobody chose them."""
    told = list(_worth_telling(ended.told))
    width = max((len(t.who) for _, t in told), default=0)
    lines = [_line(number, t, width) for number, t in told]
    if ended.broken is not None:
        lines.append(f"     => BROKEN: {ended.broken.text}")
        lines += [f"        {line}" for line in ended.broken.rest]
    return "\n".join(lines)


def _worth_telling(told: Sequence[Told]) -> Iterable[tuple[int, Told]]:
    for number, one in enumerate(told, 1):
        if one.place is not None or one.end or one.what or one.logs or one.instead_of:
            yield number, one


def _line(number: int, told: Told, width: int) -> str:
    text = f"{number:4}  {told.time_s:7.3f} s  {told.who:<{width}}  {did(told)}"
    if told.instead_of:
        text += f"   <- before {told.instead_of}, whose turn it was"
    indent = " " * (19 + width)
    return text + "".join(f"\n{indent}logs {line}" for line in told.logs)


def did(told: Told) -> str:
    """What a step did, and where it then waits."""
    if told.what == PAUSE:
        return "IS PAUSED, ready to go on"
    if told.what == TIME:
        return "time passes to the next timer"
    how = told.end or _stands(told) or "runs"
    return f"goes on after its pause: {how}" if told.what == RESUME else how


def _stands(told: Told) -> str:
    place = told.place
    if place is None:
        return ""
    awaits = f"waits for {place.awaits}" if place.awaits else "yields"
    return f"{awaits} at {place.short}: {place.source}"
