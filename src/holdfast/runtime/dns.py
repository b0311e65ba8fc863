"""Answers `ports.dns` with asyncio: one persistent, pipelined TCP connection to each zone's primary (R6).

    operation --build--> id --sign (now)--> frame --TCP--> primary
                                                             |
    value <--read-- verify TSIG with the request's MAC <-----'

Signed when sent, so that a message held back for hours is refused by the fence and not for its age. An answer is
believed only if its TSIG holds; the sole exception is a refusal (REFUSED, NOTAUTH, NOTIMP, FORMERR), which servers
can't sign for a key that they do not know, and by which a forger gains no more than by cutting the line.

What is not known is said exactly: `maybe_applied` is true from the moment that an update was handed to an open
connection, and false before. Questions are asked once more on a new connection when the old one broke; updates
never.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.nameserver.encoding import encode_update
from holdfast.nameserver.keys import load_key
from holdfast.nameserver.parsing import Malformed
from holdfast.nameserver.settings import KeySettings
from holdfast.nameserver.wire import BadText
from holdfast.ports.dns import (
    Answer,
    Ask,
    AskMany,
    Rcode,
    Response,
    Servers,
    Transfer,
    Update,
    ZoneContent,
)
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.channel import Broken, Channel
from holdfast.runtime.identity import CENSUS, Watch, ask_identity
from holdfast.runtime.packets import (
    MESSAGE_BYTES_MAX,
    Packet,
    TransferReader,
    answer_of,
    question_wire,
    read_packet,
)
from holdfast.runtime.tsig import Distrusted, Signer, StreamVerifier, now, tsig_error

DNS_PORT: Final = 53
TRANSFER_TIMEOUT_FACTOR: Final = 12
"""A transfer may take this many times a zone's timeout in all; each message of it one timeout."""

_REFUSALS: Final = frozenset({Rcode.REFUSED, Rcode.NOTAUTH, Rcode.NOTIMP, Rcode.FORMERR, Rcode.NOTZONE})
_LENGTH: Final = struct.Struct("!H")

T = TypeVar("T")


class ZoneAccess(msgspec.Struct, frozen=True):
    """How one zone is reached. `published` overrides what `Servers` finds in DNS (other ports than 53)."""

    zone: str
    host: str
    port: int
    signer: Signer | None
    timeout_s: float = 5.0
    published: tuple[str, ...] = ()
    watched: bool = False
    """Whether each connection is asked which process it has reached (`runtime.identity`)."""
    server_ids: tuple[str, ...] = ()


def access_of(zone: ZoneConfig, environment: Mapping[str, str] = os.environ) -> ZoneAccess:
    """Access as configured, with the key's secret from its file (mode 0600) or the environment.

    Raises:
        NameserverProblem: the secret is missing, unreadable, no base64, or readable by others.
    """
    host, port = split_address(zone.server)
    signer = None
    if zone.key_name:
        settings = KeySettings(
            name=zone.key_name, algorithm=zone.key_algorithm, file=zone.key_file, env=zone.key_env
        )
        signer = Signer(load_key(settings, environment))
    return ZoneAccess(
        zone.name,
        host,
        port,
        signer,
        zone.timeout_s,
        watched=zone.provider is ProviderKind.POWERDNS,
        server_ids=zone.server_ids,
    )


