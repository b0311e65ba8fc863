"""New ids for freezes: 6 of a-z and 2-7 (30 bits), from the system's generator, so that they can't be guessed."""

from __future__ import annotations

import random
import secrets

from holdfast.ports.random import NewId

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
ID_LENGTH = 6


class Ids:
    """Answers `ports.random`. A seeded generator makes runs repeatable."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = secrets.SystemRandom() if rng is None else rng

    async def new_id(self, op: NewId) -> str:
        """A new id."""
        return "".join(self._rng.choices(ALPHABET, k=ID_LENGTH))
