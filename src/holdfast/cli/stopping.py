"""`freeze` and `thaw`: stop writing by scope, never serving; and let it go on."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, file_option, load_file, reason_option, run, who
from holdfast.model.freeze import Selector

if TYPE_CHECKING:
    from holdfast.killswitch.freeze import Outcome
    from holdfast.model.records import RRset

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def selector_of(text: str) -> Selector:
    """`scope`, `zone:GLOB`, `name:GLOB`, or `name:GLOB@ZONE-GLOB`."""
    kind, _, glob = text.partition(":")
    if text == "scope":
        return Selector()
    if kind == "zone" and glob:
        return Selector(zone=glob.lower().rstrip("."))
    if kind == "name" and glob:
        name, _, zone = glob.partition("@")
        return Selector(zone=zone.lower() or "*", name=name.lower().rstrip("."))
    raise click.BadParameter(
        f"{text!r} selects nothing: say scope, zone:example.test, name:api.* or name:api.*@example.test"
    )


def duration_s(text: str) -> int:
    """`90s`, `15m`, `2h`, `1d`."""
    found = re.fullmatch(r"([1-9]\d{0,6})([smhd])", text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no duration: such as 90s, 15m, 2h or 1d")
    return int(found[1]) * _UNITS_S[found[2]]


@click.command()
@click.argument("selector")
@reason_option
@click.option("--for", "for_", metavar="DURATION", help="Thaw by a timer after 90s, 15m, 2h, 1d. Default: never.")
@click.option("--again", default="", metavar="ID", help="Go on with a freeze that was acknowledged in part.")
@file_option
def freeze(selector: str, reason: str, for_: str | None, again: str, file: str | None) -> None:
    """Stop all writing that SELECTOR covers: scope, zone:GLOB, name:GLOB or name:GLOB@ZONE. DNS goes on serving.

    Once acknowledged, the DNS servers themselves refuse every automated write, however old.

    \b
    Example:
      holdfast freeze zone:example.test --reason "provider incident" --for 2h
    """
    chosen = selector_of(selector)
    until_s = None if for_ is None else int(time.time()) + duration_s(for_)
    loaded = load_file(file)

    async def work() -> Outcome:
        from holdfast.killswitch.freeze import freeze as stop
        from holdfast.service.scene import open_scene

        async with open_scene(loaded, "freeze") as scene:
            return await scene.ask(
                stop(
                    scene.keys.scope,
                    scene.providers,
                    actor="freeze",
                    selector=chosen,
                    reason=reason,
                    by=who(),
                    until_s=until_s,
                    again=again,
                )
            )

    outcome = run(work())
    _report(outcome, "frozen", f"`holdfast freeze {selector} --reason ... --again {outcome.id}` goes on")


@click.command()
@click.argument("freeze_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask after showing what would go out first.")
@file_option
def thaw(freeze_id: str, yes: bool, file: str | None) -> None:
    """End freeze ID; shows first which changes would go out.

    \b
    Example:
      holdfast thaw k3f9qz
    """
    loaded = load_file(file)

    async def look() -> list[str] | str:
        from holdfast.killswitch.preview import preview
        from holdfast.ports.operation import CouldNotAsk
        from holdfast.service.scene import open_scene
        from holdfast.service.views import no_such_freeze

        async with open_scene(loaded, "thaw") as scene:
            wrong = await no_such_freeze(scene, freeze_id)
            if wrong is not None:
                return wrong
            found = await scene.ask(preview(scene.keys.scope, scene.providers, freeze_id))
        if isinstance(found, CouldNotAsk):
            return [f"what would go out is not known: {found.reason}"]
        return [f"{c.name} {c.rtype}: {_set(c.before)} -> {_set(c.after)}" for c in found]

    changes = run(look())
    if isinstance(changes, str):
        fail(changes, exits.REFUSED)
    click.echo(f"{len(changes)} changes would go out:" if changes else "nothing waits: no change would go out")
    for change in changes:
        click.echo(f"  {change}")
    if not yes and sys.stdin.isatty() and not click.confirm("thaw?"):
        sys.exit(exits.REFUSED)

    async def work() -> Outcome:
        from holdfast.killswitch.freeze import thaw as go_on
        from holdfast.service.scene import open_scene

        async with open_scene(loaded, "thaw") as scene:
            return await scene.ask(
                go_on(scene.keys.scope, scene.providers, actor="thaw", freeze_id=freeze_id, by=who())
            )

    _report(run(work()), "thawed", f"`holdfast thaw {freeze_id}` goes on")


def _set(rrset: RRset | None) -> str:
    return "nothing" if rrset is None else " ".join(rrset.rdatas)


def _report(outcome: Outcome, done: str, hint: str) -> None:
    ready = sum(z.done for z in outcome.zones)
    for zone in outcome.zones:
        click.echo(f"  {zone.zone}: {done if zone.done else 'not ' + done}{': ' + zone.text if zone.text else ''}")
    if outcome.store:
        click.echo(f"holdfast: {outcome.store}", err=True)
    if not outcome.zones:
        fail("the selector covers no zone of this file", exits.USAGE)
    if ready == len(outcome.zones):
        click.echo(f"{outcome.id}: {done}, acknowledged by {ready} of {ready} zones")
        if outcome.store:
            # One carrier, not two: a fence that is damaged now would take the order with it (lab finding 2).
            click.echo(f"holdfast: not complete while the store does not follow; {hint}", err=True)
            sys.exit(exits.PARTIAL)
        return
    click.echo(f"{outcome.id}: partial, {ready} of {len(outcome.zones)} zones; {hint}", err=True)
    sys.exit(exits.PARTIAL if ready else exits.FAILED)
