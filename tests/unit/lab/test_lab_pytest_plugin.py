"""The pytest plugin: marked tests are searched, failures say how to see them again, other runs don't notice it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytest_plugins = ("pytester",)

FLAWED = '''
import asyncio
import pytest

class Counter:
    value = 0

    async def add(self):
        seen = self.value
        await asyncio.sleep(0)
        self.value = seen + 1

@pytest.mark.interleavings
async def test_counter():
    """Two additions make two."""
    counter = Counter()
    await asyncio.gather(counter.add(), counter.add())
    assert counter.value == 2
'''
FIXED = FLAWED.replace("        seen = self.value\n", "").replace("seen + 1", "self.value + 1")


@pytest.fixture
def lab(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory whose pytest runs treat warnings as errors."""
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )
    return pytester


def go(lab: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """A run with the plugin, however this project itself is installed."""
    return lab.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", *arguments)


PLUGIN = ("-p", "no:holdfast-lab", "-p", "holdfast.lab.pytest_plugin")


def test_a_failure_shows_story_bounds_and_how_to_see_it_again(lab: pytest.Pytester) -> None:
    """The report has the sentence with its bounds, the story, and a command; the command fails the same way."""
    lab.makepyfile(test_it=FLAWED)
    result = go(lab)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "exhaustive: BROKEN for test_it.py::test_counter (asyncio: 3 tasks, no pauses;" in text
    assert "Counter.add    waits for sleep at test_it.py:9: await asyncio.sleep(0)" in text
    assert "=> BROKEN: raised: main: AssertionError: assert 1 == 2" in text
    command = re.search(r"See it again: pytest (\S+) --lab-replay (\S+)", text)
    assert command is not None
    (page,) = (lab.path / ".holdfast-lab").glob("*.html")
    assert f"In the browser: .holdfast-lab/{page.name}" in text
    assert command[0].removeprefix("See it again: ") in page.read_text()
    page.unlink()
    again = go(lab, command[1], "--lab-replay", command[2])
    again.assert_outcomes(failed=1)
    assert f"In the browser: .holdfast-lab/{page.name}" in again.stdout.str()
    assert "Broken: an exception was raised" in page.read_text()
    assert "replayed: BROKEN: raised: main: AssertionError: assert 1 == 2" in again.stdout.str()
    assert "the code has changed" not in again.stdout.str()


def test_a_pass_says_what_it_is_worth(lab: pytest.Pytester) -> None:
    """Proved where everything was run; "nothing found" with the number of schedules where it only samples."""
    lab.makepyfile(test_it=FIXED)
    result = go(lab)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*exhaustive: proved for test_it.py::test_counter (asyncio: 3 tasks, no pauses;*"]
    )
    result = go(lab, "--lab-seed", "5", "--lab-budget", "40")
    result.stdout.fnmatch_lines(["*proved for test_it.py*"])
    lab.makepyfile(test_it=FIXED.replace("interleavings", "interleavings(engine='sample', schedules=30, seed=5)"))
    result = go(lab)
    result.stdout.fnmatch_lines(["*nothing found for *seed 5), but not proved: * 30 schedules in *"])


def test_after_the_mending_a_replay_is_no_proof(lab: pytest.Pytester) -> None:
    """The old tape on mended code passes, and says that the code has changed and must be searched again."""
    lab.makepyfile(test_it=FLAWED)
    go(lab).assert_outcomes(failed=1)
    (tape,) = (lab.path / ".holdfast-lab").glob("*.json")
    lab.makepyfile(test_it=FIXED)
    result = go(lab, "--lab-replay", str(tape))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*replayed: not broken, but *the code has changed since, search again*"])


def test_a_page_that_can_not_be_written_is_said(lab: pytest.Pytester) -> None:
    """The replay still tells its story."""
    lab.makepyfile(test_it=FLAWED)
    go(lab).assert_outcomes(failed=1)
    (tape,) = (lab.path / ".holdfast-lab").glob("*.json")
    tape.with_suffix(".html").unlink()
    tape.with_suffix(".html").mkdir()
    result = go(lab, "--lab-replay", str(tape))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*replayed: BROKEN*", "*In the browser: *.html can't be written: Is a directory*"]
    )


