"""`doctor`: what a name's DNS looks like, without any configuration."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, load_file, show


@click.command()
@click.argument("name", required=False)
@click.option(
    "--server", default="", metavar="ADDRESS[:PORT]", help="Ask this authoritative server about the zone."
)
@click.option("--resolver", default="", metavar="ADDRESS[:PORT]", help="Instead of the system's resolver.")
@click.option("--store", "file", metavar="FILE", type=click.Path(), help="Examine the store that FILE names.")
@format_option
def doctor(name: str | None, server: str, resolver: str, file: str | None, form: str) -> None:
    """Ask every name server of NAME's zone: TTLs, disagreement, emptiness, and what a failure would look like.

    With --store, look at the store of a configuration instead: whether it answers and how fast, whether commits
    are flushed, what a failover would lose, encryption, and each member of a cluster.

    \b
    Example:
      holdfast doctor www.example.test --resolver 127.0.0.1:5335
      holdfast doctor --store holdfast.toml
    """
    if (name is None) == (file is None):
        fail("name either a DNS name, or a configuration with --store FILE", exits.USAGE)
    if file is not None:
        _store(file, form)
    assert name is not None
    from holdfast.service.doctor import examine
    from holdfast.service.doctor_report import CannotExamine, json_of, text_of

    report = asyncio.run(examine(name, server=server, resolver=resolver))
    if isinstance(report, CannotExamine):
        fail(report.text, report.exit_code)
    click.echo(json_of(report) if form == "json" else text_of(report))
    raise SystemExit(report.exit_code)


def _store(file: str, form: str) -> NoReturn:
    from holdfast.service.doctor_store import examine_store, text_of_store

    report = asyncio.run(examine_store(load_file(file)))
    show(report, form, lambda: text_of_store(report))
    raise SystemExit(report.exit_code)
