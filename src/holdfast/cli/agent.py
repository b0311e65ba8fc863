"""`agent`: beside a load balancer or a backend; registers it, renews, and drains it on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import time

import click

from holdfast.cli import exits
from holdfast.cli.common import fail
from holdfast.config.problems import render
from holdfast.config.settings import Rejected


@click.command()
@click.argument("file", type=click.Path())
@click.option("--check", "only_check", is_flag=True, help="Only read the file, and say what is wrong with it.")
def agent(file: str, only_check: bool) -> None:
    """Register what runs here by a lease: it becomes a target while the lease is held, and is drained on SIGTERM.

    A second SIGTERM or Ctrl-C ends the draining: the lease is released at once.

    \b
    Exit: 0 it was drained, 4 its lease was released before DNS had let go of it, 65 the file is wrong.
    \b
    Example:
      holdfast agent agent.toml
    """
    from holdfast.service.agent.file import load_agent

    found = load_agent(file)
    if isinstance(found, Rejected):
        click.echo(render(found.problems, found.text), err=True)
        fail(f"{file} is refused", exits.BAD_CONFIGURATION)
    if only_check:
        click.echo(f"{file}: registers {found.role}/{found.name} at {found.server}")
        return
    try:
        from holdfast.client.client import log
        from holdfast.service.agent.running import CannotStart, run_agent
    except ImportError as error:
        fail(f"the agent needs {error.name}: pip install 'holdfast[leases]'")

    log.addFilter(lambda record: record.exc_info is not None)  # the service's silence is said by the agent itself

    async def main() -> bool:
        stop, hurry = asyncio.Event(), asyncio.Event()

        def told() -> None:
            (hurry if stop.is_set() else stop).set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, told)
        return await run_agent(found, stop, hurry, say=_say)

    try:
        drained = asyncio.run(main())
    except CannotStart as error:
        fail(str(error))
    if not drained:
        fail("released before DNS had let go of it", exits.PARTIAL)


def _say(kind: str, text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} agent        {kind:<16} {text}")
