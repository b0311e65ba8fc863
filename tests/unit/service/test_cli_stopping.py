"""What `freeze` and `thaw` take and what they answer with."""

from __future__ import annotations

import click
import pytest

from holdfast.cli import exits
from holdfast.cli.stopping import _report, duration_s, selector_of
from holdfast.killswitch.fences import ZoneOutcome
from holdfast.killswitch.freeze import Outcome
from holdfast.model.freeze import Selector

DONE, NOT_DONE = ZoneOutcome("a.test", done=True), ZoneOutcome("b.test", done=False, text="no answer")


def _code(outcome: Outcome) -> int:
    """Exit code of a report."""
    try:
        _report(outcome, "frozen", "`again`")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else exits.FAILED
    return exits.OK


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome("abcdef", (DONE,)), exits.OK),
        (Outcome("abcdef", (DONE, NOT_DONE)), exits.PARTIAL),
        (Outcome("abcdef", (NOT_DONE,)), exits.FAILED),
        (Outcome("abcdef", (DONE,), store="the store does not have it"), exits.PARTIAL),
        (Outcome("abcdef", ()), exits.USAGE),
    ],
)
def test_the_exit_code_says_whether_it_is_complete(outcome: Outcome, code: int) -> None:
    """Every zone and the store: anything less is no complete freeze, and a script can tell (lab finding 2)."""
    assert _code(outcome) == code


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("scope", Selector()),
        ("zone:Example.test.", Selector(zone="example.test")),
        ("name:api.*", Selector(name="api.*")),
        ("name:api.*@example.test", Selector(zone="example.test", name="api.*")),
    ],
)
def test_selectors(text: str, selector: Selector) -> None:
    """A scope, a zone, names, names in a zone."""
    assert selector_of(text) == selector


@pytest.mark.parametrize("text", ["", "zone:", "name:", "api", "zones:x"])
def test_a_selector_that_selects_nothing_is_refused(text: str) -> None:
    """A freeze of the wrong thing is worse than none: nothing is guessed."""
    with pytest.raises(click.BadParameter, match="selects nothing"):
        selector_of(text)


def test_durations() -> None:
    """Seconds, minutes, hours, days; no number without a unit, and none of no length."""
    assert [duration_s(t) for t in ("90s", "15m", "2h", "1d")] == [90, 900, 7200, 86400]
    for wrong in ("90", "0s", "-1s", "1w", ""):
        with pytest.raises(click.BadParameter, match="no duration"):
            duration_s(wrong)
