"""What tells one RFC 2136 server from another, as a value: limits, guarantees and habits.

Measured in docs/facts/dns-fencing.md; each entry that closes a trap has a test in
tests/conformance/test_provider_traps.py.
"""

from __future__ import annotations

import msgspec

from holdfast.model.records import TYPE_WEIGHT
from holdfast.ports.provider import Capabilities, Fencing

MESSAGE_BYTES_MAX = 65_535
"""A DNS message over TCP: its length is a 16-bit number."""

SIGNATURE_BYTES = 512
"""Left free in each message for TSIG (two names of at most 255 bytes would not fit; ours are shorter)."""


class Dialect(msgspec.Struct, frozen=True):
    """How one kind of server takes fenced writes."""

    name: str
    fencing: Fencing = Fencing.TRANSACTION
    weights: bool = False
    rdatas_max: int = 1_000_000
    """Records of one type at one owner above which the server refuses the whole message."""
    rrsets_max: int = 1_000
    """RRsets in a message: bounds how long one message keeps the server from everybody else's."""
    serial_by_construction: bool = False
    """The served SOA is the stored one and moves with every update, by the server's own code; else proved (R3)."""
    transfer_from: int = 256
    """Names from which one zone transfer is cheaper than a question for each."""

    @property
    def managed_types(self) -> tuple[str, ...]:
        """RR types that `render` may produce."""
        return ("A", "AAAA", TYPE_WEIGHT) if self.weights else ("A", "AAAA")

    def capabilities(self, *, serial_pin: bool) -> Capabilities:
        """The dialect's guarantees, with what has been learned of this zone's serial."""
        return Capabilities(
            fencing=self.fencing,
            weights=self.weights,
            pins_unchanged=True,
            rrsets_per_message_max=self.rrsets_max,
            bytes_per_message_max=MESSAGE_BYTES_MAX - SIGNATURE_BYTES,
            serial_pin=serial_pin,
        )
