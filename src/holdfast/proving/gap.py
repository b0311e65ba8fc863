"""Watches a check and an act while code runs: did somebody act on a check that another had made stale?

It follows single instructions of the frames that hold the two lines, and nothing else, so the code runs as it is.
"""

from __future__ import annotations

import asyncio
import dis
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

Where = tuple[str, int]
"""File and line, which counts from 1."""
_STORES = ("STORE_ATTR", "STORE_SUBSCR", "STORE_GLOBAL", "DELETE_ATTR", "DELETE_SUBSCR", "DELETE_GLOBAL")


class StaleCheck(AssertionError):
    """An act on a check that was no longer so."""


class _Looked(NamedTuple):
    at: int
    who: str


class Gap:
    """A check and its act. `acts` counts acts that followed a check, over all runs: 0 means nobody came there."""

    def __init__(self, *, check: Where, act: Where, path: str) -> None:
        self._check = (str(Path(check[0]).resolve()), check[1])
        self._act = (str(Path(act[0]).resolve()), act[1])
        self._path = path
        self._instructions: dict[CodeType, frozenset[int] | None] = {}
        self._clock = 0
        self._looked: dict[tuple[object, int], _Looked] = {}
        self._done: list[tuple[object, int, _Looked]] = []
        self._stale = ""
        self.acts = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within this, checks and acts are seen.

        Raises:
            StaleCheck: at its end, if somebody acted on a stale check.
        """
        self._looked, self._done, self._stale = {}, [], ""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)
        if self._stale:
            raise StaleCheck(self._stale)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        acts = self._acts(frame.f_code)
        if acts is None:
            return None
        frame.f_trace_opcodes = bool(acts)
        return self._stepped

    def _stepped(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and self._is(frame, self._check) and frame.f_lineno == self._check[1]:
            self._looks(frame)
        elif event == "opcode" and frame.f_lasti in (self._acts(frame.f_code) or ()):
            self._acting(frame)
        return self._stepped

    def _looks(self, frame: FrameType) -> None:
        self._clock += 1
        self._looked[_task(), self._root(frame)] = _Looked(self._clock, _name())

    def _acting(self, frame: FrameType) -> None:
        self._clock += 1
        root = self._root(frame)
        looked = self._looked.pop((_task(), root), None)
        if looked is None:
            return
        self.acts += 1
        for who, where, done in self._done:
            if who is not _task() and where == root and done.at > looked.at and not self._stale:
                self._stale = (
                    f"{_name()} acted on {self._path} at line {self._act[1]}; its check at line {self._check[1]}"
                    f" was older than the same act by {done.who}"
                )
        self._done.append((_task(), root, _Looked(self._clock, _name())))

    def _root(self, frame: FrameType) -> int:
        """Which object the path begins at: two objects of a class have nothing to do with each other."""
        name = self._path.partition(".")[0].partition("[")[0]
        return id(frame.f_locals[name]) if name in ("self", "cls") and name in frame.f_locals else 0

    def _is(self, frame: FrameType, where: Where) -> bool:
        return str(Path(frame.f_code.co_filename).resolve()) == where[0]

    def _acts(self, code: CodeType) -> frozenset[int] | None:
        """Offsets of the instructions that are the act; None for code that holds neither line."""
        if code not in self._instructions:
            self._instructions[code] = self._find(code)
        return self._instructions[code]

    def _find(self, code: CodeType) -> frozenset[int] | None:
        file = str(Path(code.co_filename).resolve()) if code.co_filename else ""
        lines = {line for _, _, line in code.co_lines() if line is not None}
        held = [where for where in (self._check, self._act) if where[0] == file and where[1] in lines]
        if not held:
            return None
        if self._act not in held:
            return frozenset()
        there = [i for i in dis.get_instructions(code) if i.positions and i.positions.lineno == self._act[1]]
        stores = [i.offset for i in there if i.opname in _STORES]
        calls = [i.offset for i in there if i.opname.startswith("CALL")]
        return frozenset(stores or calls[-1:])


def _task() -> object:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _name() -> str:
    task = _task()
    return task.get_name() if isinstance(task, asyncio.Task) else "somebody"
