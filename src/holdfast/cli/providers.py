"""`providers verify`: does a provider's live service do what the fence rests on?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NoReturn

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, load_file, show
from holdfast.model.configuration import Route53Settings


@click.group()
def providers() -> None:
    """Look at what serves the zones.

    \b
    Example:
      holdfast providers verify route53 --zone Z0123456789ABC --name scratch.example.com
    """


@providers.group()
def verify() -> None:
    """Try on a scratch name whether a live service keeps what its documentation promises.

    \b
    Example:
      holdfast providers verify route53 --zone Z0123456789ABC --name scratch.example.com
    """


@verify.command()
@click.option("--zone", "zone_id", required=True, metavar="ID", help="The hosted zone.")
@click.option("--name", required=True, help="A scratch name in it: nothing may stand there or below it.")
@click.option("-c", "--config", "file", type=click.Path(), help="Keep the record in this file's state directory.")
@click.option("--state", type=click.Path(), help="Keep the record in this directory instead.")
@click.option("--credentials-file", default="", type=click.Path(), help="Mode 0600. Default: the environment.")
@click.option("--profile", default="default", show_default=True, help="In that file.")
@click.option("--requests-per-s", default=4.0, show_default=True, help="Of the account's five.")
@click.option("--generations", default=10, show_default=True, help="Of the race of 12 writers.")
@click.option("--burst/--no-burst", default=True, help="Ask too fast once, to see the throttle.")
@click.option("--endpoint", default="", metavar="URL", help="Another address of the API than the public one.")
@format_option
def route53(
    zone_id: str,
    name: str,
    file: str | None,
    state: str | None,
    credentials_file: str,
    profile: str,
    requests_per_s: float,
    generations: int,
    burst: bool,
    endpoint: str,
    form: str,
) -> None:
    """The race and the edge cases on a scratch name of a real zone; cleans up, and keeps a record.

    Until the record is there, holdfast calls zones on Route 53 "not verified". It takes some minutes, for an
    account answers five requests a second. Exit 5: the service does something else than the fence needs.

    \b
    Example:
      holdfast providers verify route53 --zone Z0123456789ABC --name scratch.example.com -c holdfast.toml
    """
    from holdfast.config import names

    scratch = names.domain(name)
    if scratch is None:
        fail(f"`{name}` is no DNS name, such as scratch.example.com", exits.USAGE)
    directory = state or (load_file(file).service.state if file else "")
    if not directory:
        fail(
            "where shall the record be kept? Name --config FILE (its state directory) or --state DIR", exits.USAGE
        )
    settings = Route53Settings(
        zone_id=zone_id.removeprefix("/hostedzone/"),
        credentials_file=credentials_file,
        profile=profile,
        requests_per_s=requests_per_s,
        endpoint=endpoint,
    )
    _verify(settings, scratch, Path(directory), generations=generations, burst=burst, form=form)


def _verify(
    settings: Route53Settings, scratch: str, directory: Path, *, generations: int, burst: bool, form: str
) -> NoReturn:
    try:
        from holdfast.runtime.route53.credentials import NoCredentials
        from holdfast.service.route53.bench import CannotVerify, Plan
        from holdfast.service.route53.record import FILE, Step, write_record
        from holdfast.service.route53.verify import verify
    except ImportError as error:
        fail(f"Route 53 needs {error.name}: pip install 'holdfast[route53]'")

    def tell(step: Step) -> None:
        mark = {True: "ok", False: "BAD", None: "told"}[step.good]
        click.echo(f"  {mark:<5}{step.name}: {step.text}", err=form == "json")

    try:
        found = asyncio.run(verify(Plan(settings, scratch, generations, burst), tell))
        write_record(directory / FILE, found)
    except (CannotVerify, NoCredentials) as error:
        fail(str(error))
    except OSError as error:
        fail(f"the record can't be kept in {directory}: {error.strerror}")
    show(found, form, lambda: f"{'verified' if found.good else 'NOT verified'}; the record is {directory / FILE}")
    raise SystemExit(exits.OK if found.good else exits.BROKEN)