def split_address(text: str) -> tuple[str, int]:
    """`address:port`, `[v6]:port` or a bare address."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, int(port[1:]) if port.startswith(":") else DNS_PORT
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, int(port)
    return text, DNS_PORT


def join_address(host: str, port: int) -> str:
    """The inverse of `split_address`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class DnsTransport:
    """All zones of a process. Actors may share it: their messages share each zone's connection."""

    def __init__(self, accesses: Iterable[ZoneAccess]) -> None:
        self._lines = {access.zone: _Line(access) for access in accesses}

    @classmethod
    def of(cls, zones: Iterable[ZoneConfig], environment: Mapping[str, str] = os.environ) -> DnsTransport:
        """The transport of a configuration; zones on Route 53 are reached by `runtime.route53`.

        Raises:
            NameserverProblem: a key's secret can't be had (see `access_of`).
        """
        return cls(access_of(zone, environment) for zone in zones if zone.route53 is None)

    async def ask(self, operation: Ask) -> Answer | CouldNotAsk:
        """`ports.dns.Ask`."""
        line = self._lines.get(operation.zone)
        if line is None:
            return _unknown(operation.zone)
        question = operation.name, operation.rtype
        if operation.server:
            return await _ask_other(operation.server, question, timeout_s=line.access.timeout_s)
        return (await line.ask((question,)))[0]

    async def ask_many(self, operation: AskMany) -> tuple[Answer | CouldNotAsk, ...]:
        """`ports.dns.AskMany`."""
        line = self._lines.get(operation.zone)
        if line is None:
            return (_unknown(operation.zone),) * len(operation.questions)
        return await line.ask(operation.questions)

    async def transfer(self, operation: Transfer) -> ZoneContent | CouldNotAsk:
        """`ports.dns.Transfer`."""
        line = self._lines.get(operation.zone)
        return _unknown(operation.zone) if line is None else await _transfer(line.access)

    async def update(self, operation: Update) -> Response | CouldNotAsk:
        """`ports.dns.Update`."""
        line = self._lines.get(operation.zone)
        return _unknown(operation.zone) if line is None else await line.update(operation)

    async def servers(self, operation: Servers) -> tuple[str, ...] | CouldNotAsk:
        """`ports.dns.Servers`: addresses from the zone itself, else by the system's resolver.

        A name server at the primary's own address has the primary's port; DNS knows none but 53.
        """
        line = self._lines.get(operation.zone)
        if line is None:
            return _unknown(operation.zone)
        if line.access.published:
            return line.access.published
        ns = (await line.ask(((operation.zone, "NS"),)))[0]
        if isinstance(ns, CouldNotAsk):
            return ns
        found: set[str] = set()
        for host in () if ns.rrset is None else ns.rrset.rdatas:
            addresses = await self._addresses(line, host)
            if isinstance(addresses, CouldNotAsk):
                return addresses
            found |= addresses
        access = line.access
        ports = {access.host: access.port}
        return tuple(sorted(join_address(a, ports.get(a, DNS_PORT)) for a in found))

    async def _addresses(self, line: _Line, host: str) -> set[str] | CouldNotAsk:
        zone = line.access.zone
        if host == zone or host.endswith(f".{zone}"):
            answers = await line.ask(((host, "A"), (host, "AAAA")))
            found: set[str] = set()
            for answer in answers:
                if isinstance(answer, CouldNotAsk):
                    return answer
                found.update(() if answer.rrset is None else answer.rrset.rdatas)
            return found
        try:
            async with asyncio.timeout(line.access.timeout_s):
                infos = await asyncio.get_running_loop().getaddrinfo(host, DNS_PORT, type=socket.SOCK_STREAM)
        except TimeoutError:
            return CouldNotAsk(f"name server {host} of {zone}: no address within {line.access.timeout_s:g} s")
        except OSError as error:
            return CouldNotAsk(f"name server {host} of {zone}: {error}")
        return {str(ipaddress.ip_address(info[4][0])) for info in infos}

    async def processes(self, zone: str) -> tuple[str, ...] | CouldNotAsk:
        """The ids of the processes that new connections to a zone's primary reach; without those that say none."""
        line = self._lines.get(zone)
        if line is None:
            return _unknown(zone)
        try:
            return tuple(sorted(set(await asyncio.gather(*(line.identity() for _ in range(CENSUS)))) - {""}))
        except Broken as broken:
            return CouldNotAsk(f"zone {zone}: {broken}")

    async def close(self) -> None:
        """Close all connections."""
        for line in self._lines.values():
            await line.close()


class _Line:
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
                why = _refusal(packet)
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


def _refusal(packet: Packet) -> str:
    """Why a server will not hear us, signed or not; empty for any other answer."""
    if packet.rcode not in _REFUSALS:
        return ""
    error = tsig_error(packet.wire, packet.last)
    return f"{packet.rcode.value} ({error})" if error else packet.rcode.value


def _unknown(zone: str) -> CouldNotAsk:
    return CouldNotAsk(f"zone {zone} is not configured in this process")


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


async def _ask_other(server: str, question: tuple[str, str], *, timeout_s: float) -> Answer | CouldNotAsk:
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


# -- zone transfer ------------------------------------------------------------------------------------------


async def _transfer(access: ZoneAccess) -> ZoneContent | CouldNotAsk:
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
            return CouldNotAsk(f"transfer of {access.zone}: {_refusal(packet) or packet.rcode.value}")
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
