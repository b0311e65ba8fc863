"""`lab mutants`: progress for each mutant, the table at the end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec

from holdfast.cli import exits
from holdfast.cli.common import fail, show
from holdfast.cli.lab_progress import Progress, progress

if TYPE_CHECKING:
    from holdfast.lab.mutants import Mutant, Verdict

TABLE = Path("tests") / "lab" / "mutants" / "mutants.toml"


def judged(table: str | None, only: tuple[str, ...], jobs: int, form: str) -> None:
    """Judge the mutants and exit: 0 if all are killed, 5 if one survived."""
    path = Path(table) if table else TABLE
    chosen = _chosen(path, only)
    verdicts: list[Verdict] = []
    try:
        with progress(f"judging {len(chosen)} mutants") as shown:
            _judge(chosen, _root(path), jobs, shown, verdicts)
    except KeyboardInterrupt:
        show(_document(verdicts), form, lambda: _text(verdicts))
        fail(f"stopped after {len(verdicts)} of {len(chosen)} mutants", exits.INTERRUPTED)
    order = {m.name: i for i, m in enumerate(chosen)}
    verdicts.sort(key=lambda v: order[v.name])
    show(_document(verdicts), form, lambda: _text(verdicts))
    sys.exit(exits.OK if all(v.killed for v in verdicts) else exits.BROKEN)


def _chosen(path: Path, only: tuple[str, ...]) -> list[Mutant]:
    import tomllib

    from holdfast.lab.mutants import load

    try:
        mutants = load(path)
    except FileNotFoundError:
        _usage(f"there is no {path} here: name the table, as in `holdfast lab mutants TABLE`")
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, KeyError, UnicodeDecodeError) as error:
        fail(f"{path} is no table of mutants: {error}", exits.BAD_CONFIGURATION)
    unknown = sorted(set(only) - {m.name for m in mutants})
    if unknown:
        import difflib

        near = difflib.get_close_matches(unknown[0], [m.name for m in mutants], n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        _usage(f"{path} has no mutant {unknown[0]!r}{hint}")
    return [m for m in mutants if not only or m.name in only]


def _usage(text: str) -> NoReturn:
    raise click.UsageError(text, click.get_current_context())


def _root(table: Path) -> Path | None:
    """The repository's root, for mutants that are meant to die in its tests."""
    return next((p for p in table.absolute().parents if (p / "pyproject.toml").exists()), None)


def _judge(chosen: list[Mutant], root: Path | None, jobs: int, shown: Progress, verdicts: list[Verdict]) -> None:
    from holdfast.lab.mutants import PatchError, judge_all

    shown.say("begun")
    try:
        for verdict in judge_all(chosen, root, jobs=jobs):
            verdicts.append(verdict)
            fate = f"killed by {verdict.by}" if verdict.killed else "SURVIVED"
            done = f"[{len(verdicts)}/{len(chosen)}]"
            shown.note(f"{done} {verdict.rule:<4} {fate} in {verdict.seconds:.1f} s: {verdict.name}")
            shown.say(f"{len(verdicts)} done")
    except PatchError as error:
        fail(str(error), exits.BAD_CONFIGURATION)


def _document(verdicts: list[Verdict]) -> dict[str, object]:
    found = [
        {
            "name": v.name,
            "rule": v.rule,
            "killed": v.killed,
            "by": v.by,
            "how": v.how,
            "seconds": round(v.seconds, 2),
            "why": v.mutant.why,
        }
        for v in verdicts
    ]
    return {"mutants": found, "killed": sum(v.killed for v in verdicts), "all": len(verdicts)}


def _text(verdicts: list[Verdict]) -> str:
    """The table, then the survivors with why, then the count."""
    width = max((len(v.name) for v in verdicts), default=0)
    lines = [f"{'rule':<5} {'mutant':<{width}} {'s':>6}  killed by"]
    lines += [
        f"{v.rule:<5} {v.name:<{width}} {v.seconds:6.1f}  {v.by or 'nothing: it SURVIVED'}" for v in verdicts
    ]
    lines += [
        f"SURVIVED: {v.name} ({v.rule}){f': {v.mutant.why}' if v.mutant.why else ''}"
        for v in verdicts
        if not v.killed
    ]
    killed = sum(v.killed for v in verdicts)
    quick = sum(v.killed and v.seconds <= 1.0 for v in verdicts)
    share = 100 * killed / len(verdicts) if verdicts else 0
    lines.append(f"{killed} of {len(verdicts)} killed ({share:.0f} %), {quick} of them within a second")
    return "\n".join(lines)
