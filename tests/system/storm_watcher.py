"""A watcher that uses only DNS: asks every name and the fence many times a second, and keeps what it saw."""

from __future__ import annotations

import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import msgspec

from holdfast.model.fence import fence_owner, parse_fence
from holdfast.model.identity import Identity
from servers.process import HOST

SERIAL = "serial"
ROUND_S = 0.04
"""25 rounds a second; each asks each name, the fence and the SOA once."""


class Move(msgspec.Struct, frozen=True):
    """Something in DNS changed after a question asked at `from_s` and before the answer of `seen_s`."""

    subject: str
    from_s: float
    seen_s: float
    text: str


class Watcher:
    """See the module. `seen[name]` are moments (Unix seconds) at which the answer became another one."""

    def __init__(
        self,
        port: int,
        *,
        scope: str,
        zone: str,
        names: tuple[str, ...],
        host: str = HOST,
        round_s: float = ROUND_S,
    ) -> None:
        self._host, self._port, self._zone, self._names = host, port, zone, names
        self._round_s = round_s
        self._fence_owner = fence_owner(scope, zone)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="storm-watcher", daemon=True)
        self.breaches: list[str] = []
        self.seen: dict[str, list[tuple[float, frozenset[str]]]] = {name: [] for name in names}
        self.moves: list[Move] = []
        self._last: dict[str, tuple[float, object]] = {}
        self.fence: Identity | None = None
        self.generations = 0
        self.queries = 0
        self.unanswered = 0
        self.began_s = time.time()
        self._ended_s = 0.0
        self.rounds = 0

    def start(self) -> None:
        """Begin; from now on an empty answer is a breach."""
        self.began_s = time.time()
        self._thread.start()

    def stop_if_started(self) -> None:
        """End; at most one round later. The rate is that of the time in between."""
        self._stopping.set()
        if self._thread.is_alive():
            self._ended_s = time.time()
            self._thread.join(timeout=20)

    def rate(self) -> float:
        """Queries a second and name so far."""
        return self.rounds / max((self._ended_s or time.time()) - self.began_s, 0.001)

    def ask_once(self, name: str) -> frozenset[str]:
        """Addresses of a name now; for the time before the watch."""
        answer = self._ask(name, "A")
        return frozenset() if answer is None else _addresses_in(answer)

    def addresses(self, name: str) -> frozenset[str]:
        """The last answer."""
        history = self.seen[name]
        return history[-1][1] if history else frozenset()

    def _watch(self) -> None:
        due_s = time.monotonic()
        try:
            while not self._stopping.wait(max(0.0, due_s - time.monotonic())):
                due_s = max(due_s + self._round_s, time.monotonic() - 1.0)
                for name in self._names:
                    self._addresses(name)
                self._fence()
                self._serial()
                self.rounds += 1
        except Exception as error:
            self.breaches.append(f"the watcher itself broke: {error!r}")
            raise

    def _ask(self, name: str, kind: str) -> dns.message.Message | None:
        self.queries += 1
        query = dns.message.make_query(name, kind, flags=0)
        try:
            return dns.query.udp(query, self._host, port=self._port, timeout=2.0)
        except (dns.exception.DNSException, OSError):
            self.unanswered += 1
            return None

    def _addresses(self, name: str) -> None:
        asked_s = time.time()
        answer = self._ask(name, "A")
        if answer is None:
            return
        found = _addresses_in(answer)
        now_s = time.time()
        if answer.rcode() != dns.rcode.NOERROR or not found:
            self._breach(f"I2: empty answer for {name}: {dns.rcode.to_text(answer.rcode())}, {answer.answer}")
            return
        self._note(name, asked_s, found)
        history = self.seen[name]
        if not history or history[-1][1] != found:
            history.append((now_s, found))

    def _fence(self) -> None:
        answer = self._ask(self._fence_owner, "TXT")
        if answer is None:
            return
        texts = [b"".join(r.strings).decode() for rrset in answer.answer for r in rrset]
        fence = parse_fence(texts[0]) if len(texts) == 1 else None
        if fence is None:
            self._breach(f"the fence is missing or unreadable: {texts}")
            return
        now = fence.identity
        if self.fence is not None and now < self.fence:
            self._breach(f"I1: the fence went back from {self.fence} to {now}")
        if self.fence is not None and (now.incarnation, now.generation) == (
            self.fence.incarnation,
            self.fence.generation,
        ):
            if now.hash != self.fence.hash:
                self._breach(f"I1: two plans under one number: {self.fence} and {now}")
        elif self.fence is not None:
            self.generations += 1
        self.fence = now

    def _serial(self) -> None:
        asked_s = time.time()
        answer = self._ask(self._zone, "SOA")
        if answer is not None and answer.answer:
            self._note(SERIAL, asked_s, answer.answer[0][0].serial)

    def _note(self, subject: str, asked_s: float, value: object) -> None:
        """Remember a change, with the last question that still had the old answer."""
        before = self._last.get(subject)
        if before is not None and before[1] != value:
            self.moves.append(Move(subject, before[0], time.time(), f"{before[1]} -> {value}"))
        self._last[subject] = (asked_s, value)

    def _breach(self, text: str) -> None:
        if len(self.breaches) < 50:
            self.breaches.append(f"{time.time() - self.began_s:.3f} s: {text}")


def _addresses_in(answer: dns.message.Message) -> frozenset[str]:
    return frozenset(
        rdata.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset
    )
