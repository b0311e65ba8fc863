"""Watchers of the primary and of its secondary, by DNS alone, each in the zone of its server: no fault hides it.

primary     I1, I2, I4 (removals within a window), I9 (a TTL that is the revision), a serial that never falls
secondary   the same without I4: what it missed comes at once
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import dns.message
import dns.rcode
import msgspec
from storm_watcher import SERIAL, Watcher

from zones.file import NAMES, REMOVALS_MAX, SCOPE, WINDOW_S, ZONE

ROUND_S = 0.1
STARTING = frozenset({dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTAUTH})
"""What servers answer for a zone that they have not loaded yet: no answer, rather than an empty one."""


class Removal(msgspec.Struct, frozen=True):
    """Addresses that left a name after `from_s` and before `seen_s`."""

    name: str
    from_s: float
    seen_s: float
    addresses: frozenset[str]


class ZoneWatcher(Watcher):
    """See the module. `enter` brings its thread into the server's zone."""

    def __init__(self, enter: Callable[[], None], host: str, *, label: str) -> None:
        super().__init__(53, scope=SCOPE, zone=ZONE, names=NAMES, host=host, round_s=ROUND_S)
        self._enter, self.label = enter, label
        self.removals: list[Removal] = []
        self.ttls: dict[str, int] = {}

    def settled(self, addresses: frozenset[str], ttl: int) -> bool:
        """Every name says this now."""
        return all(self.addresses(name) == addresses and self.ttls.get(name) == ttl for name in NAMES)

    def _watch(self) -> None:
        self._enter()
        super()._watch()

    def _ask(self, name: str, kind: str) -> dns.message.Message | None:
        answer = super()._ask(name, kind)
        if answer is None or answer.rcode() in STARTING:
            self.unanswered += answer is not None
            return None
        self._judge(name, kind, answer)
        return answer

    def _judge(self, name: str, kind: str, answer: dns.message.Message) -> None:
        """I9, on an answer with addresses."""
        if kind != "A" or not answer.answer:
            return
        ttl = answer.answer[0].ttl
        if ttl < self.ttls.get(name, 0):
            self._breach(f"I9: {name} has revision {ttl} after {self.ttls[name]}")
        self.ttls[name] = ttl

    def _note(self, subject: str, asked_s: float, value: object) -> None:
        before = self._last.get(subject)
        super()._note(subject, asked_s, value)
        if before is None or before[1] == value:
            return
        if subject == SERIAL:
            assert isinstance(before[1], int)
            assert isinstance(value, int)
            if (value - before[1]) % (1 << 32) >= 1 << 31:
                self._breach(f"the serial fell from {before[1]} to {value}")
        elif isinstance(before[1], frozenset) and isinstance(value, frozenset) and before[1] - value:
            self.removals.append(Removal(subject, before[0], self.moves[-1].seen_s, before[1] - value))

    def _breach(self, text: str) -> None:
        super()._breach(f"{self.label}: {text}")


def velocity_breaches(
    removals: Sequence[Removal], *, most: int = REMOVALS_MAX, window_s: float = WINDOW_S
) -> tuple[str, ...]:
    """Removals from one name that certainly lie within one window, and are more than it allows (I4)."""
    found = []
    for name in dict.fromkeys(r.name for r in removals):
        own = [r for r in removals if r.name == name]
        for first, removal in enumerate(own):
            within = [r for r in own[first:] if r.seen_s - removal.from_s < window_s]
            if sum(len(r.addresses) for r in within) > most:
                told = "; ".join(
                    f"{sorted(r.addresses)} between {r.from_s:.3f} and {r.seen_s:.3f}" for r in within
                )
                found.append(f"I4: more than {most} backends left {name} within {window_s:g} s: {told}")
                break
    return tuple(found)
