"""Where a task stands: the innermost line of the user's own code, and what it awaits there."""

from __future__ import annotations

import asyncio
import contextlib
import linecache
import os
import types
from pathlib import Path
from typing import Any, NamedTuple

from holdfast.virtual import timed

_LIBRARY = (
    str(Path(asyncio.__file__).parent) + os.sep,
    contextlib.__file__,
    str(Path(__file__).parent) + os.sep,
    str(Path(timed.__file__).parent) + os.sep,
)


class Place(NamedTuple):
    """A line of code. `function` is its qualified name; `awaits` what it waits for there, in words."""

    file: str
    line: int
    function: str
    awaits: str

    @property
    def short(self) -> str:
        """File and line."""
        return f"{Path(self.file).name}:{self.line}"

    @property
    def source(self) -> str:
        """The text of the line."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def stable(self) -> str:
        """What stays the same when lines above are edited: what a trace hashes."""
        return f"{self.function}|{self.awaits}"


def place_of(task: asyncio.Task[Any]) -> Place | None:
    """Where a suspended task stands; None if it ended or hides its frames."""
    at: Any = task.get_coro()
    found: types.FrameType | None = None
    awaits = ""
    while at is not None:
        frame, awaited = _frame(at)
        if frame is None:
            awaits = awaits or _words(getattr(task, "_fut_waiter", None) or at)
            break
        if found is None or is_users(frame.f_code.co_filename):
            found, awaits = frame, ""
        elif not frame.f_code.co_name.startswith("_"):
            awaits = frame.f_code.co_qualname  # of `async with lock` it says `Lock.acquire`
        at = awaited
    if found is None:
        return None
    return Place(found.f_code.co_filename, found.f_lineno, found.f_code.co_qualname, awaits)


def is_users(file: str) -> bool:
    """Whether a file is none of asyncio's or the laboratory's."""
    return not file.startswith(_LIBRARY)


def _frame(at: Any) -> tuple[types.FrameType | None, Any]:
    if isinstance(at, types.CoroutineType):
        return at.cr_frame, at.cr_await
    if isinstance(at, types.GeneratorType):
        return at.gi_frame, at.gi_yieldfrom
    if isinstance(at, types.AsyncGeneratorType):
        return at.ag_frame, at.ag_await
    return None, None


def _words(awaited: Any) -> str:
    if isinstance(awaited, asyncio.Task):
        return f"task {awaited.get_name()}"
    if type(awaited).__name__ == "_GatheringFuture":
        return "gather"
    return "a future" if asyncio.isfuture(awaited) else type(awaited).__name__
