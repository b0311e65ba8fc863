"""Learned local automata: the real coroutine is run only on pairs (local state, result) not seen before.

A coroutine's next operation depends only on the results that it has had. So `(state, result) -> (state,
operation)` is a table that fills while a search runs; afterwards the search is look-ups. Two suspended runs are
one state when their snapshots are equal (`lab.snapshot`): that is what makes endless loops finite.

Preconditions are checked, not assumed: every re-run of a path compares each operation with the one recorded
(`NonDeterminismError` names actor, port and, if it is found, the state that runs share), and some paths are run
again for that alone; what awaits no operation, or calls a clock, chance, a file or the like (`lab.suspects`), is
refused with its line (`PortBypassedError`), and what has no canonical form is refused by `lab.snapshot`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Coroutine, Hashable
from typing import Any, TypeAlias

from holdfast.lab.actor import Done, Failed, NonDeterminismError, PortBypassedError, Start
from holdfast.lab.canonical import NOTHING_HIDDEN, Forms, Hidden, NotCanonicalError, text
from holdfast.lab.snapshot import Chain, snapshot
from holdfast.lab.suspects import left_behind, watching
from holdfast.ports.clock import Idle
from holdfast.ports.operation import Operation

Running: TypeAlias = Coroutine[Any, Any, Any]
Pending: TypeAlias = Operation[Any] | Done | Failed

LIVE_MAX = 512
"""Suspended coroutines kept so that their first successor needs no re-run."""

WATCHED = 64
"""Real runs, to the next operation, that are watched for calls of what is no port; later those of a power of 2."""
UNNAMED = "it reads a clock, chance or shared state that is no port, or holds state that its frames do not show"
CHECKED = 16
"""States whose path is run again at once, to see whether it leads there; later those of a power of 2."""


class Automaton:
    """The automaton of one kind of actor. State 0 is the start; states are numbered as they are found."""

    def __init__(self, kind: str, start: Start, *, merge: bool = True, hidden: Hidden = NOTHING_HIDDEN) -> None:
        self.kind = kind
        self.pending: list[Pending] = []
        self.runs = 0
        """How often the real coroutine was started."""
        self._sent = 0
        self._start = start
        self._merge = merge
        self._forms = Forms(hidden)
        self._parents: list[tuple[int, Any] | None] = []
        self._next: list[dict[Any, int]] = []
        self._states: dict[Hashable, int] = {}
        self._live: OrderedDict[int, tuple[Running, Chain]] = OrderedDict()
        running = self._begin()
        self._enter(running, self._send(running, None), None, ())

    def step(self, state: int, result: Hashable) -> int:
        """The state after the pending operation of `state` was answered by `result`."""
        found = self._next[state].get(result)
        if found is None:
            running, chain = self._at(state)
            found = self._enter(running, self._send(running, result), (state, result), chain)
            self._next[state][result] = found
        return found

    def path(self, state: int) -> tuple[Any, ...]:
        """Results that lead from the start to `state` (the first way that was found)."""
        results: list[Any] = []
        parent = self._parents[state]
        while parent is not None:
            results.append(parent[1])
            parent = self._parents[parent[0]]
        return tuple(reversed(results))

    def _begin(self) -> Running:
        self.runs += 1
        return self._start()

    def _at(self, state: int) -> tuple[Running, Chain]:
        """The real coroutine, suspended in `state`: kept alive, or run again along its path; and its frames."""
        live = self._live.pop(state, None)
        return self._again(state) if live is None else live

    def _again(self, state: int) -> tuple[Running, Chain]:
        """A fresh coroutine, led to `state`; each operation on the way is compared with the one recorded."""
        states = [state]
        while (parent := self._parents[states[-1]]) is not None:
            states.append(parent[0])
        states.reverse()
        running = self._begin()
        pending = self._send(running, None)
        for before, after in zip([None, *states], states, strict=False):
            if before is not None:
                parent = self._parents[after]
                assert parent is not None
                pending = self._send(running, parent[1])
            self._same(after, pending)
        return running, ()

    def _same(self, state: int, pending: Pending) -> None:
        recorded = self.pending[state]
        if recorded != pending:
            shared = left_behind(self._start, self.path(state))
            why = f"each run changes {', '.join(shared)}" if shared else UNNAMED
            raise NonDeterminismError(
                f"{self.kind}: the same results led to {describe(pending)} where {describe(recorded)} came "
                f"before: {why}"
            )

    def _send(self, running: Running, result: Any) -> Pending:
        self._sent += 1
        if self._sent > WATCHED and self._sent & (self._sent - 1):
            return send(self.kind, running, result)
        pending: Pending | None = None
        refused: PortBypassedError | None = None
        with watching() as caught:
            try:
                pending = send(self.kind, running, result)
            except PortBypassedError as error:
                refused = error
        if caught:
            running.close()
            towards = "" if pending is None else f" on its way to {describe(pending)}"
            raise PortBypassedError(
                f"{self.kind}: {caught[0].text()}{towards}: code under search asks {caught[0].instead} instead"
            )
        if pending is None:
            assert refused is not None
            raise refused
        return pending

    def _enter(self, running: Running, pending: Pending, parent: tuple[int, Any] | None, chain: Chain) -> int:
        key: Hashable
        if not isinstance(pending, Operation):
            key = pending
        elif self._merge:
            try:
                shot, chain = snapshot(running, self._forms, chain)
            except NotCanonicalError as error:
                raise NotCanonicalError(f"{self.kind}: before {describe(pending)}: {error}") from None
            key = (self._forms.of(pending), shot)
        else:
            key = ((), None) if parent is None else parent
        found = self._states.get(key)
        if found is None:
            found = self._states[key] = len(self.pending)
            self.pending.append(pending)
            self._parents.append(parent)
            self._next.append({})
            if isinstance(pending, Operation):
                self._keep(found, running, chain)
                if found < CHECKED or not found & (found - 1):
                    self._again(found)[0].close()
                return found
        running.close()
        return found

    def _keep(self, state: int, running: Running, chain: Chain) -> None:
        self._live[state] = (running, chain)
        if len(self._live) > LIVE_MAX:
            self._live.popitem(last=False)[1][0].close()

    def __len__(self) -> int:
        return len(self.pending)

    def close(self) -> None:
        """Close the coroutines that are still suspended."""
        for running, _ in self._live.values():
            running.close()
        self._live.clear()


def send(kind: str, running: Running, result: Any) -> Pending:
    """Answer the pending operation; the next one, or how the coroutine ended.

    Raises:
        PortBypassedError: it awaited something that is no operation.
    """
    pending: object
    try:
        pending = running.send(result)
    except StopIteration as stop:
        return Done(stop.value)
    except Exception as error:  # a raising loop is a finding, not a crash of the lab
        return Failed(f"{type(error).__name__}: {error}")
    if not isinstance(pending, Operation):
        running.close()
        raise PortBypassedError(
            f"{kind}: awaited {type(pending).__module__}.{type(pending).__qualname__}, which is no operation of "
            "holdfast.ports: loops of the chain await nothing else"
        )
    return Idle(pending.rest, pending.hints) if isinstance(pending, Idle) else pending  # how long is the adapter's


def describe(pending: Pending) -> str:
    """One line for people: the operation with its port."""
    port = type(pending).__module__.rsplit(".", 1)[-1]
    return f"{port}.{text(pending)}"
