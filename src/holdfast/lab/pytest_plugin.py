"""The pytest plugin: `@pytest.mark.interleavings` runs a test under every schedule that a search comes to.

    @pytest.mark.interleavings
    async def test_refresh_never_goes_back(): ...      # ordinary asyncio: the body is run once a schedule

    @pytest.mark.interleavings(engine="exhaustive")
    def test_election(): return lab.scenario(...)      # actors on the ports: the test returns the scenario

Nothing of the laboratory is imported before a marked test runs, so that other test runs don't notice the plugin.
"""

from __future__ import annotations

import inspect
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from holdfast.lab.report import Replayed, Report
    from holdfast.lab.tape import Tape

MARK = "interleavings"
ARGUMENTS = ("engine", "schedules", "seconds", "seed", "pauses")
TAPES = ".holdfast-lab"
ROTATE = "rotate"
_PROPERTY = "holdfast-lab"
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, in a group of their own."""
    group = parser.getgroup("holdfast-lab", "interleavings (holdfast.lab)")
    group.addoption(
        "--lab-seed",
        metavar="N",
        help="seed for every search that samples, in place of the marks' own; 'rotate' draws one and prints it",
    )
    group.addoption(
        "--lab-budget",
        metavar="BUDGET",
        help="budget of each search, in place of the marks' own: a time (30s, 2m) or a number of schedules (5000)",
    )
    group.addoption("--lab-replay", metavar="FILE", help="run only the test of this tape, on the tape's schedule")
    group.addoption(
        "--lab-tapes",
        metavar="DIR",
        default=TAPES,
        help=f"where tapes and pages of failures are written (default: {TAPES})",
    )


@pytest.hookimpl
def pytest_configure(config: pytest.Config) -> None:
    """Check the options once, before any test runs."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(engine='auto', schedules=10000, seconds=10, seed=0, pauses=0): search the interleavings of this"
        " test (holdfast.lab): the body of an async test, or the lab.scenario that a test returns",
    )
    if config.getoption("lab_seed") == ROTATE:
        # Kept as a plain number, which pytest-xdist hands on to its workers.
        config.option.lab_seed = str(time.time_ns() // 1000 % 1_000_000_000)
        config.stash[_ROTATED] = True
    _options(config)


_ROTATED = pytest.StashKey[bool]()
_TAPE = pytest.StashKey["Tape"]()


class _Options(NamedTuple):
    seed: int | None
    schedules: int | None
    seconds: float | None


def _options(config: pytest.Config) -> _Options:
    seed, budget = config.getoption("lab_seed"), config.getoption("lab_budget")
    if seed is not None and not re.fullmatch(r"\d{1,18}", seed):
        raise pytest.UsageError(f"--lab-seed {seed!r}: expected a whole number from 0, or {ROTATE!r}")
    if budget is None:
        return _Options(None if seed is None else int(seed), None, None)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])|(\d+)", budget)
    if found is None or not float(found[1] or found[3]):
        raise pytest.UsageError(
            f"--lab-budget {budget!r}: expected a time (30s, 2m) or a number of schedules (5000)"
        )
    seconds = float(found[1]) * _UNITS_S[found[2]] if found[1] else None
    return _Options(None if seed is None else int(seed), int(found[3]) if found[3] else None, seconds)


