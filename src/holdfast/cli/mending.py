"""`repair --override` and `adopt`: a person's words when automation must not, or cannot, go on by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, file_option, load_file, reason_option, run, who
from holdfast.ports.events import Event

if TYPE_CHECKING:
    from holdfast.enactor.adopt import Adopted
    from holdfast.enactor.override import Healed


@click.command()
@click.option(
    "--override", "freeze_id", required=True, metavar="ID", help="The freeze whose names are healed once."
)
@file_option
def repair(freeze_id: str, file: str | None) -> None:
    """Heal, once, the names that freeze ID covers; the freeze stays in force for automation.

    \b
    Example:
      holdfast repair --override k3f9qz
    """
    loaded = load_file(file)

    async def work() -> tuple[Healed, ...] | str:
        from holdfast.enactor.override import repair_override
        from holdfast.service.scene import open_scene

        async with open_scene(loaded, "repair") as scene:
            return await scene.ask(
                repair_override(
                    scene.keys.scope,
                    scene.providers,
                    actor="repair",
                    freeze_id=freeze_id,
                    believes=scene.believes,
                )
            )

    result = run(work())
    if isinstance(result, str):
        fail(result)
    if not result:
        fail(f"no fence carries freeze {freeze_id}; `holdfast status` lists those in force", exits.REFUSED)
    for zone in result:
        left = f"; left: {zone.refusal}" if zone.refusal else ""
        click.echo(f"  {zone.zone}: {zone.written} RRsets written{left}")
    if any(zone.refusal for zone in result):
        sys.exit(exits.PARTIAL if any(zone.written for zone in result) else exits.REFUSED)


@click.command()
@reason_option
@file_option
def adopt(reason: str, file: str | None) -> None:
    """Make what DNS serves now the newest plan: for when the store and every enactor's disk are lost.

    Changes nothing in DNS; planner and enactors go on from there. The configuration must be applied first.

    \b
    Example:
      holdfast adopt --reason "store and disks lost in the fire"
    """
    loaded = load_file(file)

    async def work() -> Adopted | str:
        from holdfast.enactor.adopt import adopt as make_plan
        from holdfast.service.scene import open_scene

        async with open_scene(loaded, "adopt") as scene:
            if scene.believes is not None and scene.signs is None:
                return "plans are signed here (plan_keys), and this machine has no signing_key: adopt where it is"
            made = await scene.ask(
                make_plan(
                    scene.keys.scope, scene.providers, actor="adopt", by=who(), reason=reason, signs=scene.signs
                )
            )
            if not isinstance(made, str):
                spoken = f"adopted what DNS serves as plan {made.identity}: {reason}"
                scene.events.emit(Event(kind="word.spoken", actor=who(), text=spoken, plan=made.identity))
            return made

    result = run(work())
    if isinstance(result, str):
        click.echo(f"holdfast: {result}", err=True)
        sys.exit(exits.REFUSED)
    click.echo(f"plan {result.identity} holds {result.names} names as DNS serves them")
    for freeze_id in result.freezes:
        click.echo(
            f"  freeze {freeze_id} was known to a fence alone: it stays in force and covers everything until"
            f" `holdfast thaw {freeze_id}`"
        )
    for name in result.empty:
        click.echo(f"  {name} has no addresses in DNS; the planner decides")
