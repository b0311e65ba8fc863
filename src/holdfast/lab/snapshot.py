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
import gc
import types
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple, TypeAlias

from holdfast.lab.canonical import Forms, NotCanonicalError
from holdfast.ports.operation import Operation

_ASKING = Operation.__await__.__code__
"""What runs while an operation waits for its answer; any other generator is somebody's own, and has a state."""


class Standing(NamedTuple):
    """A frame while it awaits the same thing: it has not run since, so what was bound to a value still is."""

    owner: Any
    awaited: Any
    fixed: Hashable
    """Code, position, and the form of all that can't change."""
    loose: tuple[tuple[str, Any], ...]
    """Objects that somebody else may have changed meanwhile: their form is made anew."""


Chain: TypeAlias = tuple[Standing, ...]


def snapshot(coroutine: Any, forms: Forms, before: Chain = ()) -> tuple[Hashable, Chain]:
    """The canonical local state of a suspended coroutine, in these forms; and its frames, for the next snapshot.

    `before` are the frames of an earlier snapshot of the same coroutine: those that still await the same thing
    are not read again. Most steps run only the innermost of ten.

    Raises:
        NotCanonicalError: with function and variable, when something held is no value.
    """
    chain: list[Standing] = []
    at = coroutine
    while at is not None:
        awaited, frame = _suspended(at)
        if isinstance(at, types.GeneratorType) and at.gi_code is _ASKING:
            break  # the pending operation is part of the state by itself
        known = before[len(chain)] if len(chain) < len(before) else None
        if known is None or known.owner is not at or known.awaited is not awaited or awaited is None:
            known = _standing(at, frame, awaited, forms)
        chain.append(known)
        at = awaited
    moment: dict[int, Hashable] = {}
    return tuple([(s.fixed, *[_loose(s, n, v, forms, moment) for n, v in s.loose]) for s in chain]), tuple(chain)


def _suspended(at: Any) -> tuple[Any, types.FrameType | None]:
    """What a coroutine or generator awaits, and its frame."""
    if isinstance(at, types.CoroutineType):
        return at.cr_await, at.cr_frame
    if isinstance(at, types.GeneratorType):
        return at.gi_yieldfrom, at.gi_frame
    raise NotCanonicalError(f"awaits a {type(at).__name__}: only coroutines over ports can be searched")


def _loose(standing: Standing, name: str, value: Any, forms: Forms, moment: dict[int, Hashable]) -> Hashable:
    """The form of what may change, once for all the frames that hold it at this moment."""
    found = moment.get(id(value))
    if found is None:
        code = (
            standing.owner.cr_code if isinstance(standing.owner, types.CoroutineType) else standing.owner.gi_code
        )
        found = moment[id(value)] = _canonical(value, code, name, forms)
    return found


def _standing(owner: Any, frame: types.FrameType | None, awaited: Any, forms: Forms) -> Standing:
    if frame is None:
        return Standing(owner, awaited, ("ended",), ())
    code = frame.f_code
    # By identity: hashing a code object costs microseconds.
    fixed: list[Hashable] = [id(code), frame.f_lasti]
    loose: list[tuple[str, Any]] = []
    shared = code.co_cellvars + code.co_freevars
    for name, value in _held(owner, frame, awaited):
        form, unchanging = _form(value, code, name, forms)
        if unchanging and name not in shared:
            fixed.append((name, form))
        else:
            fixed.append(name)
            loose.append((name, value))
    return Standing(owner, awaited, forms.token(tuple(fixed)), tuple(loose))


def _held(owner: Any, frame: types.FrameType, awaited: Any) -> Iterator[tuple[str, Any]]:
    """Live locals and the value stack."""
    bound = frame.f_locals
    live = live_locals(frame.f_code).get(frame.f_lasti)
    for name, value in bound.items():
        if live is None or name in live:
            yield name, value
    for value in _stack(owner, frame, len(bound)):
        if value is not awaited:
            yield "value stack", value


def _form(value: Any, code: types.CodeType, name: str, forms: Forms) -> tuple[Hashable, bool]:
    """The form, and whether it can never change."""
    if isinstance(value, types.CoroutineType | types.GeneratorType):
        return None, False
    try:
        return forms.lasting(value)
    except NotCanonicalError as error:
        raise NotCanonicalError(f"{code.co_qualname}: {name}: {error}") from None


def _frame(owner: Any, frame: types.FrameType | None, awaited: Any, forms: Forms) -> Hashable:
    standing = _standing(owner, frame, awaited, forms)
    return (standing.fixed, *[_loose(standing, n, v, forms, {}) for n, v in standing.loose])


def _canonical(value: Any, code: types.CodeType, name: str, forms: Forms) -> Hashable:
    if isinstance(value, types.CoroutineType | types.GeneratorType):
        running = value.__class__ is types.CoroutineType and value.cr_frame
        return snapshot(value, forms)[0] if running else _generator(value, forms)
    try:
        return forms.of(value)
    except NotCanonicalError as error:
        raise NotCanonicalError(f"{code.co_qualname}: {name}: {error}") from None


def _generator(value: Any, forms: Forms) -> Hashable:
    if isinstance(value, types.GeneratorType):
        return _frame(value, value.gi_frame, value.gi_yieldfrom, forms)
    return ("ended",)


def _stack(owner: Any, frame: types.FrameType, bound: int) -> list[Any]:
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


_LIVE: dict[int, tuple[types.CodeType, dict[int, frozenset[str]]]] = {}
"""By the code object's identity, which it keeps alive: hashing one costs microseconds."""


def live_locals(code: types.CodeType) -> dict[int, frozenset[str]]:
    """For each instruction offset, the fast locals that may be read after it before they are written."""
    found = _LIVE.get(id(code))
    if found is None:
        found = _LIVE[id(code)] = (code, _live(code))
    return found[1]


def _live(code: types.CodeType) -> dict[int, frozenset[str]]:
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
    if parse is None:
        # Without it a local that only a handler reads would count as dead, and unlike states as one.
        raise NotCanonicalError("this Python does not tell its exception handlers: the laboratory can't be sound")
    return [(e.start, e.end, e.target) for e in parse(code)]
