"""DNS in memory (`holdfast.nameserver.memory.MemoryDns`): the embedded server's zone engine without its wire."""

from __future__ import annotations

from holdfast.providers.dialect import Dialect

MEMORY = Dialect(name="memory", weights=True, serial_by_construction=True)