def test_a_replay_runs_only_its_own_test(lab: pytest.Pytester) -> None:
    """Other tests are deselected; a tape whose test is not there is refused with its name."""
    lab.makepyfile(test_it=FLAWED, test_other="def test_other(): pass")
    go(lab).assert_outcomes(failed=1, passed=1)
    (tape,) = (lab.path / ".holdfast-lab").glob("*.json")
    go(lab, "--lab-replay", str(tape)).assert_outcomes(failed=1, deselected=1)
    result = go(lab, "test_other.py", "--lab-replay", str(tape))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*its test test_it.py::test_counter was not collected*"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lab-seed", "soon"), "*--lab-seed 'soon': expected a whole number*"),
        (("--lab-budget", "5 minutes"), "*--lab-budget '5 minutes': expected a time (30s, 2m) or a number*"),
        (("--lab-budget", "0"), "*--lab-budget '0': expected*"),
        (("--lab-replay", "nothing.json"), "*--lab-replay nothing.json: No such file*"),
        (("--lab-replay", "test_it.py"), "*--lab-replay test_it.py: not a tape*"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_options_are_checked(lab: pytest.Pytester, arguments: tuple[str, ...], said: str) -> None:
    """A wrong option is refused before any test runs, with what was expected."""
    lab.makepyfile(test_it=FIXED)
    result = go(lab, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("interleavings(engine='magic')", "*no engine 'magic'; there are auto, sample, exhaustive, dpor*"),
        ("interleavings(engine='dpor')", "*'dpor' needs to see what each step reads and writes*"),
        ("interleavings(tries=4)", "*no argument 'tries'; there are engine, schedules, seconds, seed, pauses*"),
        ("interleavings(schedules='many')", "*schedules is 'many', which is no whole number*"),
        ("interleavings(seconds=0)", "*seconds is 0; it must be more than 0*"),
        ("interleavings('sample')", "*takes keywords only*"),
    ],
)
def test_arguments_of_the_mark_are_checked(lab: pytest.Pytester, mark: str, said: str) -> None:
    """A wrong argument fails the test with what there is."""
    lab.makepyfile(test_it=FIXED.replace("interleavings", mark))
    result = go(lab)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([said])


def test_a_rotating_seed_is_printed(lab: pytest.Pytester) -> None:
    """`--lab-seed rotate` draws a seed, prints it, and searches with it."""
    lab.makepyfile(test_it=FIXED.replace("interleavings", "interleavings(engine='sample', schedules=10)"))
    text = go(lab, "--lab-seed", "rotate").stdout.str()
    printed = re.search(r"holdfast-lab: rotating seed (\d+) \(again with --lab-seed \1\)", text)
    assert printed is not None
    assert f"seed {printed[1]})" in text


def test_a_test_may_return_a_scenario_on_the_ports(lab: pytest.Pytester) -> None:
    """Both the flawed scenario and its tape fail; the story has the store's operations."""
    lab.makepyfile(
        test_it="""
import pytest
from holdfast import lab
from holdfast.ports.store import Commit, Entry, Get, Put

async def add():
    entry = await Get("counter")
    value = int(entry.value) if isinstance(entry, Entry) else 0
    await Commit(puts=(Put("counter", str(value + 1).encode()),))

def both(view):
    if all(view.ended(f"adder-{c}") for c in "ab"):
        return view.store.get("counter") == b"2"

@pytest.mark.interleavings
def test_counter():
    adders = lab.actors("adder", add, count=2)
    names = [a.name for a in adders]
    return lab.scenario("counter", adders, invariants=[lab.always("both count", both, observes=names)])
"""
    )
    result = go(lab)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*BROKEN for counter (2 x adder, no faults): both count: it does not hold*"])
    (tape,) = (lab.path / ".holdfast-lab").glob("*.json")
    again = go(lab, "--lab-replay", str(tape))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(
        ["*adder-*  reads counter*", "*=> BROKEN at step 4, by adder-*: both count: it does not hold*"]
    )


