"""`map`: dependency chains, single points of failure and blast radius, of any system."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, show

if TYPE_CHECKING:
    from holdfast.depmap.report import Answers

KINDS = ("hidden-dependency", "shared-cause", "deadlock", "control-plane", "own-name", "single-point")


@click.group("map")
def map_() -> None:
    """What falls with what: single points of failure, blast radius, black starts.

    Reads traces (OTLP, Jaeger), service-graph metrics, Backstage, docker-compose, DOT, CSV, holdfast's own
    configuration, and a small TOML of its own; merges them, and says who said what. `KIND:FILE` where a file does
    not tell its kind.

    \b
    Example:
      holdfast map report examples/map/october-2025.toml
    """


def sources_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """`SOURCES...`."""
    decorated: Callable[..., Any] = click.argument("sources", nargs=-1, required=True, metavar="SOURCES...")(
        command
    )
    return decorated


def answers(sources: Sequence[str]) -> Answers:
    """Read and merge; on the first source that can't be read, exit with 65."""
    from holdfast.depmap.merging import merge
    from holdfast.depmap.report import Answers
    from holdfast.depmap.sources.faults import Unreadable
    from holdfast.depmap.sources.opening import read

    readings = []
    for number, source in enumerate(sources, start=1):
        if len(sources) > 1 and sys.stderr.isatty():
            click.echo(f"reading {number} of {len(sources)}: {source}", err=True)
        try:
            readings.append(read(source))
        except Unreadable as error:
            if "\n" in error.fix:
                click.echo(error.fix, err=True)
                fail(f"{error.where}: {error.what}", exits.BAD_CONFIGURATION)
            fail(str(error), exits.BAD_CONFIGURATION)
    return Answers(merge(readings))


def known(of: Answers, names: Sequence[str]) -> None:
    """Exit with 64 for a name that the map does not have, with the nearest that it has."""
    import difflib

    for name in names:
        if name not in of.running.on.index:
            near = difflib.get_close_matches(name, of.running.on.names, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "`holdfast map report --format json` lists all"
            fail(f"the map has no service {name!r}; {hint}", exits.USAGE)


@map_.command()
@sources_argument
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="Rows of each ranking.")
@click.option("--fail-on", "gates", multiple=True, type=click.Choice(KINDS), help="Exit with 5 if there is one.")
@click.option("--save", "saved", type=click.Path(dir_okay=False), help="Write the merged map as JSON, for `diff`.")
@format_option
def report(sources: tuple[str, ...], top: int, gates: tuple[str, ...], saved: str | None, form: str) -> None:
    """The whole picture: coverage, ranking, common causes, findings, recovery.

    \b
    Example:
      holdfast map report compose.yml traces.json overrides.toml --fail-on deadlock
    """
    from holdfast.depmap.sources.saved import to_saved
    from holdfast.depmap.wording import words

    of = answers(sources)
    found = of.report()
    if saved:
        _write(saved, to_saved(of.map))
    show(found, form, lambda: words(found, top))
    broken = {f.kind.value for f in found.findings} | (
        {"single-point"} if any(r.points for r in found.rows) else set()
    )
    if broken & set(gates):
        fail(f"found: {', '.join(sorted(broken & set(gates)))}", exits.BROKEN)


@map_.command("service")
@click.argument("name")
@sources_argument
@click.option(
    "--order", type=click.IntRange(1, 6), default=3, show_default=True, help="Largest cut sets, failures."
)
@format_option
def one_service(name: str, sources: tuple[str, ...], order: int, form: str) -> None:
    """One service: its single points of failure, what falls with it, its cut sets, and who says so.

    \b
    Example:
      holdfast map service checkout compose.yml traces.json
    """
    from holdfast.depmap.cutsets import CutSets, TooManySets
    from holdfast.depmap.wording import one

    of = answers(sources)
    known(of, [name])
    on = of.running.on
    try:
        cuts = CutSets(on, order).of(on.index[name])
        note = f" of up to {order} failures"
    except TooManySets as error:
        cuts, note = None, f"cut sets: {error}; ask for a lower --order"
    found = {
        "name": name,
        "single_points": of.points(name),
        "falls_with_it": of.blast(name),
        "needs": [need for need in of.map.needs if need.of == name],
        "cut_sets": None if cuts is None else [sorted(on.names[m] for m in cut) for cut in cuts],
    }
    show(found, form, lambda: one(of, name, cuts, note))


