"""Verdicts on targets that come from leases: what probers say, and above it what the lease says. Pure.

| the lease says     | the probers' verdict | verdict |
|---|---|---|
| DOWN (lost, leaves) | anything            | UNHEALTHY: may be withdrawn, within the velocity, above the floors |
| PENDING            | UNHEALTHY, and it serves | UNHEALTHY: it lost its lease, has one again, and lags behind |
| PENDING            | anything else        | UNKNOWN: was never ready; does not enter, and no probe fails it |
| UP                 | anything             | as it is |
| nothing, or stale  | UNHEALTHY            | UNHEALTHY |
| nothing, or stale  | anything else        | UNKNOWN: the lease service is silent, which withdraws nothing |
| lost, as most are  | anything             | as it is; UNKNOWN if nobody probes it |

The last row: where more than half of all leases are lost at once, or of a group until nearly all of it have theirs
again (`leases.members`), the lease service is the likelier cause, and its word that they are lost counts for
nothing. Then probers alone say who leaves, and who comes back of those that were taken out before this was clear;
else both would wait for the leases, for hours.

If more than half of all targets are unhealthy then, the whole is distrusted, as in `judge`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holdfast.health.judge import common_failure, stale_timer
from holdfast.model.configuration import CheckKind, Configuration, target_key
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
from holdfast.ports.judgement import HealthRules, Timer


def verdict_with_lease(
    verdict: Verdict,
    lease: TargetObservation | None,
    *,
    serves: bool = False,
    doubt: str = "",
    probed: bool = True,
) -> Verdict:
    """The table at the top, for one target; `lease` is None if nothing fresh is said of it.

    `doubt` is why no lost lease is believed, or empty.
    """
    if lease is not None and lease.reason == LEASE_LOST_AS_MOST:
        doubt = doubt or LEASE_LOST_AS_MOST
    if doubt and _lost(lease):
        health = verdict.health if probed else Health.UNKNOWN
        return msgspec.structs.replace(verdict, health=health, reason=f"{verdict.reason}; {doubt}")
    if lease is not None and lease.state is TargetState.DOWN:
        return Verdict(verdict.target, Health.UNHEALTHY, lease.reason)
    if lease is not None and lease.state is TargetState.UP:
        return verdict
    never_ready = lease is not None and lease.state is TargetState.PENDING and not serves
    if verdict.health is Health.UNHEALTHY and not never_ready:
        return verdict
    why = "the lease service is silent" if lease is None else lease.reason
    return Verdict(verdict.target, Health.UNKNOWN, f"unknown: {why}")


class LeasedRules:
    """`HealthRules` above others: for scopes without targets from leases it is the others."""

    def __init__(self, inner: HealthRules) -> None:
        self._inner = inner

    def timers(
        self, configuration: Configuration, observations: tuple[Observations, ...], serving: frozenset[str]
    ) -> tuple[Timer, ...]:
        """See `ports.judgement.HealthRules.timers`."""
        found = self._inner.timers(configuration, observations, serving)
        said = _said(configuration, observations)
        if said is None:
            return found
        return tuple(sorted({*found, Timer(stale_timer(said), configuration.limits.observation_ttl_s)}))

    def judge(
        self,
        configuration: Configuration,
        observations: tuple[Observations, ...],
        serving: frozenset[str],
        fired: frozenset[str],
    ) -> Verdicts:
        """See `ports.judgement.HealthRules.judge`."""
        verdicts = self._inner.judge(configuration, observations, serving, fired)
        leased = _leased(configuration)
        if not leased:
            return verdicts
        said = _said(configuration, observations)
        fresh = {} if said is None or stale_timer(said) in fired else {one.target: one for one in said.targets}
        probed = _probed(configuration)
        doubt = _doubt(fresh, leased)
        found = tuple(
            verdict_with_lease(
                v, fresh.get(v.target), serves=v.target in serving, doubt=doubt, probed=v.target in probed
            )
            if v.target in leased
            else v
            for v in verdicts.verdicts
        )
        counted = leased | probed
        unhealthy = sum(v.health is Health.UNHEALTHY for v in found if v.target in counted)
        distrust = common_failure(unhealthy=unhealthy, probed=len(counted))
        return msgspec.structs.replace(verdicts, verdicts=found, distrust=distrust or verdicts.distrust)


def _doubt(said: Mapping[str, TargetObservation], leased: frozenset[str]) -> str:
    """Why lost leases are not believed, with the arithmetic; empty if they are."""
    lost = sum(_lost(said.get(target)) for target in leased)
    if not common_failure(unhealthy=lost, probed=len(leased)):
        return ""
    return f"{LEASE_LOST}, as {lost} of {len(leased)} are: rather the lease service than they"


def _lost(said: TargetObservation | None) -> bool:
    return said is not None and said.state is TargetState.DOWN and said.reason in (LEASE_LOST, LEASE_LOST_AS_MOST)


def _leased(configuration: Configuration) -> frozenset[str]:
    return frozenset(target_key(g.name, t.name) for g in configuration.groups if g.role for t in g.targets)


def _probed(configuration: Configuration) -> frozenset[str]:
    return frozenset(
        target_key(g.name, t.name)
        for g in configuration.groups
        if g.check.kind is not CheckKind.NONE
        for t in g.targets
    )


def _said(configuration: Configuration, observations: tuple[Observations, ...]) -> Observations | None:
    if not any(group.role for group in configuration.groups):
        return None
    return next((o for o in observations if o.observer == LEASES_OBSERVER), None)
