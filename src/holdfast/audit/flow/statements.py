"""Statements: branches, loops, exceptions, contexts."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from holdfast.audit.flow.conditions import Conditions
from holdfast.audit.flow.locks import is_lock
from holdfast.audit.flow.paths import Path
from holdfast.audit.flow.state import NOTHING, Check, State, Value, join

MISSING = frozenset({"KeyError", "LookupError", "AttributeError", "IndexError"})


@dataclass(slots=True)
class _Loop:
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


class Statements(Conditions):
    """Walks a function's body."""

    def walk(self, body: list[ast.stmt]) -> None:
        """All statements in order, until one leaves."""
        self._loops: list[_Loop] = []
        self._finals = 0
        self.block(body)

    def block(self, body: list[ast.stmt]) -> list[State]:
        """Statements in order; the states between them, from which an exception may leave."""
        between = []
        for statement in body:
            if not self.state.live:
                break
            between.append(self.state.copy())
            method = getattr(self, f"_{type(statement).__name__.lower()}", None)
            if method is not None:
                method(statement)
        return between

    # -- simple

    def _expr(self, node: ast.Expr) -> None:
        self.eval(node.value)

    def _assign(self, node: ast.Assign) -> None:
        value = self.eval(node.value)
        for target in node.targets:
            self.assign(target, value, node)

    def _annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.eval(node.value), node)

    def _augassign(self, node: ast.AugAssign) -> None:
        # Python loads the target first: an await on the right lies between its read and its write.
        before = self.eval(_loaded(node.target))
        value = self.eval(node.value)
        mixed = Value(before.readings | value.readings, before.through | value.through, node=node)
        self.assign(node.target, mixed, node, "augment")

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.state.bind(target.id, NOTHING)
            else:
                self.assign(target, NOTHING, node, "delete")

    def _return(self, node: ast.Return) -> None:
        value = self.eval(node.value)
        for listener in self.listeners.left:
            listener(self.view, value, node)
        self.state.live = False

    def _raise(self, node: ast.Raise) -> None:
        self.eval(node.exc)
        self.eval(node.cause)
        self.state.live = False

    def _assert(self, node: ast.Assert) -> None:
        """A re-check that speaks up; never the check of a finding itself."""
        yes, _ = self.condition(node.test)
        for check in yes:
            if self.state.stale(check.reading) is None:
                self.state.drop(check.reading.path)

    def _functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.state.bind(node.name, Value(node=node))

    _asyncfunctiondef = _classdef = _functiondef

    # -- branches

    def _if(self, node: ast.If) -> None:
        yes, no = self.branch(node.test)
        self.view.state = yes
        self.block(node.body)
        yes, self.view.state = self.state, no
        self.block(node.orelse)
        self.view.state = join([yes, self.state])

    def _match(self, node: ast.Match) -> None:
        subject = self.eval(node.subject)
        before, ends = self.state, []
        for case in node.cases:
            self.view.state = before.copy()
            self._bind_pattern(case.pattern, subject)
            self.state.checks += tuple(Check(r, None, "compare", node.subject) for r in subject.readings)
            if case.guard is not None:
                self.view.state, _ = self.branch(case.guard)
            self.block(case.body)
            ends.append(self.state)
        if not any(_catches_all(case) for case in node.cases):
            ends.append(before)
        self.view.state = join(ends)

    def _bind_pattern(self, pattern: ast.pattern, subject: Value) -> None:
        for part in ast.walk(pattern):
            name = getattr(part, "name", None) or getattr(part, "rest", None)
            if isinstance(name, str):
                self.state.bind(name, Value(subject.readings, subject.through))

    # -- loops

    def _while(self, node: ast.While) -> None:
        before = self.state.copy()
        head = before
        after: list[State] = []
        for _ in range(2):
            self.view.state = head.copy()
            yes, no = self.branch(node.test, loop=True)
            loop, end = self._turn(yes, node.body)
            head = join([before, end, *loop.continues])
            after = [no, *loop.breaks]
        self._after_loop(after[0], after[1:], node.orelse)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        source = self.eval(node.iter)
        before = self.state.copy()
        head, breaks = before, []
        for _ in range(2):
            self.view.state = head.copy()
            if isinstance(node, ast.AsyncFor):
                self.gap(node, "async for")
            self.assign(node.target, Value(source.readings, source.through), node)
            loop, end = self._turn(self.state, node.body)
            head = join([before, end, *loop.continues])
            breaks = loop.breaks
        self._after_loop(head, breaks, node.orelse)

    _asyncfor = _for

    def _turn(self, state: State, body: list[ast.stmt]) -> tuple[_Loop, State]:
        loop = _Loop()
        self._loops.append(loop)
        self.view.state = state
        self.block(body)
        self._loops.pop()
        return loop, self.state

    def _after_loop(self, done: State, breaks: list[State], orelse: list[ast.stmt]) -> None:
        self.view.state = done
        self.block(orelse)
        self.view.state = join([self.state, *breaks])

    def _break(self, node: ast.Break) -> None:
        if self._loops:
            self._loops[-1].breaks.append(self.state.copy())
        self.state.live = False

    def _continue(self, node: ast.Continue) -> None:
        if self._loops:
            self._loops[-1].continues.append(self.state.copy())
        self.state.live = False

    # -- exceptions and contexts

    def _try(self, node: ast.Try) -> None:
        outer = self.view.handled
        self.view.handled = outer.union(*(_names(h.type) or {"BaseException"} for h in node.handlers))
        between = self.block(node.body)
        self.view.handled = outer
        self.block(node.orelse)
        ends = [self.state]
        thrown = join([*between, self.state]) if between else self.state
        thrown.live = True
        for handler in node.handlers:
            self.view.state = thrown.copy()
            self._absent(node, handler)
            if handler.name:
                self.state.bind(handler.name, NOTHING)
            self.block(handler.body)
            ends.append(self.state)
        self.view.state = join(ends)
        if node.finalbody:
            self._finally(node.finalbody, [thrown, *ends])

    _trystar = _try

    def _finally(self, body: list[ast.stmt], ends: list[State]) -> None:
        normal = self.state
        self._finals += 1
        if self._finals <= 3:  # deeper ones only once: each level doubles the work
            self.view.state = join(ends)
            self.state.live = True
            self.block(body)
        self._finals -= 1
        self.view.state = normal
        self.block(body)

    def _absent(self, node: ast.Try, handler: ast.ExceptHandler) -> None:
        """`try: self.d[k]` `except KeyError:` is a check, too."""
        if not (_names(handler.type) & MISSING) or len(node.body) != 1:
            return
        value = getattr(node.body[0], "value", None)
        if not isinstance(value, ast.Subscript | ast.Attribute):
            return
        found = self.eval(value)
        if found.path is not None:
            self.state.drop(found.path)
            self.state.checks += tuple(
                Check(r, False, "member", node.body[0]) for r in found.readings if r.path == found.path
            )

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        held = self.state.held
        for number, item in enumerate(node.items):
            value = self.eval(item.context_expr)
            if isinstance(node, ast.AsyncWith):
                self.gap(node, "async with")
            if is_lock(item.context_expr, self.scope):
                path = value.path or Path("lock", (ast.dump(item.context_expr)[:200],))
                self.state.held |= {("lock", path, id(node), number)}
            if item.optional_vars is not None:
                self.assign(item.optional_vars, Value(value.readings, value.through), node)
        locked = self.state.held - held
        self.block(node.body)
        self.state.held -= locked
        if isinstance(node, ast.AsyncWith) and not locked:
            self.gap(node, "async with")

    _asyncwith = _with


def _loaded(target: ast.expr) -> ast.expr:
    """An augmented target is read as well as written."""
    return target


def _names(node: ast.expr | None) -> frozenset[str]:
    if node is None:
        return frozenset()
    if isinstance(node, ast.Tuple):
        return frozenset().union(*(_names(e) for e in node.elts))
    if isinstance(node, ast.Attribute):
        return frozenset({node.attr})
    return frozenset({node.id}) if isinstance(node, ast.Name) else frozenset()


def _catches_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
