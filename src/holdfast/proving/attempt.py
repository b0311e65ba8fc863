"""One finding tried, in a process of its own: importing somebody's code runs it, and it may do anything.

python -m holdfast.proving.attempt < task.json: the proof is the last line of standard output.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

import msgspec

from holdfast import lab
from holdfast.proving.making import arguments
from holdfast.proving.script import Variant, text, variants
from holdfast.proving.values import Answer, Proof, Task


def attempt(task: Task) -> Proof:
    """Try variants, the most real first, until one comes to the act: then it is proven or guarded."""
    sys.path.insert(0, task.root)
    try:
        module = importlib.import_module(task.module)
    except BaseException as error:  # somebody's code runs here: SystemExit too
        return Proof(Answer.NOT_REACHED, f"{task.module} can't be imported: {_short(error)}")
    if "<locals>" in task.function:
        return Proof(
            Answer.NOT_REACHED, f"{task.function} is a function within a function: call it in a test of yours"
        )
    best = Proof(Answer.NOT_REACHED, "there is no way to call it")
    for variant in variants(task):
        proof = _try(task, module, variant)
        if proof.answer is Answer.PROVEN:
            return proof
        if proof.answer is Answer.GUARDED:
            return proof  # what is made up beyond this could only take the guard away: a stand-in is no lock
        if not best.test:
            best = proof
    return best


def _try(task: Task, module: types.ModuleType, variant: Variant) -> Proof:
    try:
        test = text(task, variant, *_calls(task, module, variant))
        space: dict[str, Any] = {"__name__": "proof"}
        exec(compile(test, "proof.py", "exec"), space)  # noqa: S102  # the test that is handed over, run as it is
        report = lab.explore(space["test_nobody_acts_on_a_stale_check"], seconds=task.seconds, name=task.function)
    except BaseException as error:
        return Proof(Answer.NOT_REACHED, f"{_made_up(variant)}{_short(error)}")
    if report.broken and "StaleCheck" in report.broken:
        return Proof(Answer.PROVEN, f"{_made_up(variant)}{report.broken}", report.text(), test)
    if report.broken:
        return Proof(Answer.NOT_REACHED, f"{_made_up(variant)}{report.broken}", test=test)
    if space["GAP"].acts:
        return Proof(Answer.GUARDED, f"{_made_up(variant)}{report.outcome.sentence()}", test=test)
    return Proof(Answer.NOT_REACHED, f"{_made_up(variant)}no caller came to the act", test=test)


def _calls(task: Task, module: types.ModuleType, variant: Variant) -> tuple[str, str]:
    """Arguments of the class and of the function."""
    owner, _, name = task.function.rpartition(".")
    if not owner:
        return "", arguments(getattr(module, name))
    kind: Any = module
    for part in owner.split("."):
        kind = getattr(kind, part)
    held = _member(kind, name)
    bound = isinstance(held, staticmethod)
    return ("" if variant.bare else arguments(kind)), arguments(_plain(held), skip=0 if bound else 1)


def _member(kind: type, name: str) -> Any:
    """A member of a class as it was written: a classmethod object, not what it is bound to."""
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    raise AttributeError(f"{kind.__qualname__} has no {name!r}")


def _plain(member: Any) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(member, "__func__", member)
    return function


def _made_up(variant: Variant) -> str:
    return f"with {variant.said}: " if variant.said else ""


def _short(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def main() -> None:
    """Read a task, say the proof."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    out, sys.stdout = sys.stdout, sys.stderr  # what the code prints is not the answer
    proof = attempt(task)
    out.write("\n" + msgspec.json.encode(proof).decode() + "\n")


if __name__ == "__main__":
    main()
