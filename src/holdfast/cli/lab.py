"""`lab`: search designs for interleavings that break them, replay those, play October 2025, judge mutants."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import msgspec

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, show
from holdfast.cli.lab_parameters import Budget, BudgetType, files_for, write_page
from holdfast.cli.lab_progress import progress

if TYPE_CHECKING:
    from holdfast.lab.commands import Exploration
    from holdfast.lab.tape import Run, Tape

ENGINES = ("sample", "exhaustive", "columns", "dpor", "modular")


class _Explore(click.Command):
    """Lists the designs and what each takes in its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of designs."""
        from holdfast.lab.designs import DESIGNS

        with formatter.section("Designs"):
            formatter.write_dl([(d.name, f"{d.about} ({', '.join(d.options)})") for d in DESIGNS.values()])


@click.group()
def lab() -> None:
    """The laboratory: search designs and the loops that ship for interleavings that break them.

    \b
    Example:
      holdfast lab drill october-2025
      holdfast lab explore 2025 --engine exhaustive
    """


def _sizes(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how large the system is; what a design does not have is refused."""
    number = click.IntRange(min=0)
    for option in (
        click.option("--transfer", is_flag=True, help="Enactors read a zone by one transfer: fewer states."),
        click.option("--thaw", is_flag=True, help="As --freeze; the person thaws later."),
        click.option("--freeze", is_flag=True, help="A person freezes the whole scope at any time."),
        click.option("--disasters", is_flag=True, help="A deleted fence, a lost store, ... count as faults too."),
        click.option("--restarts", type=number, help="The publisher of plans fails and restarts as well."),
        click.option("--in-flight", type=number, help="Messages that may outlive their senders.  [default: 2]"),
        click.option("--faults", type=number, help="How many faults may happen.  [default: 0]"),
        click.option("--rounds", type=number, help="Rests of an enactor before it ends; 0: it goes on."),
        click.option("--endpoints", type=number, help="Names to point.  [default: 3]"),
        click.option("--enactors", type=number, help="Interchangeable enactors.  [default: 3]"),
        click.option("--plans", type=number, help="Plans, the one live at the start counted.  [default: 3]"),
    ):
        command = option(command)
    return command


