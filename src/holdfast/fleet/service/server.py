"""One process of the lease service: the shipped loop, driven and served by the shipped inbox, on one processor.

Reading a call takes a share of what a renewal takes; the rest is taken before its answer goes out, by a renewal;
what is refused takes no more than the reading. Writing a grant is the store's work, on the same processor.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from holdfast.fleet.service.core import Core
from holdfast.fleet.service.store import Disk, ProcessStore
from holdfast.fleet.service.truth import Truth
from holdfast.leases.law import LeaseSettings
from holdfast.leases.loop import lease_loop
from holdfast.model.codec import decode
from holdfast.model.keys import Keys
from holdfast.model.lease import Ask, Granted, Lease, Result
from holdfast.overload import Protections
from holdfast.ports.disk import Load, Promote, Stage
from holdfast.ports.events import Emit
from holdfast.ports.leases import NextInbound, Reply, Submit
from holdfast.ports.random import NewId
from holdfast.ports.store import Commit, Get, Range
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.leases import LeaseInbox
from holdfast.virtual.loop import VirtualLoop

SCOPE = "fleet"


def dice(rng: random.Random) -> random.Random:
    """Chance of its own, from a seed."""
    return random.Random(rng.random())  # noqa: S311 - seeded on purpose


class Costs(msgspec.Struct, frozen=True):
    """What the processor takes, seconds. All 0: for the beginning of the world."""

    renewal_s: float = 0.0
    establishment_s: float = 0.0
    read_share: float = 0.1
    """Of a renewal: reading any call."""
    message_s: float = 0.0
    """Reading a message, besides its calls."""

    @property
    def read_s(self) -> float:
        """Reading one call."""
        return self.renewal_s * self.read_share

    @property
    def put_s(self) -> float:
        """Writing one lease."""
        return max(0.0, self.establishment_s - self.read_s)


class Message:
    """Calls on their way. `answer` is told once: results, or why there are none."""

    __slots__ = ("answer", "asked_s", "asks", "done", "timeout_s")

    def __init__(
        self,
        asks: tuple[Ask, ...],
        *,
        asked_s: float,
        timeout_s: float,
        answer: Callable[[list[Result] | str], None],
    ) -> None:
        self.asks, self.asked_s, self.timeout_s, self.answer = asks, asked_s, timeout_s, answer
        self.done = False
        """Nobody waits for it any more."""


class Server:
    """See the module."""

    def __init__(
        self,
        loop: VirtualLoop,
        disk: Disk,
        truth: Truth,
        *,
        costs: Callable[[], Costs],
        settings: LeaseSettings,
        protections: Protections | None,
        way_s: float,
        rng: random.Random,
    ) -> None:
        """`costs`: those of now."""
        self._loop, self._disk, self._truth, self._costs = loop, disk, truth, costs
        self._settings, self._protections, self._way_s, self._rng = settings, protections, way_s, rng
        self.core = Core(loop)
        self.up = True
        self.serves = False
        """Its take-over is done, and no other has taken over from it."""
        self.stale_s = 0.0
        self.said: list[str] = []
        """Kinds of its events, each once."""
        self._inside: set[Message] = set()
        self._store = ProcessStore(loop, disk, self.core, truth, put_s=lambda: costs().put_s, rng=dice(rng))
        self._inbox = LeaseInbox(self._store, now_s=loop.time, rng=dice(rng))
        self._serving: set[Any] = set()
        self._task = loop.create_task(self._runs(), name="lease-service")

    async def _runs(self) -> None:
        try:
            await drive(lease_loop(SCOPE, self._settings, self._protections), self._answers())
        except Exception as error:
            self._loop.troubles.append(error)
        self.kill()  # superseded: its process ends

    def _answers(self) -> Answers:
        answers = Answers()
        self._inbox.register(answers)
        answers.register(NextInbound, self._next)
        answers.register(Submit, self._submit)
        answers.register(Reply, self._reply)
        answers.register(Get, self._store.get)
        answers.register(Range, self._store.range)
        answers.register(Commit, self._store.commit)
        answers.register(NewId, self._new_id)
        answers.register(Load, self._load)
        answers.register(Stage, self._stage)
        answers.register(Promote, self._promote)
        answers.register(Emit, self._emit)
        return answers

    # -- its life ----------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """`-9`: whoever waits sees the connection end; of the commits on their way some land."""
        if not self.up:
            return
        self.up = self.serves = False
        self.core.clear()
        self._store.killed()
        self._task.cancel()
        for task in self._serving:
            task.cancel()
        for message in tuple(self._inside):
            self._loop.call_later(self._way_s, message.answer, "the connection ended")
        self._inside.clear()

    def stand_still(self, for_s: float) -> None:
        """The machine is suspended, and goes on after it as if nothing had been."""
        self.core.stand_still(for_s)

    # -- calls -------------------------------------------------------------------------------------------------

    def arrives(self, message: Message) -> None:
        """A message is there; it is read when the processor comes to it."""
        if not self.up:
            message.answer("the connection ended")
            return
        self._inside.add(message)
        costs = self._costs()
        self.core.do(costs.message_s + costs.read_s * len(message.asks), partial(self._read, message))

    def _read(self, message: Message) -> None:
        if message.done:
            self.stale_s += self._costs().read_s * len(message.asks)
        task = self._loop.create_task(self._serve(message), name="serve")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, message: Message) -> None:
        results = await self._inbox.calls(message.asks, timeout_s=message.timeout_s)
        if self.core.still:
            await self.core.work(0.0)
        self._inside.discard(message)
        self._loop.call_later(self._way_s, message.answer, results)

    # -- what the loop asks --------------------------------------------------------------------------------------

    async def _next(self, op: NextInbound) -> Any:
        self.serves = self.serves or "leases.took_over" in self.said
        asked_s = self._loop.time()
        await self.core.work(0.0)  # what has arrived meanwhile is read first
        read_s = self._loop.time() - asked_s
        inbound = await self._inbox.next_inbound(op)
        inbound = msgspec.structs.replace(inbound, read_s=inbound.read_s + read_s)
        if not self.core.still:
            return inbound
        await self.core.work(0.0)  # a machine that stands still reads its clock after that
        late_s = self._loop.time() - inbound.now_s
        return msgspec.structs.replace(inbound, now_s=inbound.now_s + late_s, idle_s=inbound.idle_s + late_s)

    async def _submit(self, op: Submit) -> None:
        prefix = Keys(SCOPE).leases
        for put in op.commit.puts:
            if put.key.startswith(prefix) and self._truth.begins(decode(put.value, Lease)):
                self.stale_s += self._costs().put_s
        await self._inbox.submit(op)

    async def _reply(self, op: Reply) -> None:
        costs = self._costs()
        renewed = sum(isinstance(result, Granted) and result.renewed for _, result in op.results)
        await self.core.work(renewed * (costs.renewal_s - costs.read_s))
        await self._inbox.reply(op)

    async def _new_id(self, op: NewId) -> str:
        return f"{self._rng.getrandbits(40):x}"

    async def _load(self, op: Load) -> bytes | None:
        return self._disk.files.get(op.name)

    async def _stage(self, op: Stage) -> None:
        self._disk.files[op.name + ".tmp"] = op.data

    async def _promote(self, op: Promote) -> None:
        self._disk.files[op.name] = self._disk.files.pop(op.name + ".tmp")

    async def _emit(self, op: Emit) -> None:
        if op.event.kind not in self.said:
            self.said.append(op.event.kind)
