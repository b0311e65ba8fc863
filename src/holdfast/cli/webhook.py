"""`webhook`: ExternalDNS's provider contract, and the conversion of its ownership records."""

from __future__ import annotations

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, load_file, run, show
from holdfast.config.settings import Loaded


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

    run_roles(_with_webhook(file), Roles(webhook=True), "webhook")


@webhook.command("import")
@click.argument("file", type=click.Path())
@click.option("--owner", default="", help="Only what this --txt-owner-id marked. Default: all.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken over, and write nothing.")
@format_option
def import_(file: str, owner: str, dry_run: bool, form: str) -> None:
    """Take over the names that ExternalDNS marked by TXT records in the zones of FILE, as they are.

    \b
    Example:
      holdfast webhook import holdfast.toml --owner cluster-1 --dry-run
    """
    from holdfast.service.scene import open_scene
    from holdfast.service.webhook.converting import Imported, as_text, import_ownership

    loaded = _with_webhook(file)

    async def work() -> Imported:
        async with open_scene(loaded, "command") as scene:
            return await import_ownership(scene, owner=owner, dry_run=dry_run)

    found = run(work())
    show(found, form, lambda: as_text(found))


def _with_webhook(file: str) -> Loaded:
    loaded = load_file(file)
    if loaded.service.webhook is None:
        fail(f"{file} has no [external_dns] table: add one (docs/external-dns.md)", exits.BAD_CONFIGURATION)
    return loaded
