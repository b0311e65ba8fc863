"""`doctor`: what a name's DNS looks like, without any configuration."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, load_file, run, show


@click.command()
@click.argument("name", required=False)
@click.option(
    "--server", default="", metavar="ADDRESS[:PORT]", help="Ask this authoritative server about the zone."
)
@click.option("--resolver", default="", metavar="ADDRESS[:PORT]", help="Instead of the system's resolver.")
@click.option("--store", "file", metavar="FILE", type=click.Path(), help="Examine the store that FILE names.")
@click.option(
    "--route53", "hosted", metavar="FILE", type=click.Path(), help="Examine FILE's zones on Route 53 by its API."
)
@click.option(
    "--powerdns", "pdns", metavar="FILE", type=click.Path(), help="Ask who answers for FILE's zones on PowerDNS."
)
@format_option
def doctor(
    name: str | None, server: str, resolver: str, file: str | None, hosted: str | None, pdns: str | None, form: str
) -> None:
    """Ask every name server of NAME's zone: TTLs, disagreement, emptiness, and what a failure would look like.

    With --store, look at the store of a configuration instead: whether it answers and how fast, whether commits
    are flushed, what a failover would lose, encryption, and each member of a cluster. With --route53, at its
    hosted zones: rights, the right zone, how long it takes to read, the fence, and whether anybody has verified.
    With --powerdns, at whether one process takes the updates, or several that are not kept apart.

    \b
    Example:
      holdfast doctor www.example.test --resolver 127.0.0.1:5335
      holdfast doctor --store holdfast.toml
    """
    if sum(given is not None for given in (name, file, hosted, pdns)) != 1:
        fail("name either a DNS name, or a file with --store, --route53 or --powerdns", exits.USAGE)
    if hosted is not None:
        _route53(hosted, form)
    if pdns is not None:
        _powerdns(pdns, form)
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


def _route53(file: str, form: str) -> NoReturn:
    from holdfast.service.route53.examine import examine_route53, text_of_route53

    report = run(examine_route53(load_file(file)))
    show(report, form, lambda: text_of_route53(report))
    raise SystemExit(report.exit_code)


def _powerdns(file: str, form: str) -> NoReturn:
    from holdfast.service.doctor_powerdns import examine_powerdns, text_of_powerdns

    report = run(examine_powerdns(load_file(file)))
    show(report, form, lambda: text_of_powerdns(report))
    raise SystemExit(report.exit_code)


def _store(file: str, form: str) -> NoReturn:
    from holdfast.service.doctor_store import examine_store, text_of_store

    report = asyncio.run(examine_store(load_file(file)))
    show(report, form, lambda: text_of_store(report))
    raise SystemExit(report.exit_code)
