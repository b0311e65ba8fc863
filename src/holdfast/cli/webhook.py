"""`webhook`: ExternalDNS's provider contract, and the conversion of its ownership records."""

from __future__ import annotations

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, load_file


@click.group()
def webhook() -> None:
    """Serve Kubernetes' ExternalDNS: what a cluster writes goes through guardrails and fence.

    \b
    Example:
      holdfast webhook serve holdfast.toml
    """


@webhook.command()
@click.argument("file", type=click.Path())
def serve(file: str) -> None:
    """Run the webhook of a file with an [external_dns] table.

    \b
    Example:
      holdfast webhook serve holdfast.toml
    """
    from holdfast.cli.running import run_roles
    from holdfast.service.up import Roles

    loaded = load_file(file)
    if loaded.service.webhook is None:
        fail(f"{file} has no [external_dns] table: add one (docs/external-dns.md)", exits.BAD_CONFIGURATION)
    run_roles(loaded, Roles(webhook=True), "webhook")
