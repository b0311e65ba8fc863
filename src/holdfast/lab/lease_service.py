"""The shipped lease loop under search: one run of it after the other on one store, its commits on their way.

A world on top of it says who calls, and what else may happen; it searches by `engines.rerun`, since the loop's
state is no value. Commits stay on their way until the search lets them arrive, also after the crash of who sent
them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Hashable
from enum import Enum
from typing import Any, Final

from holdfast.leases.desk import Capacity, Desk
from holdfast.leases.law import LeaseSettings
from holdfast.leases.loop import lease_loop
from holdfast.leases.writing import Writer
from holdfast.model.keys import Keys
from holdfast.model.lease import Result
from holdfast.ports.disk import Load, Promote, Stage
from holdfast.ports.events import Emit
from holdfast.ports.leases import Call, Reply, Submit, Written
from holdfast.ports.operation import CouldNotAsk, Loop, Operation
from holdfast.ports.random import NewId
from holdfast.ports.store import Commit, Get, Range
from holdfast.stores.memory import MemoryState

SCOPE: Final = "lab"


class ServiceUnderSearch(ABC):
    """See the module."""

    settings: LeaseSettings
    capacity: Capacity | None = None
    left: dict[str, int]
    """What the search may still do, by kind."""

    def __init__(self) -> None:
        self.broken = ""
        self.now_s = 0.0
        self.store = MemoryState(revision=1)
        self.disk: dict[str, bytes] = {}
        self.calls: list[Call] = []
        self.commits: list[tuple[int, Submit]] = []
        self.written: list[Written] = []
        self.run = 0
        self.start()

    @abstractmethod
    def replied(self, call: int, result: Result) -> None:
        """The service answers a call."""

    @abstractmethod
    def ended(self) -> None:
        """The run is over: whoever waits for it hears nothing from it."""

    def service_key(self, opaque: tuple[type, ...]) -> tuple[Hashable, ...]:
        """Store, disk, what is on its way, and the loop's state, without what `opaque` kinds of objects keep."""
        desk = self.desk()
        position: Hashable = tuple(self._since) if desk is None else frozen(desk, opaque)
        return (
            self.store.canonical(),
            tuple(sorted(self.disk.items())),
            tuple((run == self.run, submit) for run, submit in self.commits),
            (repr(self.pending), position, self._owner_rank()),
        )

    # -- its runs ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new process: it begins to take over."""
        self.run += 1
        self._loop: Loop[Any] = lease_loop(SCOPE, self.settings, capacity=self.capacity)
        self._since: list[str] = []
        self._seen_s = -1.0
        self.pending: Operation[Any] = self._loop.send(None)

    def one_operation(self, _: int = 0) -> None:
        """The question to the store that it waits for."""
        operation = self.pending
        assert isinstance(operation, Get | Range | Commit), operation
        self.send(self.store.apply(operation))

    def send(self, result: Any) -> None:
        """It goes on, with the answer to what it asked."""
        if self.desk() is None:
            self._since.append(repr((self.pending, result)))
        try:
            self.pending = self._loop.send(result)
        except StopIteration:
            # Superseded, which in this world only a restored store does: whoever runs it starts it again.
            self.crashed()

    def _inward(self, operation: Operation[Any]) -> Any:
        match operation:
            case Submit(ticket=ticket, commit=commit) if not (commit.puts or commit.deletes):
                self.written.append(Written(ticket, self.store.apply(commit)))  # a sign of life writes nothing
            case Submit():
                self.commits.append((self.run, operation))
            case Reply(results=results):
                for me, result in results:
                    self.replied(me, result)
            case NewId():
                return f"run{self.run}"
            case Load(name=name):
                return self.disk.get(name)
            case Stage(name=name, data=data):
                self.disk[name + ".tmp"] = data
            case Promote(name=name):
                self.disk[name] = self.disk.pop(name + ".tmp")
            case _:
                assert isinstance(operation, Emit), operation
        return None

    def apply(self, at: int) -> None:
        """A commit arrives at the store."""
        run, submit = self.commits.pop(at)
        result = self.store.apply(submit.commit)
        if run == self.run and submit.ticket:
            self.written.append(Written(submit.ticket, result))

    def lose_answer(self, at: int) -> None:
        """It stays on its way, and may be applied at any time from now on, or never."""
        self.left["unknown"] -= 1
        run, submit = self.commits.pop(at)
        self.commits.append((run, Submit(0, submit.commit)))
        self.written.append(Written(submit.ticket, CouldNotAsk("no answer", maybe_applied=True)))

    def crashed(self) -> None:
        """The process is gone, and the next one begins."""
        self._loop.close()
        self.ended()
        self.calls, self.written = [], []
        self.start()

    def desk(self) -> Desk | None:
        """Its state, once it has taken over."""
        frame = getattr(self._loop, "cr_frame", None)
        found = None if frame is None else frame.f_locals.get("desk")
        return found if isinstance(found, Desk) else None

    def _owner_rank(self) -> int:
        """The revision by which writes are fenced, as far as it matters: whether it is the store's."""
        desk = self.desk()
        entry = self.store.apply(Get(Keys(SCOPE).lease_owner))
        return -1 if desk is None or entry is None else desk.writer.owner_at - entry.revision


def written_keys(submit: Submit) -> str:
    """What a commit writes, in words."""
    keys = [put.key for put in submit.commit.puts] + [f"-{key}" for key in submit.commit.deletes]
    return ", ".join(key.removeprefix(f"{SCOPE}/") for key in keys) or "nothing"


def frozen(value: object, opaque: tuple[type, ...] = ()) -> Any:
    """A hashable picture of an object and of what it is made of; of `opaque` ones only that they are there."""
    if value is None or isinstance(value, str | bytes | int | float | bool | Enum):
        return value
    if isinstance(value, dict):
        return tuple((frozen(k, opaque), frozen(v, opaque)) for k, v in value.items())
    if isinstance(value, list | tuple | deque):
        return tuple(frozen(item, opaque) for item in value)
    if isinstance(value, set | frozenset):
        return tuple(sorted(map(repr, value)))
    if isinstance(value, Writer):
        names = [name for name in vars(value) if name not in ("owner_at", "_ticket")]
        return tuple(frozen(getattr(value, name), opaque) for name in names)
    if isinstance(value, opaque):
        return type(value).__name__
    names = list(getattr(value, "__dict__", ())) or list(getattr(value, "__struct_fields__", ()))
    names = names or [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return (type(value).__name__, *(frozen(getattr(value, name), opaque) for name in names))
