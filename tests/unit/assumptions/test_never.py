"""`holdfast.never`: counts always, tells rarely, never hurts the code that calls it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

import holdfast
from holdfast.assumptions import NeverReached, Reached, Watch
from holdfast.assumptions.calling import Never, never_of
from holdfast.assumptions.context import HIDDEN, LENGTH_MAX, VALUES_MAX, tellable
from holdfast.assumptions.reaching import OTHERS, REASONS_MAX


class Clock:
    """A clock that tests move."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def never(clock: Clock) -> Never:
    """A `never` of its own."""
    return never_of(Watch(unix_s=clock, monotonic_s=clock, mode="count"))


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Lines of the log."""
    return [r.getMessage() for r in caplog.records if r.name == "holdfast.never"]


def test_a_condition_that_does_not_hold_costs_nothing_and_says_nothing(
    never: Never, caplog: pytest.LogCaptureFixture
) -> None:
    """`when=False` is False; nothing is counted or told."""
    assert never("a plan below the fence", when=False, plan=3) is False
    assert never.counts() == ()
    assert told(caplog) == []


def test_a_reached_assumption_is_counted_told_and_answered(never: Never, caplog: pytest.LogCaptureFixture) -> None:
    """The record names reason, file, line, function and context; the answer guards the way out."""
    if not never("a plan below the fence", when=3 < 4, plan=3, fence=4):
        pytest.fail("the condition holds")
    (line,) = told(caplog)
    assert line.startswith("never: a plan below the fence: reached at ")
    assert "test_never.py:" in line
    assert "test_a_reached_assumption_is_counted_told_and_answered" in line
    assert "plan=3, fence=4" in line
    (tally,) = never.counts()
    assert (tally.reason, tally.times, tally.last_unix_s) == ("a plan below the fence", 1, 1000.0)


def test_lines_are_limited_and_counts_are_not(
    never: Never, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """One line a minute for each reason and place; the next says how many were kept quiet."""
    for _ in range(50):
        never("one")
    never("other")
    assert len(told(caplog)) == 2
    clock.now_s += 60
    never("one")
    # A line of code of its own, but the same function: the same place.
    assert told(caplog)[-1].endswith("(time 51); 49 more since the last line")
    assert {t.reason: t.times for t in never.counts()} == {"one": 51, "other": 1}


def test_secrets_and_objects_are_not_told() -> None:
    """By name (whole words of it) and by type; texts are cut; too many values are counted."""
    context = {"password": "x", "api_key": "x", "aws_secret_access_key": "x", "key": "x", "session_id": "x"}
    context |= {"Authorization": "x", "proxy_pass": "x", "refresh_token": "x"}
    assert set(tellable(context).values()) == {HIDDEN}
    plain = {"plan": 7, "rate": 0.5, "zone": "a.test", "frozen": True, "compass": 1, "keyboard": 2, "at": None}
    assert tellable(plain) == plain
    assert tellable({"plan": object(), "body": b"secret"}) == {"plan": "<object>", "body": "<bytes>"}
    assert tellable({"text": "x" * 5000})["text"] == "x" * (LENGTH_MAX - 1) + "…"
    assert tellable({"text": "two\nlines"}) == {"text": "two lines"}
    assert tellable({"n": 10**5000}) == {"n": "<int of 16610 bits>"}
    many = tellable({f"v{n}": n for n in range(VALUES_MAX + 3)})
    assert len(many) == VALUES_MAX + 1
    assert many["and_more"] == 3


@settings(max_examples=50)
@given(
    st.dictionaries(st.text(max_size=20), st.one_of(st.none(), st.text(), st.binary(), st.floats(), st.integers()))
)
def test_any_context_can_be_told(context: dict[str, object]) -> None:
    """No value of a context breaks the code that calls `never`."""
    for value in tellable(context).values():
        assert value is None or isinstance(value, str | int | float | bool)
        assert len(str(value)) <= LENGTH_MAX


def test_raising_is_for_processes_that_ask_for_it(never: Never) -> None:
    """Mode `raise` raises on each reaching, also when the line would be kept quiet."""
    never.configure(mode="raise")
    for _ in range(2):
        with pytest.raises(NeverReached, match="no owner") as caught:
            never("no owner", zone="a.test")
    assert caught.value.reached.context == {"zone": "a.test"}
    assert never("no owner", when=False) is False


@pytest.mark.parametrize("bad", [{"mode": "explode"}, {"interval_s": -1.0}, {"interval_s": float("nan")}])
def test_configure_refuses_what_it_does_not_know(never: Never, bad: dict[str, str | float]) -> None:
    """The sentence names the value and what is allowed."""
    with pytest.raises(ValueError, match=r"explode.*count or raise|interval_s is"):
        never.configure(**bad)


def test_a_hook_that_fails_or_calls_never_does_no_harm(never: Never, caplog: pytest.LogCaptureFixture) -> None:
    """The caller goes on; the other hooks are called; the failure is logged; what the hook reaches is counted."""
    seen: list[Reached] = []

    def bad(found: Reached) -> None:
        never("a hook breaks an assumption")
        raise OSError("the disk is full")

    never.configure(tell=bad)
    never.configure(tell=seen.append)
    assert never("x") is True
    assert [found.reason for found in seen] == ["x"]
    assert "telling of 'x' failed" in caplog.text
    assert {t.reason: t.times for t in never.counts()} == {"x": 1, "a hook breaks an assumption": 1}


def test_reasons_made_of_data_can_not_fill_the_metrics(never: Never, caplog: pytest.LogCaptureFixture) -> None:
    """After 200 reasons further ones are counted together, and their lines are limited together."""
    for number in range(REASONS_MAX + 50):
        never(f"request {number}")
    counts = {t.reason: t.times for t in never.counts()}
    assert len(counts) == REASONS_MAX + 1
    assert counts[OTHERS] == 50
    assert len(told(caplog)) == REASONS_MAX + 1


def test_counts_are_exact_from_many_threads(never: Never) -> None:
    """Eight threads, 500 times each."""
    logging.getLogger("holdfast.never").disabled = True
    try:
        threads = [threading.Thread(target=lambda: [never("x") for _ in range(500)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        logging.getLogger("holdfast.never").disabled = False
    assert sum(t.times for t in never.counts()) == 4000


def test_metrics_of_a_registry(never: Never, clock: Clock) -> None:
    """Both metrics, by reason and place; while the role runs, and not after."""
    registry = CollectorRegistry()
    with never.watch.telling(lambda found: None, registry):
        never("x")
        clock.now_s += 5
        never("x")
        lines = generate_latest(registry).decode()
        place = f"{__name__}:test_metrics_of_a_registry"
        assert f'holdfast_never_reached_total{{place="{place}",reason="x"}} 2.0' in lines
        assert f'holdfast_never_last_reached_timestamp_seconds{{place="{place}",reason="x"}} 1005.0' in lines
    assert generate_latest(registry) == b""


def test_expected_is_for_tests_that_break_an_assumption(never: Never, caplog: pytest.LogCaptureFixture) -> None:
    """Within, that reason neither raises nor tells, another one does; not to reach it is a failure."""
    never.configure(mode="raise")
    with never.expected("x") as reached:
        assert never("x", n=1) is True
        assert never("x", n=2) is True
        with pytest.raises(NeverReached):
            never("y")
    assert [found.context for found in reached] == [{"n": 1}, {"n": 2}]
    assert [line for line in told(caplog) if "never: x" in line] == []
    with pytest.raises(AssertionError, match="expected to be reached"), never.expected("x"):
        pass


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_import_is_light_and_the_default_registry_shows_counts() -> None:
    """Neither logging nor prometheus-client is loaded; a process that uses the latter shows counts there."""
    done = run(
        "import sys; import holdfast; early = 'holdfast.assumptions' in sys.modules\n"
        "from holdfast import never\n"
        "print(early, sorted({'logging', 'prometheus_client', 'msgspec', 'dataclasses'} & set(sys.modules)))\n"
        "import prometheus_client; never('x')\n"
        "print('holdfast_never_reached_total{' in prometheus_client.generate_latest().decode())"
    )
    assert done.stdout.split("\n")[:2] == ["False []", "True"], done.stderr


def test_the_environment_sets_the_mode() -> None:
    """`HOLDFAST_NEVER=raise` for the processes that tests start; a mode that there isn't is named."""
    code = "from holdfast import never; never('x')"
    assert run(code, HOLDFAST_NEVER="count").returncode == 0
    raised = run(code, HOLDFAST_NEVER="raise")
    assert (raised.returncode, "NeverReached: never: x" in raised.stderr) == (1, True)
    wrong = run(code, HOLDFAST_NEVER="loudly")
    assert "there is no mode 'loudly' (HOLDFAST_NEVER, never.configure): count or raise" in wrong.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_can_count() -> None:
    """Also when another thread of the parent held the lock at that moment."""
    done = run(
        "import os; from holdfast import never\n"
        "never.watch._book._lock.acquire()\n"
        "pid = os.fork()\n"
        "if pid == 0: never('x'); os._exit(7 if never.counts()[0].times == 1 else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    assert done.stdout.strip() == "7", done.stderr


def test_the_top_level_knows_nothing_else() -> None:
    """A misspelt import is an ImportError, as usual."""
    assert holdfast.never("x", when=False) is False
    with pytest.raises(AttributeError, match="nevr"):
        holdfast.nevr  # noqa: B018


def test_the_document_names_what_there_is() -> None:
    """`docs/never.md` shows every argument of `configure`, the modes and both metrics."""
    text = (Path(__file__).parents[3] / "docs" / "never.md").read_text()
    for word in ("mode", "interval_s", "tell", "registry", "HOLDFAST_NEVER", "--never", "never.expected"):
        assert word in text
    for metric in ("holdfast_never_reached_total", "holdfast_never_last_reached_timestamp_seconds"):
        assert metric in text
