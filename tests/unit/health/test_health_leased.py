"""Verdicts on targets that come from leases: the lease's word above the probers'."""

from __future__ import annotations

import msgspec
import pytest

from holdfast.health.judge import PlainRules, stale_timer
from holdfast.health.leased import LeasedRules, verdict_with_lease
from holdfast.model.configuration import Check, CheckKind, Configuration, GroupConfig, Mode, TargetConfig
from holdfast.model.observation import (
    LEASE_LOST,
    LEASE_LOST_AS_MOST,
    LEASES_OBSERVER,
    Health,
    Observations,
    TargetObservation,
    TargetState,
    Verdict,
    Verdicts,
)
from holdfast.ports.judgement import Timer

UP, DOWN, PENDING = TargetState.UP, TargetState.DOWN, TargetState.PENDING
GOOD, BAD, UNKNOWN = Health.HEALTHY, Health.UNHEALTHY, Health.UNKNOWN


@pytest.mark.parametrize(
    ("lease", "probers", "verdict"),
    [
        (DOWN, GOOD, BAD),
        (DOWN, UNKNOWN, BAD),
        (PENDING, GOOD, UNKNOWN),
        (PENDING, BAD, UNKNOWN),
        (UP, GOOD, GOOD),
        (UP, BAD, BAD),
        (UP, UNKNOWN, UNKNOWN),
        (None, GOOD, UNKNOWN),
        (None, BAD, BAD),
    ],
)
def test_the_table(lease: TargetState | None, probers: Health, verdict: Health) -> None:
    """Each row; a reason is always given."""
    said = None if lease is None else TargetObservation("g/t", lease, "the lease's reason")
    found = verdict_with_lease(Verdict("g/t", probers, "the probers' reason"), said)
    assert found.health is verdict
    assert found.reason


def test_who_serves_and_is_not_ready_again_is_judged_by_its_probes() -> None:
    """It had lost its lease: it may be withdrawn, and does not enter once it is out."""
    pending = TargetObservation("g/t", PENDING, "not ready")
    bad, good = (Verdict("g/t", health, "probed") for health in (BAD, GOOD))
    assert verdict_with_lease(bad, pending, serves=True) == bad
    assert verdict_with_lease(good, pending, serves=True).health is UNKNOWN
    assert verdict_with_lease(bad, pending, serves=False).health is UNKNOWN


def scope(count: int, role: str = "api") -> Configuration:
    """A group without probes, of this many targets."""
    targets = tuple(TargetConfig(f"t{n}", f"192.0.2.{n + 1}", None, 80, "left") for n in range(count))
    group = GroupConfig("g", targets, Check(kind=CheckKind.NONE), role=role)
    return Configuration("s", Mode.ENFORCE, (), (group,), (), ())


def said(*states: TargetState, revision: int = 1) -> Observations:
    """What the registrar published."""
    seen = tuple(TargetObservation(f"g/t{n}", state, "its lease") for n, state in enumerate(states))
    return Observations(LEASES_OBSERVER, "leases", revision, seen)


def test_a_lost_lease_is_a_verdict_and_many_are_a_common_cause() -> None:
    """One of four is unhealthy; three of four are believed by nobody."""
    rules = LeasedRules(PlainRules())
    one = rules.judge(scope(4), (said(UP, DOWN, UP, PENDING),), frozenset(), frozenset())
    assert [v.health for v in one.verdicts] == [GOOD, BAD, GOOD, UNKNOWN]
    assert one.distrust == ""
    three = rules.judge(scope(4), (said(DOWN, DOWN, UP, DOWN),), frozenset(), frozenset())
    assert "3 of 4" in three.distrust


class _Said:
    """Probers that find these healthy, those unhealthy."""

    def __init__(self, *healths: Health) -> None:
        self.verdicts = tuple(Verdict(f"g/t{n}", health, "probed") for n, health in enumerate(healths))

    def timers(self, *_: object) -> tuple[Timer, ...]:
        return ()

    def judge(self, *_: object) -> Verdicts:
        return Verdicts(self.verdicts)


def test_leases_that_most_lost_at_once_count_for_nothing() -> None:
    """Three of four: the probers alone say who is healthy, of those that are not probed nobody knows.

    Who leaves, or is not ready, is believed; and so is one of four that lost its lease.
    """
    groups = (msgspec.structs.replace(scope(4).groups[0], check=Check()),)
    probed = msgspec.structs.replace(scope(4), groups=groups)
    rules = LeasedRules(_Said(GOOD, BAD, GOOD, GOOD))
    most = _leases(LEASE_LOST, LEASE_LOST, LEASE_LOST, "its agent drains it")
    found = rules.judge(probed, (most,), frozenset(), frozenset())
    assert [v.health for v in found.verdicts] == [GOOD, BAD, GOOD, BAD]
    assert "as 3 of 4 are" in found.verdicts[0].reason
    unprobed = rules.judge(scope(4), (most,), frozenset(), frozenset())
    assert [v.health for v in unprobed.verdicts] == [UNKNOWN, UNKNOWN, UNKNOWN, BAD]
    pending = _leases(LEASE_LOST, LEASE_LOST, LEASE_LOST, state=PENDING)
    assert rules.judge(probed, (pending,), frozenset(), frozenset()).verdicts[3].health is UNKNOWN
    one = rules.judge(probed, (_leases(LEASE_LOST, "", "", state=UP),), frozenset(), frozenset())
    assert [v.health for v in one.verdicts] == [BAD, BAD, GOOD, GOOD]
    goes_on = rules.judge(probed, (_leases(LEASE_LOST_AS_MOST, "", "", state=UP),), frozenset(), frozenset())
    assert [v.health for v in goes_on.verdicts] == [GOOD, BAD, GOOD, GOOD], (
        "half have theirs again, and it is not over"
    )


def _leases(*down: str, state: TargetState = DOWN) -> Observations:
    """Of four targets: DOWN for these reasons, or in this state where there is none."""
    whys = (*down, "", "")[:4]
    seen = (TargetObservation(f"g/t{n}", DOWN if why else state, why or "it") for n, why in enumerate(whys))
    return Observations(LEASES_OBSERVER, "leases", 1, tuple(seen))


def test_silence_of_the_lease_service_withdraws_nothing() -> None:
    """Nothing published, or nothing for an observation TTL: unknown, and a timer says when."""
    rules = LeasedRules(PlainRules())
    nothing = rules.judge(scope(2), (), frozenset(), frozenset())
    assert {v.health for v in nothing.verdicts} == {UNKNOWN}
    published = said(DOWN, UP)
    (timer,) = rules.timers(scope(2), (published,), frozenset())
    assert (timer.name, timer.after_s) == (stale_timer(published), 30.0)
    stale = rules.judge(scope(2), (published,), frozenset(), frozenset({timer.name}))
    assert {v.health for v in stale.verdicts} == {UNKNOWN}


def test_a_scope_without_leases_is_left_alone() -> None:
    """The very answer of the rules below; a stray document of leases has no say."""
    rules = LeasedRules(PlainRules())
    fixed = scope(2, role="")
    assert rules.judge(fixed, (said(DOWN, DOWN),), frozenset(), frozenset()) == PlainRules().judge(
        fixed, (said(DOWN, DOWN),), frozenset(), frozenset()
    )
    assert rules.timers(fixed, (said(DOWN, DOWN),), frozenset()) == ()
