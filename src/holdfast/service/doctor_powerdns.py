"""`doctor --powerdns FILE`: which processes answer where PowerDNS zones take updates (`runtime.identity`)."""

from __future__ import annotations

import msgspec

from holdfast.config.own_keys import local_zones
from holdfast.config.settings import Loaded
from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.dns import DnsTransport
from holdfast.runtime.identity import CENSUS, several
from holdfast.service.doctor_report import EXIT_GOOD, EXIT_TROUBLE
from holdfast.service.doctor_store import lines_of
from holdfast.stores.examined import Examined, Verdict


class PowerDnsReport(msgspec.Struct, frozen=True):
    """One finding for each zone on PowerDNS."""

    examined: tuple[Examined, ...]

    @property
    def exit_code(self) -> int:
        """Trouble as soon as one zone's address is no place for updates."""
        return EXIT_TROUBLE if any(e.verdict is Verdict.BAD for e in self.examined) else EXIT_GOOD


async def examine_powerdns(loaded: Loaded) -> PowerDnsReport:
    """Ask who answers, by several connections to each zone's server.

    Raises:
        NameserverProblem: a key's secret can't be had.
    """
    zones = tuple(
        z for z in local_zones(loaded.configuration, loaded.service) if z.provider is ProviderKind.POWERDNS
    )
    transport = DnsTransport.of(zones)
    try:
        return PowerDnsReport(tuple([judge(zone, await transport.processes(zone.name)) for zone in zones]))
    finally:
        await transport.close()


def judge(zone: ZoneConfig, found: tuple[str, ...] | CouldNotAsk) -> Examined:
    """What the ids that answered mean for updates. Pure."""
    what, wanted = f"zone {zone.name} at {zone.server}", zone.server_ids
    if isinstance(found, CouldNotAsk):
        return Examined(what, Verdict.BAD, found.reason)
    shown = ", ".join(found)
    strange = sorted(set(found) - set(wanted))
    if wanted and not set(found) & set(wanted):
        text = f"{shown or 'nobody with an id'} answered, and server_ids has {', '.join(wanted)}: no update goes"
        return Examined(what, Verdict.BAD, text, "correct server_ids, or start that process")
    if len(wanted) > 1:
        advice = "safe only if every one has serializable transactions, which can't be seen from here"
        return Examined(what, Verdict.DOUBTFUL, f"updates go to {', '.join(wanted)}; {shown} answered", advice)
    if wanted:
        passed = f"; {', '.join(strange)} answered too and is passed over" if strange else ""
        return Examined(what, Verdict.GOOD, f"updates go to {wanted[0]}{passed}")
    if not found:
        advice = "set server-id in pdns.conf, so that several processes would be seen"
        return Examined(what, Verdict.DOUBTFUL, "does not say which process it is", advice)
    if len(found) > 1:
        return Examined(what, Verdict.BAD, several(found))
    return Examined(what, Verdict.GOOD, f"{shown} answered all {CENSUS} connections")


def text_of_powerdns(report: PowerDnsReport) -> str:
    """For a terminal."""
    return lines_of("zones on PowerDNS", report.examined) if report.examined else "no zone is on PowerDNS"
