"""`doctor --route53 FILE`: each hosted zone of a configuration, by its API. Changes nothing."""

from __future__ import annotations

import msgspec

from holdfast.config.own_keys import local_zones
from holdfast.config.settings import Loaded
from holdfast.model.configuration import ZoneConfig
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceFound, FenceUnreadable
from holdfast.ports.route53 import GetHostedZone, HostedZone, NotAllowed
from holdfast.providers.route53.listing import PAGE_MAX
from holdfast.providers.route53.provider import Route53Provider
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.ports import answer_route53
from holdfast.service.doctor_report import EXIT_GOOD, EXIT_TROUBLE
from holdfast.service.route53.record import warnings
from holdfast.service.scene import CannotOpen, open_route53
from holdfast.stores.examined import Examined, Verdict

READ_LONG_S = 5.0
"""A full read of a zone above this makes healing slow."""
MARKS = {Verdict.GOOD: "ok", Verdict.DOUBTFUL: "!", Verdict.BAD: "BAD"}


class HostedZoneReport(msgspec.Struct, frozen=True):
    """One zone and what was looked at."""

    zone: str
    examined: tuple[Examined, ...]


class Route53Report(msgspec.Struct, frozen=True):
    """All hosted zones of a configuration."""

    zones: tuple[HostedZoneReport, ...]

    @property
    def exit_code(self) -> int:
        """Trouble as soon as one thing is bad."""
        bad = any(e.verdict is Verdict.BAD for z in self.zones for e in z.examined)
        return EXIT_TROUBLE if bad else EXIT_GOOD


async def examine_route53(loaded: Loaded) -> Route53Report:
    """Ask each zone's API.

    Raises:
        CannotOpen: the configuration has no zone on Route 53, or its credentials or libraries are missing.
    """
    zones = local_zones(loaded.configuration, loaded.service)
    transport = open_route53(zones)
    if transport is None:
        raise CannotOpen(f"{loaded.path} has no zone on Route 53")
    answers = Answers()
    answer_route53(answers, transport)
    unverified = warnings(loaded.configuration, loaded.service.state)
    try:
        found = []
        for zone in zones:
            if zone.route53 is not None:
                scope = loaded.configuration.scope
                found.append(await _examine(answers, zone, scope, unverified.get(zone.name, "")))
        return Route53Report(tuple(found))
    finally:
        await transport.close()


async def _examine(answers: Answers, zone: ZoneConfig, scope: str, unverified: str) -> HostedZoneReport:
    found: list[Examined] = []
    hosted = await drive(_ask(zone.name), answers)
    match hosted:
        case CouldNotAsk(reason=reason):
            found.append(Examined("api", Verdict.BAD, reason))
        case NotAllowed(code=code, text=text):
            advice = "docs/route53.md lists the actions that the credentials need"
            found.append(Examined("api", Verdict.BAD, f"GetHostedZone: {code}: {text}", advice))
        case HostedZone():
            found += _of_zone(zone, hosted)
    fence = await drive(Route53Provider(zone.name).read_fence(scope), answers)
    if isinstance(fence, CouldNotAsk):
        found.append(Examined("fence", Verdict.BAD, fence.reason))
    elif isinstance(fence, FenceUnreadable):
        found.append(Examined("fence", Verdict.DOUBTFUL, f"unreadable: {fence.why}", "enactors repair it (R3)"))
    else:
        text = f"at {fence.fence.identity}" if isinstance(fence, FenceFound) else "none yet"
        found.append(Examined("fence", Verdict.GOOD, text))
    verdict = Verdict.DOUBTFUL if unverified else Verdict.GOOD
    found.append(Examined("verified", verdict, unverified or "a person has run `holdfast providers verify`"))
    return HostedZoneReport(zone.name, tuple(found))


async def _ask(zone: str) -> HostedZone | NotAllowed | CouldNotAsk:
    return await GetHostedZone(zone)


def _of_zone(zone: ZoneConfig, hosted: HostedZone) -> list[Examined]:
    assert zone.route53 is not None
    found = []
    if hosted.name != zone.name:
        text = f"hosted zone {zone.route53.zone_id} is {hosted.name}, not {zone.name}"
        found.append(Examined("zone", Verdict.BAD, text, "correct zone_id"))
    elif hosted.private:
        found.append(Examined("zone", Verdict.DOUBTFUL, "it is private: only its own networks see it"))
    else:
        found.append(Examined("zone", Verdict.GOOD, f"{hosted.name}, served by {', '.join(hosted.name_servers)}"))
    pages = -(-hosted.record_sets // PAGE_MAX)
    read_s = pages / zone.route53.requests_per_s
    text = (
        f"{hosted.record_sets} record sets: reading all of it takes {pages} requests, {read_s:.1f} s of our share"
    )
    advice = "each enactor reads it on each pass; a zone of its own for the names that holdfast keeps is quicker"
    long = read_s > READ_LONG_S
    found.append(Examined("size", Verdict.DOUBTFUL if long else Verdict.GOOD, text, advice if long else ""))
    return found


def text_of_route53(report: Route53Report) -> str:
    """For a terminal."""
    lines = []
    for zone in report.zones:
        lines.append(f"zone {zone.zone} on Route 53")
        for one in zone.examined:
            lines.append(f"  {MARKS[one.verdict]:<4}{one.what}: {one.text}")
            if one.advice:
                lines.append(f"      {one.advice}")
    return "\n".join(lines)
