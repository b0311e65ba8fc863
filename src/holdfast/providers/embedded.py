"""The embedded server: weights beside the addresses, and a serial that moves with every update by its own code."""

from __future__ import annotations

from holdfast.providers.dialect import Dialect

EMBEDDED = Dialect(name="embedded", weights=True, serial_by_construction=True)
