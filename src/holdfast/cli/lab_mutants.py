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
    from holdfast.lab.mutants import Mutant, Standing, Verdict

TABLE = Path("tests") / "lab" / "mutants" / "mutants.toml"


def judged(table: str | None, only: tuple[str, ...], jobs: int, form: str) -> None:
    """Judge the mutants and exit: 0 if all are killed, 5 if one survived."""
    path = Path(table) if table else TABLE
    chosen = _chosen(path, only)
    verdicts: list[Verdict] = []
    try:
        with progress(f"judging {len(chosen)} mutants") as shown:
            _as_it_is(chosen, shown)
            _judge(chosen, _root(path), jobs, shown, verdicts)
    except KeyboardInterrupt:
        show(_document(verdicts), form, lambda: _text(verdicts))
        fail(f"stopped after {len(verdicts)} of {len(chosen)} mutants", exits.INTERRUPTED)
    order = {m.name: i for i, m in enumerate(chosen)}
    verdicts.sort(key=lambda v: order[v.name])
    show(_document(verdicts), form, lambda: _text(verdicts))
    sys.exit(exits.OK if all(v.killed for v in verdicts) else exits.BROKEN)


def compared(table: str | None, only: tuple[str, ...], form: str) -> NoReturn:
    """Print for each property the mutant that only it notices, and exit: 0 if that is true of all, 5 if not."""
    import subprocess

    from holdfast.lab.mutants import CampaignError, PatchError, standing

    chosen = [m for m in _chosen(Path(table) if table else TABLE, only) if m.only]
    found: list[Standing] = []
    try:
        with progress(f"comparing {len(chosen)} mutants") as shown:
            _as_it_is(chosen, shown, whole=True)
            for mutant in chosen:
                shown.say(f"{mutant.only}: {mutant.name}")
                found.append(standing(mutant))
                shown.note(f"[{len(found)}/{len(chosen)}] {_stands(found[-1])}")
    except (PatchError, CampaignError, subprocess.TimeoutExpired) as error:
        fail(str(error), exits.BAD_CONFIGURATION)
    document = {"properties": [_standing(s) for s in found], "hold": all(s.holds for s in found)}
    show(document, form, lambda: "\n".join(_stands(s) for s in found))
    sys.exit(exits.OK if all(s.holds for s in found) else exits.BROKEN)


def _stands(one: Standing) -> str:
    said = f"{one.mutant.only:<26} {one.mutant.name} ({one.mutant.rule})"
    alone = "survives it" if one.alone is None else f"killed by it in {one.alone.cpu_seconds:.1f} CPU s"
    others = "survives all others" if one.others is None else f"also noticed: {one.others.broken}"
    return f"{said}: {alone}, {others} ({one.seconds:.0f} s)"


def _standing(one: Standing) -> dict[str, object]:
    return {
        "property": one.mutant.only,
        "mutant": one.mutant.name,
        "rule": one.mutant.rule,
        "check": one.mutant.check,
        "alone": "" if one.alone is None else one.alone.broken,
        "others": "" if one.others is None else one.others.broken,
        "holds": one.holds,
        "seconds": round(one.seconds, 1),
    }


def _as_it_is(chosen: list[Mutant], shown: Progress, *, whole: bool = False) -> None:
    """A check that breaks in the code as it is would kill every mutant, and so none."""
    from holdfast.lab.mutants import CampaignError, untouched

    shown.say("the code as it is")
    try:
        found = untouched(chosen, whole=whole)
    except CampaignError as error:
        fail(f"the campaign itself fails on the code as it is: {error}")
    if found is not None:
        fail(f"the code as it is breaks {found.check!r}, so that kills no mutant: {found.broken}", exits.BROKEN)


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
            "check": v.finding.check if v.finding else "",
            "property": v.finding.broken.partition(":")[0] if v.finding else "",
            "seconds": round(v.seconds, 2),
            "cpu_seconds": v.finding.cpu_seconds if v.finding else None,
            "why": v.mutant.why,
        }
        for v in verdicts
    ]
    return {"mutants": found, "killed": sum(v.killed for v in verdicts), "all": len(verdicts)}


def _text(verdicts: list[Verdict]) -> str:
    """The table, then the survivors with why, then the count."""
    width = max((len(v.name) for v in verdicts), default=0)
    lines = [f"{'rule':<5} {'mutant':<{width}} {'s':>6} {'CPU s':>6}  killed by"]
    lines += [f"{v.rule:<5} {v.name:<{width}} {v.seconds:6.1f} {_cpu(v):>6}  {_by(v)}" for v in verdicts]
    lines += [
        f"SURVIVED: {v.name} ({v.rule}){f': {v.mutant.why}' if v.mutant.why else ''}"
        for v in verdicts
        if not v.killed
    ]
    killed = sum(v.killed for v in verdicts)
    quick = sum(v.killed and v.seconds <= 1.0 for v in verdicts)
    lean = sum(v.finding is not None and v.finding.cpu_seconds <= 1.0 for v in verdicts)
    share = 100 * killed / len(verdicts) if verdicts else 0
    lines.append(
        f"{killed} of {len(verdicts)} killed ({share:.0f} %), {quick} of them within a second, {lean} within a"
        " second of CPU time by a search"
    )
    return "\n".join(lines)


def _cpu(verdict: Verdict) -> str:
    return f"{verdict.finding.cpu_seconds:.1f}" if verdict.finding else "-"


def _by(verdict: Verdict) -> str:
    if verdict.finding is None:
        return verdict.by or "nothing: it SURVIVED"
    return f"{verdict.finding.broken.partition(':')[0]}, in {verdict.finding.check!r}"
