"""`webhook import`: the ownership records in a file's zones, into the store."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from holdfast.externaldns.accepting import Unacceptable
from holdfast.externaldns.adjusting import LeftOut
from holdfast.externaldns.converting import Converted, convert, onto
from holdfast.externaldns.writing import situation, write_accepted
from holdfast.ports.dns import Transfer, ZoneContent
from holdfast.ports.operation import CouldNotAsk
from holdfast.service.scene import CannotOpen, Scene
from holdfast.service.webhook.serving import affix_of

T = TypeVar("T")


class Imported(msgspec.Struct, frozen=True):
    """What was taken over, what was not, and which TXT records have no reader any more."""

    names: tuple[str, ...]
    known: tuple[str, ...]
    """Were in the store already."""
    left_out: tuple[LeftOut, ...]
    obsolete: tuple[str, ...]
    """TXT records in DNS: what they said is in the store now."""
    written: bool


async def import_ownership(scene: Scene, *, owner: str = "", dry_run: bool = False) -> Imported:
    """Read every zone of the file by transfer, and take over what ExternalDNS marked there.

    Raises:
        CannotOpen: a zone can't be read, or the store has no configuration that takes names from clusters.
    """
    found = _there(await scene.ask(situation(scene.keys)))
    assert scene.service.webhook is not None, "whoever imports has looked whether the file has a webhook"
    affix = affix_of(scene.service.webhook)
    parts: list[Converted] = []
    for zone in scene.loaded.configuration.zones:
        content = await scene.ask(_transfer(zone.name))
        if isinstance(content, CouldNotAsk):
            raise CannotOpen(f"zone {zone.name} at {zone.server}: {content.reason}; does its key allow transfers?")
        parts.append(convert(content.rrsets, found.rules, affix, owner=owner))
    everything = Converted(
        names=tuple(sorted((n for part in parts for n in part.names), key=lambda n: n.name)),
        marks=tuple(m for part in parts for m in part.marks),
        left_out=tuple(one for part in parts for one in part.left_out),
    )
    if not dry_run:
        _there(await scene.ask(write_accepted(scene.keys, lambda now: onto(now.document, everything))))
    known = {n.name for n in found.document.names}
    return Imported(
        names=tuple(n.name for n in everything.names if n.name not in known),
        known=tuple(n.name for n in everything.names if n.name in known),
        left_out=everything.left_out,
        obsolete=tuple(mark.name for mark in everything.marks),
        written=not dry_run,
    )


async def _transfer(zone: str) -> ZoneContent | CouldNotAsk:
    return await Transfer(zone)


def _there(found: T | Unacceptable | CouldNotAsk) -> T:
    if isinstance(found, CouldNotAsk):
        raise CannotOpen(found.reason)
    if isinstance(found, Unacceptable):
        raise CannotOpen(found.text)
    return found


def as_text(found: Imported) -> str:
    """For people; the lines for nsupdate can be piped."""
    verb = "taken over" if found.written else "would be taken over"
    lines = [f"{len(found.names)} names {verb}, {len(found.known)} were there already"]
    lines += [f"  {name}" for name in found.names]
    lines += [f"left out: {one.name} ({one.rtype}): {one.why}" for one in found.left_out]
    if found.obsolete:
        lines.append("no longer read once ExternalDNS uses the webhook; remove with nsupdate:")
        lines += [f"  update delete {name}. TXT" for name in found.obsolete]
    return "\n".join(lines)
