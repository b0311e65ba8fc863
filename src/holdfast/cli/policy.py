"""`credentials-policy`: the least that the keys of a file have to be allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from holdfast.cli.common import format_option, load_file, show

if TYPE_CHECKING:
    from holdfast.service.policies import Policy


@click.command("credentials-policy")
@click.argument("file", type=click.Path())
@format_option
def credentials_policy(file: str, form: str) -> None:
    """The least rights for the key of each zone: BIND's update-policy, Knot's ACL, PowerDNS' script, IAM's JSON.

    Nothing secret is read or printed.

    \b
    Example:
      holdfast credentials-policy holdfast.toml
    """
    from holdfast.service.policies import policies

    found = policies(load_file(file).configuration)
    show(found, form, lambda: "\n".join(_text(policy) for policy in found))


def _text(policy: Policy) -> str:
    """A zone for a terminal; notes in comments of the server's own language where it has any."""
    mark = {"powerdns": "--", "bind": "//", "rfc2136": "//"}.get(policy.provider, "#")
    return "\n".join(
        [f"{mark} {policy.zone} ({policy.provider})", *(f"{mark} {n}" for n in policy.notes), policy.text]
    )
