"""`check`, `apply`, `import`: the file, and its way into the store."""

from __future__ import annotations

import sys

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, load_checked, load_file, run
from holdfast.config.apply import Applied, ApplyResult, BadWord, NotMine, Unchanged
from holdfast.config.settings import Loaded


@click.command()
@click.argument("file", type=click.Path())
@format_option
def check(file: str, form: str) -> None:
    """Validate FILE and say what would be managed.

    \b
    Example:
      holdfast check examples/quickstart.toml
    """
    loaded = load_checked(file, form)
    if form == "text":
        click.echo(summary(loaded))


def summary(loaded: Loaded) -> str:
    """What a good file would manage."""
    c = loaded.configuration
    groups = {g.name: g for g in c.groups}
    lines = [f"{loaded.path}: scope {c.scope}, mode {c.mode.value}"]
    lines += [f"  zone {z.name} on {z.place}" for z in c.zones]
    for endpoint in c.endpoints:
        group = groups[endpoint.group]
        labels = len({t.label for t in group.targets})
        targets = f"{len(group.targets)} targets under {labels} zone labels"
        if group.role:
            targets = f"targets are who holds a lease of the role {group.role}"
        lines.append(
            f"  {endpoint.name} ttl {endpoint.ttl}: {targets},"
            f" {group.check.kind.value} every {group.check.interval_s:g} s,"
            f" never fewer than {group.floor_share:.0%} of capacity"
        )
    limits = c.limits
    lines.append(
        f"  velocity: at most {limits.removal_share:.0%} a zone label and {limits.removal_share_total:.0%} in all"
        f" per {limits.window_s:g} s; {len(c.probers)} probers"
    )
    return "\n".join(lines)


@click.command()
@click.argument("file", type=click.Path())
@click.option("--force", is_flag=True, help="Replace the store's configuration even if another file made it.")
@click.option(
    "--remove-target", "removals", multiple=True, metavar="GROUP/TARGET", help="Takes it out at once: your word."
)
def apply(file: str, force: bool, removals: tuple[str, ...]) -> None:
    """Make FILE the next revision of the configuration.

    It goes onto the revision that this file was last applied as, never over somebody else's newer one.

    \b
    Example:
      holdfast apply holdfast.toml
    """
    loaded = load_file(file)

    async def work() -> ApplyResult:
        from holdfast.service.applying import apply_file
        from holdfast.service.scene import open_scene

        async with open_scene(loaded, "apply") as scene:
            return await apply_file(scene, force=force, remove_targets=removals)

    result = run(work())
    from holdfast.service.applying import explain

    click.echo(explain(result))
    if isinstance(result, Applied):
        for change in result.changes:
            click.echo(f"  {change}")
    elif isinstance(result, (NotMine, BadWord)):
        sys.exit(exits.REFUSED)
    elif not isinstance(result, Unchanged):
        fail("nothing was applied")


@click.command("import")
@click.argument("zone")
@click.option("--server", required=True, help="address:port of the primary.")
@click.option("--key-name", default="", help="Name of the TSIG key.")
@click.option("--key-file", default="", type=click.Path(), help="File with its secret (mode 0600).")
@click.option("--key-env", default="", help="Or the environment variable with its secret.")
@click.option("--scope", default="imported", show_default=True)
def import_zone(zone: str, server: str, key_name: str, key_file: str, key_env: str, scope: str) -> None:
    """Write the TOML for what ZONE serves now; the plan from it changes nothing.

    \b
    Example:
      holdfast import example.test --server 127.0.0.1:53 --key-name k --key-file k.key > holdfast.toml
    """
    from holdfast.service.importing import CannotImport, import_text

    result = run(
        import_text(zone=zone, server=server, key_name=key_name, key_file=key_file, key_env=key_env, scope=scope)
    )
    if isinstance(result, CannotImport):
        fail(result.text)
    click.echo(result)
