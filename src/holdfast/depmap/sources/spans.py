"""Spans to calls, in one pass and bounded memory: traces are larger than anything else that is read here.

A span may come before its parent, and in OTLP in another batch. Both wait in tables of bounded size; what fell out
of them before its other half came is counted, never guessed.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from holdfast.depmap.sources.calls import Calls

WAITING_MAX = 500_000
"""Spans remembered for others to refer to: some 200 MB."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """What matters of a span. `ends` is in any unit that its trace shares; 0 when not known."""

    key: bytes
    parent: bytes
    service: str
    ends: int
    failed: bool
    message: bool
    peer: str
    """Name of an uninstrumented other side (`service.peer.name`, `peer.service`, a database), of a client span."""


class Folding:
    """Folds spans into calls between services."""

    def __init__(self, waiting_max: int = WAITING_MAX) -> None:
        self.calls: dict[tuple[str, str], Calls] = {}
        self.services: dict[str, int] = {}
        self.spans = 0
        self.lost = 0
        """Spans whose parent was not seen within the window."""
        self._max = waiting_max
        self._known: OrderedDict[bytes, Span] = OrderedDict()
        self._children: OrderedDict[bytes, list[Span]] = OrderedDict()
        self._answered: set[bytes] = set()

    def take(self, span: Span) -> None:
        """One span, in any order."""
        self.spans += 1
        self.services[span.service] = self.services.get(span.service, 0) + 1
        self._known[span.key] = span
        for child in self._children.pop(span.key, ()):
            self._call(span, child)
        if span.parent:
            parent = self._known.get(span.parent)
            if parent is not None:
                self._call(parent, span)
            else:
                self._children.setdefault(span.parent, []).append(span)
        while len(self._known) > self._max:
            self._forget(*self._known.popitem(last=False))
        while len(self._children) > self._max:
            self.lost += len(self._children.popitem(last=False)[1])

    def _call(self, parent: Span, child: Span) -> None:
        if child.service == parent.service:
            return
        self._answered.add(parent.key)
        self._count(parent.service, child.service, parent, child)

    def _count(self, of: str, on: str, parent: Span, child: Span) -> None:
        counts = self.calls.setdefault((of, on), Calls())
        counts.calls += 1
        counts.failed += child.failed
        counts.carried += child.failed and parent.failed
        counts.outlived += bool(child.ends and parent.ends and child.ends > parent.ends)
        counts.messages += child.message or parent.message

    def _forget(self, key: bytes, span: Span) -> None:
        """A client span that nobody answered for names its other side itself."""
        answered = key in self._answered
        self._answered.discard(key)
        if answered or not span.peer or span.peer == span.service:
            return
        caller = self._known.get(span.parent)
        counts = self.calls.setdefault((span.service, span.peer), Calls())
        counts.calls += 1
        counts.failed += span.failed
        counts.carried += span.failed and caller is not None and caller.failed
        counts.messages += span.message

    def close(self) -> None:
        """End of the input."""
        for key, span in list(self._known.items()):
            self._forget(key, span)
        self._known.clear()
        self.lost += sum(len(children) for children in self._children.values())
        self._children.clear()

    def warnings(self, source: str) -> list[str]:
        """What could not be used."""
        if not self.lost:
            return []
        return [f"{source}: {self.lost:,} of {self.spans:,} spans name a parent that is not in the file"]
