"""DNS in memory: zones by name, answering the transport's operations as values.

`answer` is the synchronous core: the laboratory keeps a `MemoryDns` as its DNS server state (`snapshot` is
hashable; `restore` goes back to one). The async methods are the same under the names that the runtime's
transport has, for the `memory` provider and its conformance run. Nothing is signed and nothing gets lost here:
loss, delay and replay belong to whoever stands between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from holdfast.nameserver.lookup import lookup
from holdfast.nameserver.updating import RFC, Quirks, apply
from holdfast.nameserver.zone import Zone
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
from holdfast.ports.operation import CouldNotAsk, Operation

Snapshot: TypeAlias = tuple[Zone, ...]
"""All zones, sorted by name: hashable, equal when they hold the same."""

_PORT: Final = 53
_REFUSED: Final = Answer(Rcode.REFUSED, None, authoritative=False)


class MemoryDns:
    """One primary for several zones. `quirks` per zone model the server that it stands for."""

    def __init__(self, zones: Iterable[Zone], *, quirks: Mapping[str, Quirks] | None = None) -> None:
        self._zones = {zone.origin: zone for zone in zones}
        self._quirks = dict(quirks or {})

    # -- the core, synchronous ------------------------------------------------------------------------------

    def zone(self, name: str) -> Zone | None:
        """A zone as it is now."""
        return self._zones.get(name)

    def put(self, zone: Zone) -> None:
        """Set a zone whatever was there: a fault, or a person at the server."""
        self._zones[zone.origin] = zone

    def snapshot(self) -> Snapshot:
        """All content, as a value."""
        return tuple(self._zones[name] for name in sorted(self._zones))

    def restore(self, snapshot: Snapshot) -> None:
        """Back to a snapshot."""
        self._zones = {zone.origin: zone for zone in snapshot}

    def answer(self, operation: Operation[Any]) -> Any:
        """Answer any operation of the DNS port.

        Raises:
            TypeError: an operation of another port, which is a fault of the caller's.
        """
        match operation:
            case Ask(zone=zone, name=name, rtype=rtype):
                return self.answer_ask(zone, name, rtype)
            case AskMany(zone=zone, questions=questions):
                return tuple(self.answer_ask(zone, name, rtype) for name, rtype in questions)
            case Transfer(zone=zone):
                return self.answer_transfer(zone)
            case Servers(zone=zone):
                return self.answer_servers(zone)
            case Update():
                return self.answer_update(operation)
            case _:
                raise TypeError(f"{type(operation).__name__} is no operation of the DNS port")

    def answer_ask(self, zone: str, name: str, rtype: str) -> Answer:
        """One question; REFUSED for a zone that is not here."""
        held = self._zones.get(zone)
        return _REFUSED if held is None else lookup(held, name, rtype)

    def answer_transfer(self, zone: str) -> ZoneContent | CouldNotAsk:
        """The whole zone."""
        held = self._zones.get(zone)
        return _unknown(zone) if held is None else held.content()

    def answer_servers(self, zone: str) -> tuple[str, ...] | CouldNotAsk:
        """The name servers of the NS RRset that have addresses in the zone, each as `address:port`."""
        held = self._zones.get(zone)
        if held is None:
            return _unknown(zone)
        ns = held.rrset(zone, "NS")
        hosts = () if ns is None else ns.rdatas
        return tuple(sorted(_addresses(held, hosts)))

    def answer_update(self, update: Update) -> Response:
        """Apply an update; NOTAUTH for a zone that is not here."""
        held = self._zones.get(update.zone)
        if held is None:
            return Response(Rcode.NOTAUTH)
        self._zones[update.zone], rcode = apply(held, update, self._quirks.get(update.zone, RFC))
        return Response(rcode)

    # -- the same, as the runtime's transport has it --------------------------------------------------------

    async def ask(self, operation: Ask) -> Answer | CouldNotAsk:
        """`ports.dns.Ask`."""
        return self.answer_ask(operation.zone, operation.name, operation.rtype)

    async def ask_many(self, operation: AskMany) -> tuple[Answer | CouldNotAsk, ...]:
        """`ports.dns.AskMany`."""
        return tuple(self.answer_ask(operation.zone, name, rtype) for name, rtype in operation.questions)

    async def transfer(self, operation: Transfer) -> ZoneContent | CouldNotAsk:
        """`ports.dns.Transfer`."""
        return self.answer_transfer(operation.zone)

    async def servers(self, operation: Servers) -> tuple[str, ...] | CouldNotAsk:
        """`ports.dns.Servers`."""
        return self.answer_servers(operation.zone)

    async def update(self, operation: Update) -> Response | CouldNotAsk:
        """`ports.dns.Update`."""
        return self.answer_update(operation)


def _unknown(zone: str) -> CouldNotAsk:
    return CouldNotAsk(f"no zone {zone} in this memory DNS")


def _addresses(zone: Zone, hosts: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for host in hosts:
        for rtype, form in (("A", "{}:{}"), ("AAAA", "[{}]:{}")):
            rrset = zone.rrset(host, rtype)
            found.update(form.format(address, _PORT) for address in (rrset.rdatas if rrset else ()))
    return found
