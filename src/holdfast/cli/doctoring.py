"""`doctor`: what a name's DNS looks like, without any configuration."""

from __future__ import annotations

import asyncio

import click

from holdfast.cli.common import fail, format_option


@click.command()
@click.argument("name")
@click.option(
    "--server", default="", metavar="ADDRESS[:PORT]", help="Ask this authoritative server about the zone."
)
@click.option("--resolver", default="", metavar="ADDRESS[:PORT]", help="Instead of the system's resolver.")
@format_option
def doctor(name: str, server: str, resolver: str, form: str) -> None:
    """Ask every name server of NAME's zone: TTLs, disagreement, emptiness, and what a failure would look like.

    \b
    Example:
      holdfast doctor www.example.test --resolver 127.0.0.1:5335
    """
    from holdfast.service.doctor import examine
    from holdfast.service.doctor_report import CannotExamine, json_of, text_of

    report = asyncio.run(examine(name, server=server, resolver=resolver))
    if isinstance(report, CannotExamine):
        fail(report.text, report.exit_code)
    click.echo(json_of(report) if form == "json" else text_of(report))
    raise SystemExit(report.exit_code)