def test_a_marked_test_that_returns_nothing_is_told(lab: pytest.Pytester) -> None:
    """A plain function under the mark would search nothing: it fails with what is expected."""
    lab.makepyfile(test_it="import pytest\n@pytest.mark.interleavings\ndef test_it(): pass\n")
    result = go(lab)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_it is marked interleavings: it has to be an async function*"])


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_beside_pytest_asyncio(lab: pytest.Pytester, mode: str) -> None:
    """In both of pytest-asyncio's modes marked tests are searched, methods and fixtures included."""
    lab.makepyfile(
        test_it=FLAWED
        + """
@pytest.fixture
def start():
    return 40

class TestInClass:
    @pytest.mark.interleavings
    async def test_fixture(self, start):
        counter = Counter()
        counter.value = start
        await asyncio.gather(counter.add(), counter.add())
        assert counter.value == 42
"""
    )
    result = go(lab, "-o", f"asyncio_mode={mode}")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*AssertionError: assert 41 == 42*"])


def test_skips_and_fixtures_stay_what_they_are(lab: pytest.Pytester) -> None:
    """A body that skips is a skipped test, not a finding."""
    lab.makepyfile(
        test_it="""
import pytest
@pytest.mark.interleavings
async def test_it():
    pytest.skip("not today")
"""
    )
    go(lab).assert_outcomes(skipped=1)


def test_code_that_reads_a_clock_is_named(lab: pytest.Pytester) -> None:
    """Real time in the code fails the test, with the task, the line and the function."""
    lab.makepyfile(
        test_it="""
import asyncio, time
import pytest

async def ticks():
    await asyncio.sleep(time.perf_counter())

@pytest.mark.interleavings
async def test_it():
    await asyncio.gather(ticks(), ticks())
"""
    )
    result = go(lab)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*NonDeterminismError: under the same schedule, step * calls time.perf_counter at test_it.py:5*"]
    )


def test_real_io_is_named(lab: pytest.Pytester) -> None:
    """Sockets in the code fail the test, with the task, the line and what was used."""
    lab.makepyfile(
        test_it="""
import asyncio
import pytest

@pytest.mark.interleavings
async def test_it():
    await asyncio.open_connection("localhost", 80)
"""
    )
    result = go(lab)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*task main at test_it.py:6 (*) used loop.create_connection (asyncio.open_conn*"])


def test_other_runs_do_not_notice(lab: pytest.Pytester) -> None:
    """Without a marked test nothing is printed, and nothing of the laboratory is imported."""
    lab.makepyfile(
        test_it="""
import sys
def test_it():
    loaded = {m for m in sys.modules if m.startswith("holdfast") and "assumptions" not in m}  # another plugin's
    assert loaded == {"holdfast", "holdfast.lab", "holdfast.lab.pytest_plugin"}, loaded
"""
    )
    result = lab.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=1)
    assert "holdfast-lab" not in result.stdout.str()


def test_under_xdist(lab: pytest.Pytester) -> None:
    """Workers search with the seed that was drawn once, and what they say is shown at the end."""
    lab.makepyfile(test_it=FIXED.replace("interleavings", "interleavings(engine='sample', schedules=10)"))
    result = lab.runpytest_subprocess(*PLUGIN, "-n", "1", "--lab-seed", "rotate")
    result.assert_outcomes(passed=1)
    printed = re.search(r"rotating seed (\d+)", result.stdout.str())
    assert printed is not None
    assert f"seed {printed[1]})" in result.stdout.str()


def test_the_package_needs_no_pytest() -> None:
    """The laboratory and its public names can be imported where pytest is not."""
    program = "import sys; sys.modules['pytest'] = None\nfrom holdfast.lab import *"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
