"""The test that shows a finding, as text: what runs here is what a person keeps, reads and mends."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import msgspec

from holdfast.proving.values import Task

_TEMPLATE = '''"""{rule}: {path} in {module}.{function}: check at line {check}, act at line {act}.

Written by `holdfast audit --prove`. Run it with PYTHONPATH={root}; mend what it makes up, and keep it.
"""

import asyncio
import contextlib
import importlib
from pathlib import Path

import pytest

from holdfast.proving import Gap, Stand, bare, swapped

GAP = Gap(check={check_at!r}, act={act_at!r}, path={path!r})


@pytest.mark.interleavings
async def test_nobody_acts_on_a_stale_check() -> None:
    """Two callers at the same time: each one's check still holds when it acts."""
    module = importlib.import_module({module!r})
    async with contextlib.AsyncExitStack() as stack:
{setup}
        with GAP.watched():
            await asyncio.gather({call}, {call}, return_exceptions=True)
'''
STARTS = ("", "None", "{}", "False")
"""What the checked attribute is set to before: nothing, or a value that checks for absence pass."""


class Variant(msgspec.Struct, frozen=True):
    """One way to try: which awaited calls have stand-ins, what the path holds before, whether `__init__` runs."""

    swaps: tuple[tuple[str, str], ...] = ()
    start: str = ""
    bare: bool = False

    @property
    def said(self) -> str:
        """In words, what is made up."""
        parts = []
        if self.bare:
            parts.append("an object without its __init__")
        if self.swaps:
            parts.append("stand-ins for " + ", ".join(f"{owner}.{name}" for owner, name in self.swaps))
        if self.start:
            parts.append(f"the checked attribute set to {self.start} before")
        return "; ".join(parts)


def variants(task: Task) -> Iterator[Variant]:
    """The most real first: nothing swapped, then what the gap awaits, then all that the function awaits."""
    tree = _function(task)
    every = tuple(_awaited(tree)) if tree is not None else ()
    at_gap = tuple((o, n) for line, o, n in every if task.gap and line == task.gap[1])
    levels = list(
        dict.fromkeys(((), tuple(dict.fromkeys(at_gap)), tuple(dict.fromkeys((o, n) for _, o, n in every))))
    )
    method = "." in task.function
    attribute = method and task.path.startswith("self.")
    for bare in (False, True) if method else (False,):
        for start in STARTS if attribute else ("",):
            for swaps in levels:
                yield Variant(swaps=swaps, start=start, bare=bare)


def text(task: Task, variant: Variant, make: str, call: str) -> str:
    """The whole test. `make` are arguments of the class (or empty), `call` those of the function."""
    owner, _, name = task.function.rpartition(".")
    lines = []
    if owner:
        lines.append(_made(owner, variant, make))
    if variant.start:
        lines.append(f"subject.{_attribute(task.path)} = {variant.start}")
    lines += [f"stack.enter_context(swapped({of}, {what!r}))" for of, what in variant.swaps]
    return _TEMPLATE.format(
        rule=task.rule,
        path=task.path,
        module=task.module,
        function=task.function,
        root=task.root,
        check=task.check[1],
        act=task.act[1],
        check_at=task.check,
        act_at=task.act,
        setup="\n".join(f"        {line}" for line in lines) or "        pass",
        call=f"{'subject' if owner else 'module'}.{name}({call})",
    )


def _made(owner: str, variant: Variant, make: str) -> str:
    if not variant.bare:
        return f"subject = module.{owner}({make})"
    return f"subject = bare(module.{owner})"


def _attribute(path: str) -> str:
    return path.removeprefix("self.").partition(".")[0].partition("[")[0]


def _function(task: Task) -> ast.AST | None:
    """The definition that holds the check."""
    found: ast.AST | None = None
    for node in ast.walk(ast.parse(Path(task.check[0]).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno <= task.check[1] <= (
            node.end_lineno or node.lineno
        ):
            found = node
    return found


def _awaited(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, owner and name of each call that is awaited, where the owner can be named from a test."""
    for node in ast.walk(tree):
        for call in _calls(node):
            function = call.func
            if isinstance(function, ast.Name):
                yield call.lineno, "module", function.id
            elif isinstance(function, ast.Attribute):
                owner = ast.unparse(function.value)
                if owner == "self" or owner.startswith("self."):
                    yield call.lineno, "subject" + owner.removeprefix("self"), function.attr


def _calls(node: ast.AST) -> list[ast.Call]:
    if isinstance(node, ast.Await):
        values: list[ast.expr] = [node.value]
    elif isinstance(node, ast.AsyncWith):
        values = [item.context_expr for item in node.items]
    elif isinstance(node, ast.AsyncFor):
        values = [node.iter]
    else:
        return []
    return [value for value in values if isinstance(value, ast.Call)]
