"""`leases`: the lease service, and what can be said of it before it runs."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from holdfast.cli import exits
from holdfast.cli.common import cancel_on_signals, fail, file_option, format_option, load_file, run, show
from holdfast.cli.delivering import key_in, service_options

if TYPE_CHECKING:
    from holdfast.config.settings import Loaded
    from holdfast.service.leases.listing import Listed


@click.group()
def leases() -> None:
    """Host leases.

    \b
    Example:
      holdfast leases serve holdfast.toml
      holdfast leases envelope --fleet 100000 --rate 2500 --cost 4
    """


@leases.command()
@click.argument("file", type=click.Path())
def serve(file: str) -> None:
    """Run the lease service of a file with a [leases] table. One at a time owns the leases: the newest.

    \b
    Example:
      holdfast leases serve holdfast.toml
    """
    from holdfast.cli.running import run_roles
    from holdfast.service.up import Roles

    run_roles(_with_leases(file), Roles(leases=True), "leases")


@leases.command("list")
@click.argument("role", default="")
@file_option
@format_option
def list_leases(role: str, file: str | None, form: str) -> None:
    """Who holds leases, of one role or of all, as the store has it. Overdue ones stand here until they run out.

    \b
    Example:
      holdfast leases list api
    """
    from holdfast.model.lease import bad_word
    from holdfast.service.leases.listing import as_text, read_leases
    from holdfast.service.scene import open_scene

    if role and bad_word(role):
        fail(f"ROLE: {bad_word(role)}", exits.USAGE)
    loaded = load_file(file)

    async def read() -> Listed:
        async with open_scene(loaded, "command") as scene:
            return await read_leases(scene, role)

    found = run(read())
    show(found, form, lambda: as_text(found))


@leases.command()
@click.argument("role")
@service_options
@format_option
def watch(role: str, url: str, key_file: str, ca_file: str, form: str) -> None:
    """Who holds leases of a role, and each change, until stopped: + came, ~ is another, - has gone.

    It asks the service, so it runs anywhere; `leases list` reads the store. With `--format json` each change is a
    line, and what is said of the service goes to standard error.

    \b
    Example:
      holdfast leases watch api --key-file holdfast-state/keys/leases.key
    """
    from holdfast.model.codec import encode
    from holdfast.model.lease import bad_word

    if bad_word(role):
        fail(f"ROLE: {bad_word(role)}", exits.USAGE)
    try:
        from holdfast.client.http import LeaseHttp, Rejected
        from holdfast.service.leases.watching import Changed, watch_role
    except ImportError as error:
        fail(f"this needs {error.name}: pip install 'holdfast[leases]'")

    def note(text: str) -> None:
        click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=form == "json")

    def say(changed: Changed) -> None:
        if form == "json":
            click.echo(encode(changed))
        else:
            note(str(changed))

    async def look() -> None:
        cancel_on_signals()
        async with LeaseHttp(url, key_in(key_file), ca_file=ca_file) as service:
            await watch_role(service, role, say, note)

    try:
        asyncio.run(look())
    except Rejected as error:
        fail(f"{url}: {error}")
    except asyncio.CancelledError:
        sys.exit(exits.INTERRUPTED)


@leases.command()
@click.argument("file", required=False, type=click.Path())
@click.option("--fleet", type=int, help="How many hosts hold a lease. With FILE: default as many as do now.")
@click.option("--rate", type=float, help="Renewals a second that the service can do, if only that.")
@click.option("--cost", type=float, default=4.0, show_default=True, help="Of establishing, in renewals (k).")
@click.option("--ttl", type=float, help="How long a lease lasts, seconds. Default: 180, or as FILE has it.")
@click.option("--renew-every", type=float, help="Seconds between renewals. Default: a third of TTL.")
@click.option(
    "--timeout", type=float, default=60.0, show_default=True, help="After which clients give up, seconds."
)
@click.option(
    "--clients",
    type=int,
    help="Programs that hold the leases. Default: as many as leases; FILE's: as in its store.",
)
@click.option("--svg", "svg_file", type=click.Path(dir_okay=False), help="Write the picture to this file too.")
@format_option
def envelope(
    file: str | None,
    fleet: int | None,
    rate: float | None,
    cost: float,
    ttl: float | None,
    renew_every: float | None,
    timeout: float,
    clients: int | None,
    svg_file: str | None,
    form: str,
) -> None:
    """Whether a naive design of this size would collapse, which outages are free, and how long recovery takes.

    FILE: its [leases] table gives TTL and rate (renewals_per_s), its store the fleet; flags win over it.

    \b
    Example:
      holdfast leases envelope --fleet 100000 --rate 2500 --cost 4 --svg envelope.svg
      holdfast leases envelope holdfast.toml --fleet 20000
    """
    from holdfast.service.leases.envelope_input import Given, fleet_of
    from holdfast.service.leases.envelope_report import picture, report
    from holdfast.service.leases.envelope_svg import svg

    loaded = None if file is None else _with_leases(file)
    if fleet is None and loaded is not None:
        fleet, holders = run(_held(loaded))
        clients = holders if clients is None else clients
    try:
        meant = fleet_of(
            Given(fleet, rate, cost, ttl, renew_every, timeout, clients),
            None if loaded is None else loaded.service.leases,
        )
    except ValueError as error:
        fail(str(error), exits.USAGE)
    found = report(meant)
    if svg_file:
        try:
            Path(svg_file).write_text(svg(found), encoding="utf-8")
        except OSError as error:
            fail(f"can't write {svg_file}: {error.strerror}")
    show(found, form, lambda: f"{found.text}\n\n{picture(found)}")


async def _held(loaded: Loaded) -> tuple[int, int]:
    from holdfast.service.leases.envelope_input import held
    from holdfast.service.scene import open_scene

    async with open_scene(loaded, "command") as scene:
        return await held(scene)


def _with_leases(file: str) -> Loaded:
    loaded = load_file(file)
    if loaded.service.leases is None:
        fail(f"{file} has no [leases] table: add one (docs/configuration.md)", exits.BAD_CONFIGURATION)
    return loaded
