"""The TCP probe: the connection is accepted, nothing is sent."""

from __future__ import annotations

import asyncio

from holdfast.model.configuration import Check
from holdfast.probes.outcome import Outcome


def local_address(source: str, address: str) -> tuple[str, int] | None:
    """What to bind to: `source` if it is of the family of `address`."""
    return (source, 0) if source and (":" in source) == (":" in address) else None


async def probe_tcp(address: str, port: int, check: Check, source: str) -> Outcome:
    """Connect and close.

    Raises:
        OSError: when the connection fails; the engine tells it in words.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(
        asyncio.Protocol, address, port, local_addr=local_address(source, address)
    )
    transport.abort()
    return Outcome(True, "connected")