@lab.command(cls=_Explore)
@click.argument("design", default="holdfast")
@_sizes
@click.option("--engine", type=click.Choice(ENGINES), default="sample", show_default=True, help="How to search.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the sampler: same seed, same schedules.")
@click.option(
    "--budget", type=BudgetType(), default=Budget(), show_default="60s", help="30s, 2m, or a count like 5000."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes of the sampler.")
@click.option("--settles", is_flag=True, help="Also: does every fair run come to rest there? (exhaustive engine)")
@click.option("--wedge", is_flag=True, help="Also: is there always a way on? (exhaustive, columns, modular)")
@click.option("--no-shrink", is_flag=True, help="Show the run as it was found.")
@click.option("--out", metavar="DIR|FILE", help="Where tape and page go.  [default: .holdfast/lab]")
@format_option
def explore(
    design: str,
    engine: str,
    seed: int,
    jobs: int,
    budget: Budget,
    wedge: bool,
    settles: bool,
    no_shrink: bool,
    out: str | None,
    form: str,
    **sizes: int | bool | None,
) -> None:
    """Search DESIGN until something breaks, all is searched, or the budget ends.

    What breaks is told as a story and kept as a tape and a page. Exits with 0 if nothing was found, with 5 if
    something is broken.

    \b
    Example:
      holdfast lab explore 2025 --plans 3 --enactors 3 --endpoints 3
      holdfast lab explore holdfast --engine exhaustive --transfer --enactors 2 --wedge --settles
      holdfast lab explore holdfast --engine modular --transfer --freeze --faults 2 --restarts 1
      holdfast lab explore holdfast --faults 2 --disasters --freeze --budget 2m --seed 7 --jobs 2
    """
    from holdfast.lab.actor import LabError
    from holdfast.lab.commands import Engine, EngineError, SearchInterruptedError
    from holdfast.lab.commands import explore as search
    from holdfast.lab.designs import SizeError, UnknownDesignError, size_of
    from holdfast.lab.engines.dpor import UnsupportedFaultError

    try:
        size = size_of(design, {k: int(v) for k, v in sizes.items() if v is not None and v is not False})
        with progress(f"searching {design} ({engine})") as shown:
            found = search(
                design,
                size,
                engine=Engine(engine),
                seed=seed,
                jobs=jobs,
                seconds=budget.seconds,
                count=budget.count,
                wedge=wedge,
                settles=settles,
                shrunk=not no_shrink,
                on_progress=shown.say,
            )
    except (SizeError, UnknownDesignError, UnsupportedFaultError, EngineError) as error:
        _usage(str(error))
    except RecursionError as error:
        _usage(f"{error} (--rounds), or choose another engine")
    except LabError as error:
        fail(f"the code under test can't be searched: {error}", exits.BROKEN)
    except SearchInterruptedError as stopped:
        fail(str(stopped), exits.INTERRUPTED)
    _explored(found, out, form)


def _explored(found: Exploration, out: str | None, form: str) -> None:
    """Keep what was found, tell it, and exit."""
    from holdfast.lab.commands import Status

    files: dict[str, str] = {}
    command = ""
    if found.tape is not None and found.run is not None:
        files, command = _keep(found.tape, found.run, found.outcome.bounds, out)
    document = {
        "design": found.design,
        "size": msgspec.to_builtins(found.size),
        "engine": found.engine.value,
        "status": found.status.value,
        "bounds": found.outcome.bounds,
        "sentence": found.sentence(),
        "broken": "" if found.tape is None else found.tape.broken,
        "count": found.outcome.count,
        "units": found.outcome.units,
        "seconds": round(found.outcome.seconds, 3),
        "preemptions": found.preemptions,
        "steps": 0 if found.tape is None else len(found.tape.choices),
        "trace": "" if found.tape is None else found.tape.trace,
        **files,
        "replay": command,
    }
    page = f"\nIn the browser: {files['page']}" if files else ""
    show(document, form, lambda: found.text(command) + page)
    sys.exit(exits.BROKEN if found.status is Status.BROKEN else exits.OK)


def _keep(tape: Tape, run: Run, bounds: str, out: str | None) -> tuple[dict[str, str], str]:
    """Write tape and page; the files, and the command that replays the tape."""
    from holdfast.lab.commands import save_tape
    from holdfast.lab.pages import run_page

    files = files_for(out, f"{tape.scenario}-{tape.trace[:8]}")
    command = f"holdfast lab replay {_quoted(files.tape)}"
    try:
        save_tape(files.tape, tape)
        files.page.write_text(run_page(run, _facts(tape, bounds, command)), encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}; name another place with --out")
    return {"tape": str(files.tape), "page": str(files.page)}, command


def _facts(tape: Tape, bounds: str, command: str) -> list[tuple[str, str]]:
    from holdfast.lab.commands import about

    seed = [] if tape.seed is None else [("Seed", str(tape.seed))]
    return [
        ("Design", f"{tape.scenario}: {about(tape.scenario)}"),
        ("Bounds", bounds),
        *seed,
        ("Replay it", command),
    ]


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


@lab.command()
@click.argument("tape", type=click.Path(exists=True, dir_okay=False))
@click.option("--times", type=click.IntRange(min=1), default=1, show_default=True, help="Replay it so often.")
@click.option("--out", metavar="DIR|FILE", help="Also write the page there.")
@format_option
def replay(tape: str, times: int, out: str | None, form: str) -> None:
    """Run TAPE on the code of today, and hold it to the trace that the tape names.

    Exits with 0 if the code does what the tape says, even if that breaks something; with 2 if it no longer does.

    \b
    Example:
      holdfast lab replay .holdfast/lab/2025-54a1c0de.json --times 100
    """
    from holdfast.lab.actor import LabError
    from holdfast.lab.commands import load_tape, replay_tape
    from holdfast.lab.designs import SizeError, UnknownDesignError
    from holdfast.lab.tape import NotATapeError, TapeMismatchError

    try:
        told = load_tape(Path(tape))
    except NotATapeError as error:
        fail(f"{tape}: {error}", exits.BAD_CONFIGURATION)
    except OSError as error:
        fail(f"cannot read {tape}: {error.strerror}")
    try:
        with progress(f"replaying {tape}") as shown:
            for number in range(1, times + 1):
                run = replay_tape(told)
                shown.say(f"{number} of {times}")
    except (NotATapeError, SizeError, UnknownDesignError) as error:
        fail(f"{tape}: {error}", exits.BAD_CONFIGURATION)
    except (TapeMismatchError, LabError) as error:
        fail(f"{tape} does not replay: {error}", exits.DIFFERENT)
    _replayed(tape, told, run, times, out, form)


def _replayed(path: str, tape: Tape, run: Run, times: int, out: str | None, form: str) -> None:
    from holdfast.lab.story import report

    bounds = run.system.scenario.bounds
    command = f"holdfast lab replay {_quoted(Path(path))}"
    page = ""
    if out is not None:
        page = write_page(out, f"{tape.scenario}-{tape.trace[:8]}", lambda: _page(tape, run, bounds, command))
    times_said = "once" if times == 1 else f"{times} times, each time the same"
    what = f"BROKEN: {run.broken}" if run.broken else "nothing breaks"
    sentence = f"replayed {times_said}: {what}; {tape.scenario}, {bounds}, {len(run.lines)} steps"
    document = {
        "design": tape.scenario,
        "bounds": bounds,
        "broken": run.broken,
        "broken_at": run.broken_at,
        "steps": len(run.lines),
        "times": times,
        "trace": run.trace,
        "verified": bool(tape.trace),
        "page": page,
    }
    show(document, form, lambda: report(sentence, run) + (f"\nIn the browser: {page}" if page else ""))


def _page(tape: Tape, run: Run, bounds: str, command: str) -> str:
    from holdfast.lab.pages import run_page

    return run_page(run, _facts(tape, bounds, command))


@lab.command()
@click.argument("name", type=click.Choice(["october-2025", "metadata-2015"]))
@click.option("--design", type=click.Choice(["2025", "holdfast"]), help="On one design alone.  [default: both]")
@click.option("--steps", is_flag=True, help="With every step.")
@click.option("--whole-day", is_flag=True, help="The whole day, from the name to health; needs the extra `fleet`.")
@click.option("--draws", type=click.IntRange(min=1), help="Whole day: so many draws of what is assumed, too.")
@click.option("--seed", type=int, default=0, show_default=True, help="Whole day: of the draws and of the runs.")
@click.option("--out", metavar="DIR|FILE", help="Also write the page there.")
@format_option
def drill(
    name: str,
    design: str | None,
    steps: bool,
    whole_day: bool,
    draws: int | None,
    seed: int,
    out: str | None,
    form: str,
) -> None:
    """Play a bad day: the DNS part of 20 October 2025, on the design of then and on holdfast.

    With --whole-day: what followed too (leases, launches, configuration, health), as a fleet in virtual time.
    metadata-2015, 20 September 2015, is the same collapse with no DNS in it; it is always the whole day.

    The script is the same for both; what differs is what the code makes of it.

    \b
    Example:
      holdfast lab drill october-2025
      holdfast lab drill october-2025 --design 2025 --steps
      holdfast lab drill october-2025 --out october.html
      holdfast lab drill october-2025 --whole-day --out day.html
      holdfast lab drill october-2025 --whole-day --draws 200
    """
    if whole_day or name != "october-2025":
        from holdfast.cli.lab_fleet import whole_day as play_day

        if steps:
            _usage("--steps belongs to the drill of DNS; a whole day has none")
        play_day(name, design, draws, seed, out, form)
        return
    if draws:
        _usage("--draws belongs to the whole day: add --whole-day")
    from holdfast.lab.commands import drill as play

    played = play(name, ("2025", "holdfast") if design is None else (design,))
    command = f"holdfast lab drill {name}{f' --design {design}' if design else ''}"
    page = ""
    if out is not None:
        from holdfast.lab.pages import drill_page

        bounds = [(f"Bounds of {t.design}", t.bounds) for t in played.timelines]
        facts = [*bounds, ("Play it again", command)]
        page = write_page(out, name, lambda: drill_page(played, facts))
    document = {"drill": played.name, "timelines": [t.document() for t in played.timelines], "page": page}
    said = f"\n\nIn the browser: {page}" if page else ""
    show(document, form, lambda: played.told(_columns(), steps=steps) + said)


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size((160, 40)).columns


@lab.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False), required=False)
@click.option("--only", multiple=True, metavar="NAME", help="These mutants alone; may be given several times.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="So many at a time.")
@click.option("--matrix", is_flag=True, help="Instead: for each property the mutant that only it notices.")
@format_option
def mutants(table: str | None, only: tuple[str, ...], jobs: int, matrix: bool, form: str) -> None:
    """Break the shipped code on purpose, as TABLE says, and see that the searches notice.

    TABLE defaults to tests/lab/mutants/mutants.toml below this directory. Exits with 5 if a mutant survives, or,
    with --matrix, if another property notices one that only its own should (a campaign for each: minutes).

    \b
    Example:
      holdfast lab mutants --jobs 2
      holdfast lab mutants --only "a freeze does not bind writers"
    """
    from holdfast.cli.lab_mutants import compared, judged

    if matrix:
        compared(table, only, form)
    judged(table, only, jobs, form)


@lab.command()
@click.option("--size", type=click.IntRange(min=50), default=1000, show_default=True, help="Hosts in each fleet.")
@click.option("--seeds", type=click.IntRange(min=1), default=2, show_default=True, help="Runs of each cell.")
@click.option("--out", metavar="DIR|FILE", help="Also write the page there.")
@format_option
def ablate(size: int, seeds: int, out: str | None, form: str) -> None:
    """Which protection against collapse carries the weight: each switched off alone, and alone on.

    By the rules that ship, in virtual time; some minutes with the defaults.

    \b
    Example:
      holdfast lab ablate --out ablation.html
      holdfast lab ablate --size 200 --seeds 1
    """
    from holdfast.cli.lab_fleet import ablated

    ablated(size, seeds, out, form)


def _usage(text: str) -> NoReturn:
    raise click.UsageError(text, click.get_current_context())
