"""`audit`: stale checks in Python source."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, show

if TYPE_CHECKING:
    from holdfast.audit.engine import Progress


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--tier",
    "least",
    type=click.Choice(["high", "medium", "low"]),
    default="medium",
    show_default=True,
    help="Weakest findings shown.",
)
@click.option("--rule", "rules", multiple=True, metavar="HF001", help="Only this rule; repeat for several.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these files or folders out; repeat.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Processes; 0 is one per core.")
@format_option
def audit(
    paths: tuple[str, ...], least: str, rules: tuple[str, ...], exclude: tuple[str, ...], jobs: int, form: str
) -> None:
    """Find checks that are stale when they are acted on: awaits, stores and clean-ups in between.

    Exit 5 if there are findings. Files that can't be read are told and don't count as findings.

    \b
    Example:
      holdfast audit src --tier high
    """
    from holdfast.audit import engine, wording
    from holdfast.audit.rules import TITLES
    from holdfast.audit.values import RANK, Tier

    for rule in rules:
        if rule not in TITLES:
            fail(f"there is no rule {rule!r}; rules: {', '.join(TITLES)}", exits.USAGE)
    for path in paths:
        if not Path(path).exists():
            fail(f"there is no file or folder {path!r}", exits.USAGE)
    report = engine.audit_files(paths, exclude=exclude, jobs=jobs, progress=_progress())
    shown = [f for f in report.findings if RANK[f.tier] <= RANK[Tier(least)] and f.rule in (rules or TITLES)]
    report = msgspec.structs.replace(report, findings=tuple(shown))
    if form == "text" and report.unread:
        click.echo(wording.unread(report), err=True)
    show(report, form, lambda: wording.words(report))
    if report.findings:
        sys.exit(exits.BROKEN)
    if report.unread and not report.files:
        fail("none of the files could be read", exits.BAD_CONFIGURATION)


def _progress() -> Progress | None:
    if not sys.stderr.isatty():
        return None

    def tell(done: int, of: int) -> None:
        if done == of or done % 50 == 0:
            click.echo(f"\raudited {done:,} of {of:,} files", err=True, nl=done == of)

    return tell