@map_.command("fail")
@click.option("--down", "names", multiple=True, required=True, help="A service that fails; repeat for several.")
@sources_argument
@format_option
def fail_together(names: tuple[str, ...], sources: tuple[str, ...], form: str) -> None:
    """What a given set of failures takes down.

    \b
    Example:
      holdfast map fail --down db-a --down db-b system.toml
    """
    from holdfast.depmap.wording import few

    of = answers(sources)
    known(of, names)
    fallen = of.falls(list(names))
    weight = {service.name: service.weight for service in of.map.services}
    found = {"failed": sorted(set(names)), "falls": fallen, "weight": sum(weight[n] for n in fallen)}
    show(found, form, lambda: f"{len(fallen):,} more fall, of weight {found['weight']:g}: {few(fallen)}")


@map_.command()
@sources_argument
@format_option
def start(sources: tuple[str, ...], form: str) -> None:
    """Up from nothing: the order of recovery, its critical path, and what can never start.

    \b
    Example:
      holdfast map start system.toml
    """
    from holdfast.depmap.wording import order

    of = answers(sources)
    found = {
        "order": of.started.order,
        "critical_path": of.started.critical_path(),
        "stuck": of.started.stuck,
        "deadlocks": of.started.deadlocks,
    }
    show(found, form, lambda: order(of))
    if of.started.stuck:
        fail(f"{len(of.started.stuck):,} services never come up from nothing", exits.BROKEN)


@map_.command()
@sources_argument
@click.option(
    "--html", type=click.Path(dir_okay=False), help="One self-contained page: search, click, see what falls."
)
@click.option("--svg", type=click.Path(dir_okay=False), help="A picture, up to 400 services.")
@click.option("--dot", type=click.Path(dir_okay=False), help="For Graphviz.")
@click.option("--down", "names", multiple=True, help="Mark what falls with these, in the SVG.")
def draw(
    sources: tuple[str, ...], html: str | None, svg: str | None, dot: str | None, names: tuple[str, ...]
) -> None:
    """Write the map as a page or a picture.

    \b
    Example:
      holdfast map draw examples/map/october-2025.toml --html map.html --svg map.svg
    """
    from holdfast.depmap.drawing import TooLarge, to_dot, to_svg
    from holdfast.depmap.page import to_page

    if not (html or svg or dot):
        fail("nothing to write; say --html, --svg or --dot FILE", exits.USAGE)
    of = answers(sources)
    known(of, names)
    if svg:
        try:
            _write(svg, to_svg(of, frozenset(names)).encode())
        except TooLarge as error:
            fail(f"no SVG: {error}; --html shows any number", exits.USAGE)
    if dot:
        _write(dot, to_dot(of.map).encode())
    if html:
        _write(html, to_page(of).encode())


@map_.command()
@click.argument("old")
@click.argument("new")
@format_option
def diff(old: str, new: str, form: str) -> None:
    """Two maps compared, for a pull request: which single points of failure are new. Exit 5 if there is one.

    \b
    Example:
      holdfast map diff main.json branch.json
    """
    from holdfast.depmap.difference import difference
    from holdfast.depmap.wording import changed

    found = difference(answers([old]), answers([new]))
    show(found, form, lambda: changed(found))
    if found.worse:
        fail(
            f"{len(found.new_points):,} new single points, {len(found.new_findings):,} new findings", exits.BROKEN
        )


def _write(path: str, data: bytes) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        fail(f"can't write {path}: {error.strerror}")
    click.echo(f"wrote {path}", err=True)
