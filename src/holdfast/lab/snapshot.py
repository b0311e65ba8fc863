"""Where a suspended coroutine stands: code, position, live locals and value stack of each frame on the way.

A coroutine's future depends on nothing else, as long as it talks only through ports. So two suspended runs with
equal snapshots are the same local state, and a search may go on from either.

- The *value stack* counts too: a `for` loop keeps its iterator there, a half-built call its arguments. CPython
  shows it to the garbage collector, `gc.get_referents`.
- *Dead* locals don't count: what will be overwritten before it is read can't matter. Without this, what a loop
  read in its last round would tell apart states that behave alike. Liveness comes from the byte code.
"""

from __future__ import annotations

import dis
import functools
import gc
import types
from collections.abc import Hashable
from typing import Any

from holdfast.lab.canonical import Forms, NotCanonicalError


def snapshot(coroutine: Any, forms: Forms) -> Hashable:
    """The canonical local state of a suspended coroutine, in these forms.

    Raises:
        NotCanonicalError: with function and variable, when something held is no value.
    """
    frames: list[Hashable] = []
    at = coroutine
    while at is not None:
        if isinstance(at, types.CoroutineType):
            frames.append(_frame(at, at.cr_frame, at.cr_await, forms))
            at = at.cr_await
        elif isinstance(at, types.GeneratorType):
            if at.gi_yieldfrom is None:
                break  # the `__await__` of the pending operation, which is part of the state by itself
            frames.append(_frame(at, at.gi_frame, at.gi_yieldfrom, forms))
            at = at.gi_yieldfrom
        else:
            raise NotCanonicalError(f"awaits a {type(at).__name__}: only coroutines over ports can be searched")
    return tuple(frames)


def _frame(owner: Any, frame: types.FrameType | None, awaited: Any, forms: Forms) -> Hashable:
    if frame is None:
        return ("ended",)
    code = frame.f_code
    bound = frame.f_locals
    live = live_locals(code).get(frame.f_lasti)
    local = tuple(
        (name, _canonical(value, code, name, forms))
        for name, value in bound.items()
        if live is None or name in live
    )
    stack = tuple(
        _canonical(value, code, "value stack", forms) for value in _stack(owner, frame) if value is not awaited
    )
    return (id(code), frame.f_lasti, local, stack)  # by identity: hashing a code object costs microseconds


def _canonical(value: Any, code: types.CodeType, name: str, forms: Forms) -> Hashable:
    if isinstance(value, types.CoroutineType | types.GeneratorType):
        running = value.__class__ is types.CoroutineType and value.cr_frame
        return snapshot(value, forms) if running else _generator(value, forms)
    try:
        return forms.of(value)
    except NotCanonicalError as error:
        raise NotCanonicalError(f"{code.co_qualname}: {name}: {error}") from None


def _generator(value: Any, forms: Forms) -> Hashable:
    if isinstance(value, types.GeneratorType):
        return _frame(value, value.gi_frame, value.gi_yieldfrom, forms)
    return ("ended",)


def _stack(owner: Any, frame: types.FrameType) -> list[Any]:
    """What lies on the frame's value stack: the referents behind header and locals."""
    referents = gc.get_referents(owner)
    code = frame.f_code
    start = next(
        (i + 1 for i, r in enumerate(referents) if type(r) is types.FunctionType and r.__code__ is code), None
    )
    if start is None:
        raise NotCanonicalError(f"{code.co_qualname}: this Python hides the value stack of coroutines")
    if start < len(referents) and referents[start] is code:
        start += 1
    bound = len(frame.f_locals)
    # A cell that is not filled yet is a referent but no bound local; it then counts as stack: harmless, it is
    # canonical by its emptiness only if we look for it.
    unfilled = sum(1 for r in referents[start:] if type(r) is types.CellType and not _filled(r))
    return referents[start + bound + unfilled :]


def _filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


@functools.cache
def live_locals(code: types.CodeType) -> dict[int, frozenset[str]]:
    """For each instruction offset, the fast locals that may be read after it before they are written."""
    instructions = list(dis.get_instructions(code))
    index = {ins.offset: i for i, ins in enumerate(instructions)}
    cells = frozenset(code.co_cellvars) | frozenset(code.co_freevars)
    uses, kills = zip(*(_effects(ins) for ins in instructions), strict=True)
    after = [_successors(i, ins, index) for i, ins in enumerate(instructions)]
    for first, last, target in _handlers(code):
        for i, ins in enumerate(instructions):
            if first <= ins.offset < last:
                after[i].append(index[target])
    live: list[frozenset[str]] = [frozenset()] * len(instructions)
    changed = True
    while changed:
        changed = False
        for i in range(len(instructions) - 1, -1, -1):
            out = frozenset().union(*(live[j] for j in after[i] if j < len(live)))
            new = uses[i] | (out - kills[i])
            if new != live[i]:
                live[i], changed = new, True
    return {
        ins.offset: frozenset().union(*(live[j] for j in after[i] if j < len(live))) | live[i] | cells
        for i, ins in enumerate(instructions)
    }


def _effects(ins: dis.Instruction) -> tuple[frozenset[str], frozenset[str]]:
    names = frozenset(ins.argval if isinstance(ins.argval, tuple) else (ins.argval,))
    if "FAST" not in ins.opname:
        return frozenset(), frozenset()
    if ins.opname == "STORE_FAST":
        return frozenset(), names
    if ins.opname == "DELETE_FAST":
        return names, frozenset()
    # Any other, also the super-instructions of later Pythons, counts as a read: more live is only less merging.
    return frozenset(n for n in names if isinstance(n, str)), frozenset()


def _successors(i: int, ins: dis.Instruction, index: dict[int, int]) -> list[int]:
    if ins.opname in ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"):
        return []
    found = [] if ins.opname in ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT") else [i + 1]
    if ins.opcode in dis.hasjrel or ins.opcode in dis.hasjabs:
        found.append(index[ins.argval])
    return found


def _handlers(code: types.CodeType) -> list[tuple[int, int, int]]:
    parse = getattr(dis, "_parse_exception_table", None)
    return [] if parse is None else [(e.start, e.end, e.target) for e in parse(code)]
