"""`demo`: the quickstart's backends, stopped and started by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, file_option, load_file, remember_current
from holdfast.cli.running import live_view, plain_option, run_roles
from holdfast.service.demo.backends import Backend, start, stop

if TYPE_CHECKING:
    from holdfast.config.settings import Loaded
    from holdfast.service.scene import Scene


@click.group()
def demo() -> None:
    """The quickstart: real backends to stop and start, and the stale enactor of October 2025.

    \b
    Example:
      holdfast demo up examples/quickstart.toml
      holdfast demo stop 127.0.0.12
    """


def backends(loaded: Loaded) -> tuple[Backend, ...]:
    """A backend for each IPv4 target of the file."""
    directory = Path(loaded.service.state) / "backends"
    return tuple(
        Backend(address=t.a, port=t.port, directory=directory)
        for g in loaded.configuration.groups
        for t in g.targets
        if t.a is not None
    )


@demo.command("up")
@click.argument("file", type=click.Path())
@plain_option
def demo_up(file: str, plain: bool) -> None:
    """Start the backends of FILE and everything else; Ctrl-C stops it all."""
    from holdfast.service.demo.backends import occupied
    from holdfast.service.up import everything

    loaded = load_file(file)
    remember_current(file)
    host, _, port = loaded.service.dns_listen.rpartition(":")
    reason = occupied(host.strip("[]"), int(port)) if port else None
    if reason is not None:
        fail(
            f"cannot listen on {loaded.service.dns_listen} for DNS ({reason}). Is holdfast running already?"
            f" Otherwise free the port, or set another one as dns_listen and server in {file}"
        )
    mine = backends(loaded)
    try:
        for backend in mine:
            trouble = start(backend)
            if trouble is not None:
                fail(trouble)

        live = live_view(plain, _help(loaded))

        async def ready(scene: Scene) -> None:
            if live is None:
                click.echo(_help(scene.loaded))

        run_roles(loaded, everything(loaded), "up", ready, live)
    finally:
        for backend in mine:
            stop(backend)


def _help(loaded: Loaded) -> str:
    name = loaded.configuration.endpoints[0].name
    host, _, port = loaded.service.dns_listen.rpartition(":")
    some = backends(loaded)[1].address
    return (
        "\nholdfast runs. In another terminal, from this directory:\n\n"
        f"    dig @{host} -p {port} {name} +short\n"
        f"    .venv/bin/holdfast demo stop {some}       # the name moves, the reason is printed here\n"
        f"    .venv/bin/holdfast demo start {some}      # and it comes back\n"
        "    .venv/bin/holdfast demo stale             # October 2025: a write delayed past two newer plans\n"
        "    .venv/bin/holdfast status\n"
        "    .venv/bin/holdfast history\n\nCtrl-C stops everything.\n"
    )


def _one(file: str | None, address: str) -> Backend:
    known = backends(load_file(file))
    found = next((b for b in known if b.address == address), None)
    if found is None:
        fail(f"no backend has the address {address}; there are {', '.join(b.address for b in known)}", exits.USAGE)
    return found


@demo.command("stop")
@click.argument("address")
@file_option
def demo_stop(address: str, file: str | None) -> None:
    """Kill the backend at ADDRESS (`holdfast demo stop 127.0.0.12`)."""
    backend = _one(file, address)
    click.echo(f"stopped {address}" if stop(backend) else f"{address} was not running")


@demo.command("start")
@click.argument("address")
@file_option
def demo_start(address: str, file: str | None) -> None:
    """Start the backend at ADDRESS again (`holdfast demo start 127.0.0.12`)."""
    trouble = start(_one(file, address))
    if trouble is not None:
        fail(trouble)
    click.echo(f"{address} runs")


@demo.command("stale")
@file_option
def demo_stale(file: str | None) -> None:
    """Stop an enactor in the middle of a write, let newer plans go out, and let it continue.

    The message goes out freshly signed; the DNS server refuses it because of the fence.
    """
    from holdfast.cli.common import run
    from holdfast.service.demo.stale import replay

    loaded = load_file(file)
    refused = run(replay(loaded, click.echo))
    if not refused:
        fail("the stale write was not refused by the fence", exits.FAILED)
