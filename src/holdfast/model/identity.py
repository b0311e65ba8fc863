"""Who a plan is: the total order by which plans replace each other.

`(incarnation, generation, hash)`, compared in that order. The incarnation belongs to the history of the
store: a store that was lost or restored starts a higher one, so that whatever the old history still has in
flight stays below. Source: "Words" in ARCHITECTURE.md (protocol).
"""

from __future__ import annotations

import msgspec

HASH_LENGTH = 32
"""Hex digits of a plan hash: 128 bits of SHA-256, which leaves the fence room for freeze ids."""


class Identity(msgspec.Struct, frozen=True, order=True):
    """Identity of a plan, totally ordered."""

    incarnation: int
    generation: int
    hash: str

    def __str__(self) -> str:
        return f"{self.incarnation}.{self.generation}-{self.hash[:8]}"


NOTHING = Identity(incarnation=0, generation=0, hash="0" * HASH_LENGTH)
"""Below every plan: what a fence names that a freeze put up before the first plan (R8)."""
