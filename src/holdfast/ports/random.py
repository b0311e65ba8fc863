"""Randomness that rooms need; jitter is not here, it lives in the clock's adapter."""

from __future__ import annotations

from holdfast.ports.operation import Operation


class NewId(Operation[str], frozen=True):
    """A new short id, 6 of a-z and 2-7, for a freeze."""
