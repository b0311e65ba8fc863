"""`alerts`: the Prometheus alert rules that ship with holdfast."""

from __future__ import annotations

import click

GROUPS = {"holdfast": "holdfast.events", "never": "holdfast.assumptions"}


@click.command()
@click.argument("groups", nargs=-1, type=click.Choice(list(GROUPS)), metavar="[holdfast|never]...")
def alerts(groups: tuple[str, ...]) -> None:
    """Print alert rules for Prometheus: on holdfast's own metrics, and on `holdfast.never` in any code.

    \b
    Example:
      holdfast alerts > rules.yml
      promtool check rules rules.yml
    """
    from importlib.resources import files

    click.echo("# Alert rules of holdfast. Each says what it means, and what to do.")
    click.echo("groups:")
    for group in groups or tuple(GROUPS):
        text = files(GROUPS[group]).joinpath("alerts.yml").read_text(encoding="utf-8")
        # Each file is one list of groups: their rows follow one another.
        click.echo(text.split("groups:\n", 1)[1].rstrip("\n"))
