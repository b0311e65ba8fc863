"""A whole zone by AXFR, each message of it verified."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable
from typing import Final, TypeVar

from holdfast.nameserver.parsing import Malformed
from holdfast.nameserver.wire import BadText
from holdfast.ports.dns import Rcode, ZoneContent
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.packets import TransferReader, question_wire, read_packet, refusal
from holdfast.runtime.tsig import Distrusted, StreamVerifier, now
from holdfast.runtime.zone_access import ZoneAccess, join_address

TRANSFER_TIMEOUT_FACTOR: Final = 12
"""A transfer may take this many times a zone's timeout in all; each message of it one timeout."""
_LENGTH: Final = struct.Struct("!H")

T = TypeVar("T")


async def transfer(access: ZoneAccess) -> ZoneContent | CouldNotAsk:
    """AXFR on a connection of its own: it would hold up everything pipelined behind it."""
    where = f"transfer of {access.zone} from {join_address(access.host, access.port)}"
    try:
        async with asyncio.timeout(access.timeout_s * TRANSFER_TIMEOUT_FACTOR):
            reader, writer = await asyncio.open_connection(access.host, access.port)
            try:
                return await _receive(access, reader, writer)
            finally:
                writer.transport.abort()
    except TimeoutError:
        return CouldNotAsk(f"{where}: not complete in time")
    except (OSError, asyncio.IncompleteReadError, Malformed, Distrusted, BadText) as error:
        return CouldNotAsk(f"{where}: {error}")


async def _receive(
    access: ZoneAccess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> ZoneContent | CouldNotAsk:
    wire = question_wire(access.zone, "AXFR", message_id=1)
    verifier = None
    if access.signer is not None:
        wire, mac = access.signer.sign(wire, now_s=now())
        verifier = StreamVerifier(access.signer, mac)
    writer.write(_LENGTH.pack(len(wire)) + wire)
    zone = TransferReader(access.zone)
    while not zone.complete:
        packet = read_packet(await _within(_frame(reader), access.timeout_s))
        if packet.rcode is not Rcode.NOERROR:
            return CouldNotAsk(f"transfer of {access.zone}: {refusal(packet) or packet.rcode.value}")
        if verifier is not None:
            verifier.feed(packet.wire, packet.last, now_s=now())
        zone.feed(packet)
    if verifier is not None:
        verifier.end()
    return zone.content()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (size,) = _LENGTH.unpack(await reader.readexactly(2))
    return await reader.readexactly(size)


async def _within(awaitable: Awaitable[T], timeout_s: float) -> T:
    async with asyncio.timeout(timeout_s):
        return await awaitable
