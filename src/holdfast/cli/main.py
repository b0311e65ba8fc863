"""Entry point of `holdfast`. Commands are imported when they are called: `holdfast --help` stays quick."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from holdfast import __version__
from holdfast.cli import exits

COMMANDS: dict[str, tuple[str, str, str]] = {
    # command: (module, attribute, group in the help)
    "up": ("holdfast.cli.running", "up", "Run"),
    "planner": ("holdfast.cli.running", "planner", "Run"),
    "prober": ("holdfast.cli.running", "prober", "Run"),
    "enactor": ("holdfast.cli.running", "enactor", "Run"),
    "agent": ("holdfast.cli.agent", "agent", "Run"),
    "dns": ("holdfast.cli.running", "dns", "Run"),
    "demo": ("holdfast.cli.demo", "demo", "Run"),
    "check": ("holdfast.cli.configuring", "check", "Configure"),
    "apply": ("holdfast.cli.configuring", "apply", "Configure"),
    "import": ("holdfast.cli.configuring", "import_zone", "Configure"),
    "plan": ("holdfast.cli.looking", "plan", "Look"),
    "status": ("holdfast.cli.looking", "status", "Look"),
    "history": ("holdfast.cli.looking", "history", "Look"),
    "doctor": ("holdfast.cli.doctoring", "doctor", "Look"),
    "providers": ("holdfast.cli.providers", "providers", "Look"),
    "alerts": ("holdfast.cli.alerting", "alerts", "Look"),
    "leases": ("holdfast.cli.leasing", "leases", "Look"),
    "webhook": ("holdfast.cli.webhook", "webhook", "Run"),
    "deliver": ("holdfast.cli.delivering", "deliver", "Configure"),
    "credentials-policy": ("holdfast.cli.policy", "credentials_policy", "Secure"),
    "keys": ("holdfast.cli.keys", "keys", "Secure"),
    "tokens": ("holdfast.cli.tokens", "tokens", "Secure"),
    "drain": ("holdfast.cli.words", "drain", "Say"),
    "undrain": ("holdfast.cli.words", "undrain", "Say"),
    "rollback": ("holdfast.cli.words", "rollback", "Say"),
    "resume": ("holdfast.cli.words", "resume", "Say"),
    "retire": ("holdfast.cli.words", "retire", "Say"),
    "release": ("holdfast.cli.words", "release", "Say"),
    "freeze": ("holdfast.cli.stopping", "freeze", "Stop and mend"),
    "thaw": ("holdfast.cli.stopping", "thaw", "Stop and mend"),
    "repair": ("holdfast.cli.mending", "repair", "Stop and mend"),
    "adopt": ("holdfast.cli.mending", "adopt", "Stop and mend"),
    "lab": ("holdfast.cli.lab", "lab", "Try it out"),
    "map": ("holdfast.cli.mapping", "map_", "Look at other systems"),
    "audit": ("holdfast.cli.auditing", "audit", "Look at other systems"),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on use, and listed by what they are for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        found = COMMANDS.get(cmd_name)
        if found is None:
            return None
        command = getattr(importlib.import_module(found[0]), found[1])
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean `holdfast {near[0]}`?" if near else " `holdfast --help` lists them."
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under the heading of what they are for."""
        headings = dict.fromkeys(group for _, _, group in COMMANDS.values())
        for heading in headings:
            rows = []
            for name, (_, _, group) in COMMANDS.items():
                command = self.get_command(ctx, name) if group == heading else None
                if command is not None and not command.hidden:
                    rows.append((name, command.get_short_help_str(limit=90)))
            with formatter.section(heading):
                formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="holdfast")
def cli() -> None:
    """Keeps DNS names pointing at healthy endpoints; its own automation can never empty them.

    \b
    Example:
      holdfast check holdfast.toml
      holdfast up holdfast.toml
      holdfast status
    """


def main() -> None:
    """Run the command line; any failure is one clear line and an exit code, never a traceback."""
    try:
        result: Any = cli.main(standalone_mode=False, prog_name="holdfast")
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.UsageError as error:
        error.show()
        sys.exit(exits.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # `holdfast history | head`: the reader has what it wanted.
        sys.stderr.close()
        sys.exit(exits.OK)
    sys.exit(result if isinstance(result, int) else exits.OK)
