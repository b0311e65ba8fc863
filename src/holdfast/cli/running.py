"""`up`, `planner`, `prober`, `enactor`, `dns`: processes that run until they are told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from holdfast.cli import exits
from holdfast.cli.common import cancel_on_signals, fail, load_file, remember_current

if TYPE_CHECKING:
    from holdfast.cli.live import LiveView
    from holdfast.config.settings import Loaded
    from holdfast.events.record import Record
    from holdfast.service.scene import Scene
    from holdfast.service.up import Roles

_QUIET = frozenset({"zone.converged"})


def print_event(record: Record) -> None:
    """One plain line for an event; plan and zone where they say something."""
    if record.kind in _QUIET:
        return
    plan = f" [{record.plan}]" if record.plan is not None else ""
    zone = f" {record.zone}" if record.zone else ""
    click.echo(f"{record.at[11:23]} {record.actor:<12} {record.kind:<16}{plan}{zone} {record.text}")


def run_roles(
    loaded: Loaded,
    roles: Roles,
    process: str,
    ready: Callable[[Scene], Awaitable[None]] | None = None,
    live: LiveView | None = None,
) -> None:
    """Play the roles until SIGINT or SIGTERM; clean stop. `live` draws instead of plain lines."""
    from holdfast.nameserver.settings import NameserverProblem
    from holdfast.service.scene import CannotOpen
    from holdfast.service.up import Roles, play
    from holdfast.stores.refusal import Refused

    async def main() -> None:
        cancel_on_signals()
        with contextlib.suppress(asyncio.CancelledError):
            then, beside = (print_event, None) if live is None else (live.take, live.run)
            await play(loaded, roles, process=process, then=then, ready=ready, beside=beside)
        stays = "the store keeps the leases" if roles == Roles(leases=True) else "DNS keeps its answers"
        click.echo(f"holdfast: stopped; {stays}")

    try:
        _runner()(main())
    except* (CannotOpen, NameserverProblem, Refused) as group:
        # `except*` also takes a bare exception, which it wraps in a group of one.
        fail("; ".join(str(e) for e in group.exceptions))


def _runner() -> Callable[..., None]:
    """uvloop where it is installed: twice the probes a second; asyncio's own loop otherwise."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


def live_view(plain: bool, hint: str = "") -> LiveView | None:
    """The live view where a person looks at a terminal; None elsewhere, or if plain lines were asked for."""
    from rich.console import Console

    from holdfast.cli.live import LiveView

    console = Console()
    return LiveView(console, hint) if console.is_terminal and not plain else None


plain_option = click.option("--plain", is_flag=True, help="Plain log lines, also in a terminal.")


@click.command()
@click.argument("file", type=click.Path())
@plain_option
def up(file: str, plain: bool) -> None:
    """Run everything in one process: probers, planner, enactors, clean-up, embedded DNS.

    \b
    Example:
      holdfast up examples/quickstart.toml
    """
    from holdfast.service.up import everything

    loaded = load_file(file)
    remember_current(file)
    run_roles(loaded, everything(loaded), "up", live=live_view(plain))


@click.command()
@click.argument("file", type=click.Path())
@click.option("--name", default="planner", show_default=True, help="Who it is, in events.")
def planner(file: str, name: str) -> None:
    """Run one planner. Any number may run.

    \b
    Example:
      holdfast planner holdfast.toml --name planner-b
    """
    from holdfast.service.up import Roles

    run_roles(load_file(file), Roles(planners=(name,)), name)


@click.command()
@click.argument("file", type=click.Path())
@click.option("--name", required=True, help="Which [[prober]] of the file it is.")
def prober(file: str, name: str) -> None:
    """Run one prober: a vantage point.

    \b
    Example:
      holdfast prober holdfast.toml --name a
    """
    from holdfast.service.up import Roles

    loaded = load_file(file)
    names = [p.name for p in loaded.configuration.probers]
    if name not in names:
        click.echo(f"holdfast: no [[prober]] is named {name}; the file has {', '.join(names)}", err=True)
        sys.exit(exits.USAGE)
    run_roles(loaded, Roles(probers=(name,)), f"prober-{name}")


@click.command()
@click.argument("file", type=click.Path())
@click.option("--name", required=True, help="Its writer id, as it stands in the fence.")
def enactor(file: str, name: str) -> None:
    """Run one enactor. Run three or more, in different places.

    \b
    Example:
      holdfast enactor holdfast.toml --name enactor-a
    """
    from holdfast.service.up import Roles

    run_roles(load_file(file), Roles(enactors=(name,)), name)


@click.command()
@click.argument("file", type=click.Path())
def dns(file: str) -> None:
    """Run the embedded authoritative name server alone.

    \b
    Example:
      holdfast dns holdfast.toml
    """
    from holdfast.service.up import Roles

    loaded = load_file(file)
    if not loaded.service.dns_listen:
        fail(f'{file} has no zone with provider = "embedded", so there is nothing to answer for')
    run_roles(loaded, Roles(dns=True), "dns")
