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
from collections.abc import Iterable, Mapping

from holdfast.model.configuration import ZoneConfig
from holdfast.ports.dns import Answer, Ask, AskMany, Response, Servers, Transfer, Update, ZoneContent
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.channel import Broken
from holdfast.runtime.identity import CENSUS
from holdfast.runtime.line import Line, ask_other
from holdfast.runtime.transfers import transfer
from holdfast.runtime.zone_access import DNS_PORT, ZoneAccess, access_of, join_address


class DnsTransport:
    """All zones of a process. Actors may share it: their messages share each zone's connection."""

    def __init__(self, accesses: Iterable[ZoneAccess]) -> None:
        self._lines = {access.zone: Line(access) for access in accesses}

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
            return await ask_other(operation.server, question, timeout_s=line.access.timeout_s)
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
        return _unknown(operation.zone) if line is None else await transfer(line.access)

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

    async def _addresses(self, line: Line, host: str) -> set[str] | CouldNotAsk:
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


def _unknown(zone: str) -> CouldNotAsk:
    return CouldNotAsk(f"zone {zone} is not configured in this process")