def pytest_report_header(config: pytest.Config) -> str | None:
    """The seed that was drawn, if one was."""
    if config.stash.get(_ROTATED, False):
        seed = config.getoption("lab_seed")
        return f"holdfast-lab: rotating seed {seed} (again with --lab-seed {seed})"
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--lab-replay`, keep only the tape's test."""
    path = config.getoption("lab_replay")
    if path is None:
        return
    tape = config.stash[_TAPE] = _read(path)
    kept = [i for i in items if i.nodeid == tape.scenario]
    gone = [i for i in items if i.nodeid != tape.scenario]
    if not kept:
        raise pytest.UsageError(f"--lab-replay {path}: its test {tape.scenario} was not collected")
    config.hook.pytest_deselected(items=gone)
    items[:] = kept


def _read(path: str) -> Tape:
    from holdfast.lab.tape import TapeMismatchError, decode_tape

    try:
        return decode_tape(Path(path).read_bytes())
    except OSError as error:
        raise pytest.UsageError(f"--lab-replay {path}: {error.strerror}") from error
    except TapeMismatchError as error:
        raise pytest.UsageError(f"--lab-replay {path}: {error}") from error


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Search instead of calling once."""
    mark = pyfuncitem.get_closest_marker(MARK)
    if mark is None:
        return None
    arguments = _arguments(mark, pyfuncitem)
    from holdfast.lab.actor import LabError

    try:
        tape = pyfuncitem.config.stash.get(_TAPE, None)
        said = _search(pyfuncitem, arguments) if tape is None else _replay(pyfuncitem, tape)
    except LabError as error:
        pytest.fail(f"{type(error).__name__}: {error}", pytrace=False)
    pyfuncitem.user_properties.append((_PROPERTY, said))
    pyfuncitem.add_report_section("call", "holdfast-lab", said)
    return True


def _arguments(mark: pytest.Mark, item: pytest.Function) -> dict[str, Any]:
    """What the mark says, checked; the command line comes before it."""
    if mark.args:
        pytest.fail(f"@pytest.mark.{MARK} takes keywords only: {', '.join(ARGUMENTS)}", pytrace=False)
    for name, value in mark.kwargs.items():
        if name not in ARGUMENTS:
            pytest.fail(
                f"@pytest.mark.{MARK}: no argument {name!r}; there are {', '.join(ARGUMENTS)}", pytrace=False
            )
        wanted: Any = {"engine": str, "seconds": (int, float)}.get(name, int)
        if not isinstance(value, wanted) or isinstance(value, bool):
            pytest.fail(f"@pytest.mark.{MARK}: {name} is {value!r}, which is no {_WORDS[name]}", pytrace=False)
    options = {k: v for k, v in _options(item.config)._asdict().items() if v is not None}
    return {**mark.kwargs, **options}


_WORDS = {"engine": "name of an engine", "seconds": "number of seconds"} | dict.fromkeys(
    ("schedules", "seed", "pauses"), "whole number"
)


def _subject(item: pytest.Function) -> Any:
    """The async body without arguments, or the scenario that the test returns."""
    from holdfast.lab.building import ScenarioError
    from holdfast.lab.system import Scenario

    called = inspect.unwrap(item.obj, stop=inspect.iscoroutinefunction)  # pytest-asyncio may have wrapped it
    fixtures = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    if inspect.iscoroutinefunction(called):
        return lambda: called(**fixtures)
    subject = item.obj(**fixtures)
    if isinstance(subject, Scenario):
        return subject
    raise ScenarioError(
        f"{item.name} is marked {MARK}: it has to be an async function (whose body is searched), or to return a"
        f" lab.scenario(...); it returned {type(subject).__name__}"
    )


def _search(item: pytest.Function, arguments: dict[str, Any]) -> str:
    from holdfast.lab.api import explore

    passes = (pytest.skip.Exception, pytest.xfail.Exception)
    report = explore(_subject(item), name=item.nodeid, passes=passes, **arguments)
    if report.broken:
        command, page = _kept(item, report)
        pytest.fail(f"{report.text(command)}\nIn the browser: {page}", pytrace=False)
    return report.outcome.sentence()


def _kept(item: pytest.Function, report: Report) -> tuple[str, str]:
    """Writes tape and page; what replays the tape, from the directory of the test run, and where the page is."""
    config = item.config
    path = report.save(config.rootpath / config.getoption("lab_tapes"))
    assert path is not None
    command = f"pytest {shlex.quote(item.nodeid)} --lab-replay {shlex.quote(_shown(config, path))}"
    page = path.with_suffix(".html")
    page.write_text(report.page(command), encoding="utf-8")
    return command, _shown(config, page)


def _shown(config: pytest.Config, path: Path) -> str:
    return str(path.relative_to(config.rootpath) if path.is_relative_to(config.rootpath) else path)


def _replay(item: pytest.Function, tape: Tape) -> str:
    from holdfast.lab.api import replay
    from holdfast.lab.tape import TapeMismatchError

    try:
        replayed = replay(_subject(item), tape)
    except TapeMismatchError as error:
        pytest.fail(str(error), pytrace=False)
    if replayed.broken:
        other = f"\n(by {replayed.misfit}: the code has changed since)" if replayed.misfit else ""
        page = _replayed_page(item, replayed)
        said = f"replayed: BROKEN: {replayed.broken}\n\n{replayed.story}{other}\n\nIn the browser: {page}"
        pytest.fail(said, pytrace=False)
    if replayed.misfit:
        return f"replayed: not broken, but {replayed.misfit}: the code has changed since, search again to be sure"
    return "replayed: not broken"


def _replayed_page(item: pytest.Function, replayed: Replayed) -> str:
    """Writes the page beside the tape; where it is, or why it could not be written."""
    tape = item.config.getoption("lab_replay")
    command = f"pytest {shlex.quote(item.nodeid)} --lab-replay {shlex.quote(tape)}"
    page = Path(tape).with_suffix(".html")
    try:
        page.write_text(replayed.page(item.nodeid, command), encoding="utf-8")
    except OSError as error:
        return f"{page} can't be written: {error.strerror}"
    return str(page)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was searched, for runs that have such tests: a pass is only worth its bounds."""
    lines = list(_sentences(terminalreporter))
    if lines:
        terminalreporter.section("holdfast-lab")
        for line in lines:
            terminalreporter.write_line(line)


def _sentences(terminalreporter: Any) -> Iterator[str]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                yield from (text for name, text in report.user_properties if name == _PROPERTY)
