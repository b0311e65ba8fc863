"""The network manager that ships: rules of `propagation`, event by event.

    desired.Catalogue   what a host is sent: the newest of each document, all at once when much is new
    turns.Turns         whose turn it is: new hosts first, fair between groups, ageing
    upstream.Upstream   whether a change may come in

The loops are not run (`delivery/` runs them): a host that holds a lease always asks, a delivery takes as long as
its files cost, nobody hangs. A host without a lease asks for nothing, as in the other design; its changes are
published all the same, and it gets what counts when it is back.
"""

from __future__ import annotations

import heapq
from typing import Final

from holdfast.fleet.chain import ZONES
from holdfast.fleet.day.asked import LISTED, rate_per_s
from holdfast.fleet.day.assumed import Assumed
from holdfast.model.delivery import Document, Host, Version, ready
from holdfast.propagation.desired import Catalogue
from holdfast.propagation.desk import FORGET_S, DeliverySettings
from holdfast.propagation.turns import Turns
from holdfast.propagation.upstream import Upstream

APPLY_S: Final = 4.0
"""About so long takes a delivery of one file: as many hosts as fit the rate are served at a time."""
ROLE: Final = "host"


class ByTurns:
    """See `network.Manager`."""

    def __init__(self, assumed: Assumed) -> None:
        self.ready: list[tuple[float, int, bool]] = []
        self.put_off = 0
        places = max(1, round(rate_per_s(assumed) * APPLY_S))
        self._apply_s = places / rate_per_s(assumed)
        self._file_share = assumed.file_share
        self._turns = Turns(places=places, report_within_s=DeliverySettings().report_within_s)
        self._upstream = Upstream(now_s=0.0)
        self._catalogue = Catalogue(whole=False)
        """Without digests: nobody restores a store here, and contents are not played."""
        self._generation = 0
        self._hosts: dict[int, Host] = {}
        self._numbers: dict[str, int] = {}
        self._applied: dict[int, Version] = {}
        self._held: set[int] = set()
        self._known: set[int] = set()
        """Who asked not too long ago."""
        self._asking: set[str] = set()
        self._lacking: set[int] = set()
        self._creating: dict[int, float] = {}
        """New instances that have nothing yet, and since when."""
        self._busy: list[tuple[float, int, int]] = []
        """(when it has applied, who, what)."""
        self._silent: list[tuple[float, int]] = []
        self._caught_up = 0
        for document in range(round(assumed.documents)):
            self._publish(f"role/{ROLE}", document)
        for number in range(LISTED):
            self._join(number)
            self._applied[number] = Version(self._generation)

    def _join(self, number: int) -> None:
        host = Host(f"h{number:05d}", ROLE, f"zone-{number % ZONES}")
        self._hosts[number], self._numbers[host.name] = host, number
        self._asks(number)

    def _asks(self, number: int) -> None:
        self._held.add(number)
        self._known.add(number)
        self._asking.add(self._hosts[number].name)

    def _publish(self, selector: str, document: int) -> None:
        self._generation += 1
        self._catalogue.take(Document(selector, f"d{document}", self._generation))

    def _lacks(self, number: int) -> bool:
        return not ready(self._applied[number], self._catalogue.desired(self._hosts[number]))

    @property
    def next_s(self) -> float:
        """When something happens here by itself."""
        return min(at[0][0] if at else float("inf") for at in (self._busy, self._silent))

    def turn(self, now_s: float) -> None:
        """Deliveries that are applied, hosts that have been silent for long."""
        while self._busy and self._busy[0][0] <= now_s:
            _, number, generation = heapq.heappop(self._busy)
            self._has(number, generation, now_s)
        while self._silent and self._silent[0][0] <= now_s:
            _, number = heapq.heappop(self._silent)
            if number not in self._held:
                self._known.discard(number)
                self._turns.forget(self._hosts[number].name)
        self._serve(now_s)

    def change(self, host: int, document: int, now_s: float) -> float:
        """A change of a host's documents. 0: it is in; else its publisher asks again after so many seconds."""
        lacked = self._lacks(host)
        age_s = self._turns.backlog_age_s(now_s=now_s)
        cost = int(host in self._known and not lacked)
        after_s = self._upstream.admit(cost, age_s, now_s=now_s)
        if after_s > 0:
            self.put_off += 1
            return after_s
        self._publish(f"host/{self._hosts[host].name}", document)
        if not lacked:
            self._lacking.add(host)
            self.ready.append((now_s, host, False))
        self._place(host, now_s)
        self._serve(now_s)
        return 0.0

    def launch(self, number: int, now_s: float) -> None:
        """A new instance: it has nothing, and asks."""
        self._join(number)
        self._applied[number] = Version()
        self._creating[number] = now_s
        self._lacking.add(number)
        self._place(number, now_s)
        self._serve(now_s)

    def lease(self, host: int, held: bool, now_s: float) -> None:
        """It lost its lease, or has it again."""
        if held:
            self._asks(host)
            self._place(host, now_s)
            self._serve(now_s)
        else:
            self._held.discard(host)
            self._asking.discard(self._hosts[host].name)
            heapq.heappush(self._silent, (now_s + FORGET_S, host))

    def lets_in(self, now_s: float) -> bool:
        """A launch needs no publication: its host asks, and is the first to get something."""
        return True

    def create_wait_s(self, now_s: float) -> float:
        """How long the oldest of the new instances has waited."""
        return now_s - min(self._creating.values(), default=now_s)

    def lag_s(self, now_s: float) -> float:
        """How long the longest wait is of a host that asks."""
        return self._turns.backlog_age_s(now_s=now_s)

    def backlog(self, now_s: float) -> float:
        """Hosts that lack something."""
        return len(self._lacking)

    def _place(self, number: int, now_s: float) -> None:
        host = self._hosts[number]
        if host.name not in self._asking:
            return
        if self._lacks(number):
            self._turns.wait(host, self._catalogue.work(host, self._applied[number]), now_s=now_s)
        else:
            self._turns.rest(host)

    def _serve(self, now_s: float) -> None:
        self._upstream.drained(self._caught_up, now_s=now_s)
        self._upstream.refill(self._turns.backlog_age_s(now_s=now_s), now_s=now_s)
        self._caught_up = 0
        while (name := self._turns.next(self._asking, now_s=now_s)) is not None:
            self._asking.discard(name)
            number = self._numbers[name]
            delivery = self._catalogue.delivery(self._hosts[number], self._applied[number])
            takes_s = self._apply_s * (1 + self._file_share * max(0, len(delivery.files) - 1))
            heapq.heappush(self._busy, (now_s + takes_s, number, delivery.generation))

    def _has(self, number: int, generation: int, now_s: float) -> None:
        """It has applied that, says so, and asks for more."""
        host = self._hosts[number]
        self._applied[number] = Version(generation)
        self._creating.pop(number, None)
        self._turns.report(host)
        if number in self._held:
            self._asking.add(host.name)
        if not self._lacks(number):
            self._caught_up += 1
            self._lacking.discard(number)
            self.ready.append((now_s, number, True))
        self._place(number, now_s)
