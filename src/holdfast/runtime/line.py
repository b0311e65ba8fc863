"""The connection to one zone's primary: signed questions and updates, pipelined, answers believed only by TSIG."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from holdfast.nameserver.encoding import encode_update
from holdfast.nameserver.parsing import Malformed
from holdfast.nameserver.wire import BadText
from holdfast.ports.dns import Answer, Response, Update
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.channel import Broken, Channel
from holdfast.runtime.identity import CENSUS, Watch, ask_identity
from holdfast.runtime.packets import (
    MESSAGE_BYTES_MAX,
    Packet,
    answer_of,
    question_wire,
    read_packet,
    refusal,
)
from holdfast.runtime.tsig import Distrusted, now
from holdfast.runtime.zone_access import ZoneAccess, join_address, split_address

_LENGTH: Final = struct.Struct("!H")

T = TypeVar("T")


class Line:
    """The connection to one zone's primary, opened when needed."""

    def __init__(self, access: ZoneAccess) -> None:
        self.access = access
        self._channel: Channel | None = None
        self._opening = asyncio.Lock()
        self._watch = Watch(access.server_ids)

    async def ask(self, questions: Sequence[tuple[str, str]]) -> tuple[Answer | CouldNotAsk, ...]:
        """Questions, pipelined; once more on a new connection if the old one broke."""
        macs: list[bytes] = []
        try:
            builders = [self._builder(macs, _asks(name, rtype)) for name, rtype in questions]
            for attempt in (1, 2):
                macs.clear()
                try:
                    wires = await self._exchange(builders)
                    break
                except Broken as broken:
                    if attempt == 2 or not broken.sent:
                        raise
        except (Broken, BadText) as error:
            return (CouldNotAsk(f"{self._where()}: {error}"),) * len(questions)
        return tuple(
            self._read(wire, mac, lambda packet, q=question: answer_of(packet, *q))  # type: ignore[misc]
            for wire, mac, question in zip(wires, macs, questions, strict=True)
        )

    async def update(self, update: Update) -> Response | CouldNotAsk:
        """One update, sent at most once."""
        macs: list[bytes] = []
        try:
            wire = encode_update(update, message_id=0)
            if len(wire) > MESSAGE_BYTES_MAX - 512:
                return CouldNotAsk(f"{self._where()}: an update of {len(wire)} bytes does not fit a DNS message")
            await self._connected()
            if self._watch.refusal:
                return CouldNotAsk(f"{self._where()}: {self._watch.refusal}")
            (answer,) = await self._exchange([self._builder(macs, lambda id_: _LENGTH.pack(id_) + wire[2:])])
        except Broken as broken:
            return CouldNotAsk(f"{self._where()}: {broken}", maybe_applied=broken.sent)
        except BadText as error:
            return CouldNotAsk(f"{self._where()}: {error}")
        result = self._read(answer, macs[0], lambda packet: Response(packet.rcode), refusals=True)
        return CouldNotAsk(result.reason, maybe_applied=True) if isinstance(result, CouldNotAsk) else result

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            self._channel.close()
            await self._channel.closed()
            self._channel = None

    def _builder(self, macs: list[bytes], build: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """Sign at the moment of sending; `macs` gathers what each answer must build on."""
        signer = self.access.signer

        def sign(id_: int) -> bytes:
            wire = build(id_)
            mac = b""
            if signer is not None:
                wire, mac = signer.sign(wire, now_s=now())
            macs.append(mac)
            return wire

        return sign

    async def _exchange(self, builders: Sequence[Callable[[int], bytes]]) -> list[bytes]:
        channel = await self._connected()
        return await channel.exchange(builders, timeout_s=self.access.timeout_s)

    async def _connected(self) -> Channel:
        async with self._opening:
            if self._channel is None or not self._channel.open:
                if self._channel is not None:
                    self._channel.close()
                self._channel = await self._connect()
            return self._channel

    async def _connect(self) -> Channel:
        """A connection that may be used; several are tried where `server_ids` says which it has to reach."""
        why = ""
        for _ in range(CENSUS):
            channel = await _connect(self.access.host, self.access.port, timeout_s=self.access.timeout_s)
            if not self.access.watched:
                return channel
            why = self._watch.met(await _identity(channel, self.access.timeout_s))
            if not why:
                return channel
            channel.close()
        raise Broken(why, sent=False)

    async def identity(self) -> str:
        """Which process a new connection reaches."""
        channel = await _connect(self.access.host, self.access.port, timeout_s=self.access.timeout_s)
        try:
            return await _identity(channel, self.access.timeout_s)
        finally:
            channel.close()

    def _read(
        self, wire: bytes, mac: bytes, read: Callable[[Packet], T], *, refusals: bool = False
    ) -> T | CouldNotAsk:
        try:
            packet = read_packet(wire)
            signer = self.access.signer
            if signer is not None:
                why = refusal(packet)
                if why and refusals:
                    return read(packet)
                if why:
                    return CouldNotAsk(f"{self._where()}: {why}")
                signer.verify(wire, packet.last, mac, now_s=now())
            return read(packet)
        except (Malformed, Distrusted) as error:
            return CouldNotAsk(f"{self._where()}: {error}")

    def _where(self) -> str:
        return f"{self.access.zone} at {join_address(self.access.host, self.access.port)}"


def _asks(name: str, rtype: str) -> Callable[[int], bytes]:
    question_wire(name, rtype, message_id=0)  # what is no DNS name is told before anything is sent
    return lambda id_: question_wire(name, rtype, message_id=id_)


async def _connect(host: str, port: int, *, timeout_s: float) -> Channel:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, channel = await loop.create_connection(Channel, host, port)
    except TimeoutError:
        raise Broken(f"no connection within {timeout_s:g} s", sent=False) from None
    except OSError as error:
        raise Broken(f"no connection: {error.strerror or error}", sent=False) from error
    return channel


async def _identity(channel: Channel, timeout_s: float) -> str:
    try:
        return await ask_identity(channel, timeout_s=timeout_s)
    except Broken as broken:
        channel.close()
        raise Broken(str(broken), sent=False) from broken  # the question left, none of ours did


async def ask_other(server: str, question: tuple[str, str], *, timeout_s: float) -> Answer | CouldNotAsk:
    """One unsigned question to a published name server, on a connection of its own (R18)."""
    try:
        host, port = split_address(server)
        channel = await _connect(host, port, timeout_s=timeout_s)
    except (Broken, ValueError) as error:
        return CouldNotAsk(f"{server}: {error}")
    try:
        (wire,) = await channel.exchange([_asks(*question)], timeout_s=timeout_s)
        return answer_of(read_packet(wire), *question)
    except (Broken, Malformed, BadText) as error:
        return CouldNotAsk(f"{server}: {error}")
    finally:
        channel.close()
