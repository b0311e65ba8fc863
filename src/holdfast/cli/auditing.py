"""`audit`: stale checks in Python source."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from holdfast.cli import exits
from holdfast.cli.audit_proving import prove_all, told
from holdfast.cli.common import fail

if TYPE_CHECKING:
    from holdfast.audit.accepting.baseline import Baseline
    from holdfast.audit.accepting.verdict import Verdict
    from holdfast.audit.engine import Progress
    from holdfast.audit.settings import Settings
    from holdfast.proving.values import Proof


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option(
    "--tier", type=click.Choice(["high", "medium", "low"]), help="Weakest findings shown.  [default: medium]"
)
@click.option("--rule", "rules", multiple=True, metavar="HF001", help="Only this rule; repeat for several.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these files or folders out; repeat.")
@click.option(
    "--baseline", type=click.Path(dir_okay=False), help="Findings in this file are known: not shown, not counted."
)
@click.option("--update-baseline", is_flag=True, help="Write what is found now to the baseline, and exit with 0.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Processes; 0 is one per core.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="sarif for code scanning, github for annotations in a workflow's log.",
)
@click.option(
    "--prove",
    "tests",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Imports the code and sends two callers through each gap; the tests that show it are written to DIR.",
)
@click.option("--out", type=click.Path(dir_okay=False), help="Write there instead of to standard output.")
def audit(
    paths: tuple[str, ...],
    tier: str | None,
    rules: tuple[str, ...],
    exclude: tuple[str, ...],
    baseline: str | None,
    update_baseline: bool,
    jobs: int,
    form: str,
    tests: str | None,
    out: str | None,
) -> None:
    """Find checks that are stale when they are acted on: awaits, stores and clean-ups in between.

    Without PATH, and for options that are not given, [tool.holdfast.audit] of the nearest pyproject.toml decides.
    `# holdfast: ignore[HF001] reason` accepts a finding whose check, gap or act is on that line or the next. Exit
    5 if findings are left. Files that can't be read are told and don't count as findings.

    \b
    Example:
      holdfast audit src --tier high
    """
    from holdfast.audit import engine
    from holdfast.audit.accepting.verdict import judge
    from holdfast.audit.rules import TITLES
    from holdfast.audit.values import Tier

    settings = _settings(paths)
    chosen = settings.chosen(rules, tuple(TITLES))
    for rule in (*chosen, *settings.ignore):
        if rule not in TITLES:
            fail(f"there is no rule {rule!r}; rules: {', '.join(TITLES)}", exits.USAGE)
    for path in settings.paths:
        if not Path(path).exists():
            fail(f"there is no file or folder {path!r}", exits.USAGE)
    at = baseline or settings.baseline
    if update_baseline and not at:
        fail("--update-baseline needs --baseline FILE, or `baseline` in [tool.holdfast.audit]", exits.USAGE)
    known = _baseline(at) if at and not update_baseline else None
    report = engine.audit_files(
        settings.paths, exclude=(*settings.exclude, *exclude), jobs=jobs, progress=_progress()
    )
    least = Tier(tier) if tier else settings.tier
    verdict = judge(report, least, chosen, known)
    if update_baseline:
        _write_baseline(at, verdict)
        return
    proofs = prove_all(verdict.report.findings, Path(tests)) if tests else {}
    _say(verdict, proofs, form, out)
    if verdict.report.findings:
        sys.exit(exits.BROKEN)
    if report.unread and not report.files:
        fail("none of the files could be read", exits.BAD_CONFIGURATION)


def _settings(paths: tuple[str, ...]) -> Settings:
    """Those of the nearest pyproject.toml, with its paths seen from here; `paths` win over its own."""
    from holdfast.audit.settings import BadSettings, Settings, find, read

    file = find(Path.cwd())
    try:
        found = read(file) if file is not None else Settings()
    except BadSettings as error:
        fail(str(error), exits.BAD_CONFIGURATION)
    root = Path.cwd() if file is None else file.parent

    def here(path: str) -> str:
        return os.path.relpath(root / path)

    own = paths or tuple(here(path) for path in found.paths)
    if not own:
        fail("name files or folders, or `paths` in [tool.holdfast.audit] of pyproject.toml", exits.USAGE)
    return msgspec.structs.replace(found, paths=own, baseline=found.baseline and here(found.baseline))


def _baseline(file: str) -> Baseline:
    from holdfast.audit.accepting.baseline import BadBaseline, read

    try:
        return read(Path(file))
    except BadBaseline as error:
        fail(str(error), exits.BAD_CONFIGURATION)


def _write_baseline(file: str, verdict: Verdict) -> None:
    from holdfast.audit.accepting.baseline import of, write

    try:
        write(Path(file), of(verdict.report.findings))
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    click.echo(f"{file}: {len(verdict.report.findings):,} findings are known from now on")


def _say(verdict: Verdict, proofs: Mapping[str, Proof], form: str, out: str | None) -> None:
    from holdfast.audit import wording
    from holdfast.audit.accepting.verdict import document
    from holdfast.audit.formats import github, sarif

    if form == "text":
        for line in wording.asides(verdict):
            click.echo(line, err=True)
        text = "\n".join([wording.words(verdict), *told(verdict.report.findings, proofs)])
    elif form == "github":
        text = github.commands(verdict)
    else:
        value = sarif.log(verdict) if form == "sarif" else {**document(verdict), "proofs": proofs}
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    if out is None:
        click.echo(text)
        return
    try:
        Path(out).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"{out}: {error.strerror}")


def _progress() -> Progress | None:
    if not sys.stderr.isatty():
        return None

    def tell(done: int, of: int) -> None:
        if done == of or done % 50 == 0:
            click.echo(f"\raudited {done:,} of {of:,} files", err=True, nl=done == of)

    return tell
