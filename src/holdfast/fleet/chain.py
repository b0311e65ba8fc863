"""Health and planner on the shipped rules, in virtual time: leases and probe results in, what DNS serves out.

    leases.members -> observations of leases ------------v
    folding.fold -> trust.distrust -> observations -> leased.LeasedRules -> decide.decide -> the plan

All hosts hold a lease and are probed, whether they are ready or not, as in a scope whose targets come from leases:
the gate is that of the shipped rules. A plan counts as applied at once. Timers (hold-down, refunds, runs of
failures, flap windows) are kept as the loops keep them: armed when they are first named, fired when their time is
over; who has had no lease for `FORGET_S` is forgotten, as by the registrar. Nothing is ever stale here: all
publish each round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from holdfast.health.folding import View, begin, fold, forget_flaps, settle
from holdfast.health.leased import LeasedRules
from holdfast.health.memo import MemoRules
from holdfast.health.rise_fall import Track
from holdfast.health.roster import Roster, roster
from holdfast.health.trust import distrust
from holdfast.leases.members import FORGET_MOST_S, FORGET_S, NOT_READY, UNREADY, membership
from holdfast.model.configuration import (
    Check,
    Configuration,
    EndpointConfig,
    GroupConfig,
    Limits,
    Mode,
    ProberConfig,
    ProviderKind,
    StoredConfiguration,
    ZoneConfig,
    target_key,
)
from holdfast.model.directives import Directives
from holdfast.model.lease import Lease, Place
from holdfast.model.observation import (
    LEASE_LOST_AS_MOST,
    LEASES_OBSERVER,
    Observations,
    TargetObservation,
    TargetState,
)
from holdfast.model.plan import Plan
from holdfast.planner.decide import decide
from holdfast.planner.desk import Desk
from holdfast.planner.ledger import refund_timers
from holdfast.planner.situation import Situation, Standing
from holdfast.ports.judgement import Timer
from holdfast.ports.probe import ProbeResult

GROUP: Final = "fleet"
ROLE: Final = "host"
ZONE: Final = "fleet.test"
ZONES: Final = 3
_NOT_READY: Final = (UNREADY, NOT_READY)
PROBERS: Final = ("a", "b", "c")


class Prober:
    """One vantage point: its view by the shipped rules, and what it last published."""

    def __init__(self, name: str, configuration: Configuration) -> None:
        self._name, self._limits = name, configuration.limits
        self._work = _work(configuration, name)
        self._view = begin(self._work)
        self._together_s: float | None = None
        self._windows: dict[str, float] = {}
        self._published: View | None = None
        self._restless: tuple[View, frozenset[int]] | None = None
        self.observations = Observations(f"{name}/0", name, 0, ())

    def reconfigure(self, configuration: Configuration) -> None:
        """Targets joined; those known keep their tracks."""
        work = _work(configuration, self._name)
        self._view = begin(work, known=(self._work, self._view))
        self._work = work

    def restless(self) -> frozenset[int]:
        """Targets of which one more success would tell anything."""
        if self._restless is None or self._restless[0] is not self._view:
            (shard,), (view,) = self._work.shards, self._view.shards
            found = frozenset(
                number_of(target)
                for target, track in zip(shard.targets, view.tracks, strict=True)
                if track.state is not TargetState.UP or track.run
            )
            self._restless = (self._view, found)
        return self._restless[1]

    def sees(self, results: Iterable[tuple[int, bool]], *, now_s: float) -> None:
        """A round of results, and the timers that ran out before it; then what is published."""
        found = tuple(ProbeResult(key_of(n), ok, "" if ok else "connect refused") for n, ok in results)
        if not (found or self._windows or self._together_s is not None) and self._view is self._published:
            return
        view, _ = fold(self._work, self._view, found)
        for target in view.flapping - self._windows.keys():
            self._windows[target] = now_s + self._limits.flap_window_s
        over = frozenset(target for target, ends_s in self._windows.items() if now_s >= ends_s)
        for target in over:
            del self._windows[target]
        self._view = forget_flaps(self._work, view, over) if over else view
        self._runs(now_s)
        if self._view is not self._published:
            self._publish()
            self._published = self._view

    def _runs(self, now_s: float) -> None:
        """A run of failures begins with the first of them and ends by its timer."""
        if not any(track.recent for track in self._tracks()):
            self._together_s = None
        elif self._together_s is None:
            self._together_s = now_s + self._work.run_s
        elif now_s >= self._together_s:
            self._together_s = None
            self._view = settle(self._work, self._view)

    def _tracks(self) -> tuple[Track, ...]:
        return self._view.shards[0].tracks

    def _publish(self) -> None:
        doubt = distrust(self._tracks(), self._view.lateness, distrust_share=self._limits.distrust_share)
        shown, before = self._view.shards[0].seen, self.observations
        # The text of a doubt is kept from its beginning, as the loop keeps it.
        doubt = (before.distrust or doubt) if doubt else ""
        if shown is not before.targets or doubt != before.distrust:
            self.observations = Observations(before.observer, before.vantage, before.revision + 1, shown, doubt)


def _work(configuration: Configuration, prober: str) -> Roster:
    work = roster(configuration, prober=prober)
    assert work is not None, "every prober is configured"
    assert len(work.shards) == 1, "a fleet of targets here fits one document"
    return work


@lru_cache(maxsize=4096)
def name_of(number: int) -> str:
    """Name of a target."""
    return f"t{number:04d}"


def key_of(number: int) -> str:
    """Key of a target."""
    return target_key(GROUP, name_of(number))


def number_of(key: str) -> int:
    """The target of a key."""
    return int(key[len(GROUP) + 2 :])


class Chain:
    """From leases and results to what DNS serves."""

    def __init__(self, *, check: Check, limits: Limits | None = None) -> None:
        self.serving: frozenset[int] = frozenset()
        """Targets in DNS now."""
        self.lagging: frozenset[int] = frozenset()
        """Targets that hold a lease and say that they are not ready, reported as such."""
        self.plan: Plan | None = None
        self._stored = StoredConfiguration(1, "fleet", "1", _configuration(check, limits or Limits()))
        self.probers = tuple(Prober(name, self._stored.configuration) for name in PROBERS)
        self._leases = Observations(LEASES_OBSERVER, "leases", 0, ())
        self._rules, self._desk = LeasedRules(MemoRules()), Desk()
        self._armed: dict[Timer, float] = {}
        self._ready: dict[int, bool] = {}
        self._lost_s: dict[str, float] = {}
        self._states = 0
        """Counts the changes of what leases say, but for reasons that decide nothing."""
        self._named: tuple[object, frozenset[Timer]] = (None, frozenset())
        self._seen: object = None

    def holds(self, ready: Mapping[int, bool], *, now_s: float) -> None:
        """These hold a lease, and say whether they are ready: as the registrar makes it known."""
        before, configuration = self._leases, self._stored.configuration
        same = ready.keys() == self._ready.keys() and not self._lost_s
        if same:
            # Nobody came or went, and what is said of a target depends on no other: those that changed will do.
            ready = {number: is_ready for number, is_ready in ready.items() if is_ready != self._ready[number]}
            configuration = _only(configuration, ready)
        found = membership(
            configuration,
            [_lease(number, ready=is_ready) for number, is_ready in ready.items()],
            {one.target: one for one in before.targets},
            forget=frozenset(self._gone(FORGET_S, now_s)),
            forget_most=frozenset(self._gone(FORGET_MOST_S, now_s)),
        )
        self._ready = {**self._ready, **ready} if same else dict(ready)
        self._lost_s = {key: self._lost_s.get(key, now_s) for key in found.lost}
        seen = _replaced(before.targets, found.seen) if same else found.seen
        self._leases = Observations(before.observer, before.vantage, before.revision + 1, seen)
        self._states += _word(before.targets) != _word(seen)
        self.lagging = frozenset(number_of(one.target) for one in seen if one.reason in _NOT_READY)
        if not same and found.groups != configuration.groups:
            self._regroup(found.groups)

    def forgets(self, now_s: float) -> bool:
        """Whether the registrar has something to do without a lease having changed."""
        return any(self._gone(FORGET_S, now_s))

    def _gone(self, longer_s: float, now_s: float) -> Iterator[str]:
        return (key for key, since_s in self._lost_s.items() if now_s >= since_s + longer_s)

    def _regroup(self, groups: tuple[GroupConfig, ...]) -> None:
        configuration = msgspec.structs.replace(self._stored.configuration, groups=groups)
        revision = self._stored.revision + 1
        self._stored = StoredConfiguration(revision, "fleet", str(revision), configuration)
        for prober in self.probers:
            prober.reconfigure(configuration)

    def turn(self, now_s: float) -> None:
        """Judge and plan, if anything changed or a timer fired."""
        stored, desk = self._stored, self._desk
        observations = (*(prober.observations for prober in self.probers), self._leases)
        probed = tuple(prober.observations.revision for prober in self.probers)
        # What leases say changes its reasons more often than what follows from it.
        situation = (stored.revision, probed, self._states, self.plan and self.plan.identity)
        serving = desk.serving(stored, Directives(), self.plan, None)
        fired = self._fired(situation, observations, serving, now_s)
        if (situation, fired) == self._seen:
            return
        self._seen = (situation, fired)
        standing = Standing(ZONE, None if self.plan is None else self.plan.identity)
        decision = decide(
            Situation(
                configuration=stored,
                directives=Directives(),
                verdicts=self._rules.judge(stored.configuration, observations, serving, fired),
                observers=(),
                parent=self.plan,
                incarnation=1,
                standings=(standing,),
                fired=fired,
                planner="fleet",
            ),
            desk,
        )
        if decision.plan is not None:
            self.plan = decision.plan
            self.serving = _serving(self.plan)

    def _fired(
        self, situation: object, observations: tuple[Observations, ...], serving: frozenset[str], now_s: float
    ) -> frozenset[str]:
        if self._named[0] != situation:
            self._named = (situation, self._timers(observations, serving))
        self._armed = {timer: self._armed.get(timer, now_s) for timer in self._named[1]}
        return frozenset(t.name for t, since_s in self._armed.items() if now_s >= since_s + t.after_s)

    def _timers(self, observations: tuple[Observations, ...], serving: frozenset[str]) -> frozenset[Timer]:
        standing = (Standing(ZONE, None if self.plan is None else self.plan.identity),)
        judged = self._rules.timers(self._stored.configuration, observations, serving)
        refunds = refund_timers(self.plan, standing, self._stored.configuration.limits.window_s)
        return frozenset((*(t for t in judged if not t.name.startswith("stale/")), *refunds))


def _configuration(check: Check, limits: Limits) -> Configuration:
    return Configuration(
        scope="fleet",
        mode=Mode.ENFORCE,
        zones=(ZoneConfig(name=ZONE, provider=ProviderKind.MEMORY, server=""),),
        groups=(GroupConfig(GROUP, (), check, role=ROLE),),
        endpoints=(EndpointConfig(f"www.{ZONE}", ZONE, GROUP),),
        probers=tuple(ProberConfig(name, name) for name in PROBERS),
        limits=limits,
    )


def _only(configuration: Configuration, numbers: Iterable[int]) -> Configuration:
    """With these targets alone."""
    (group,), names = configuration.groups, {name_of(number) for number in numbers}
    few = msgspec.structs.replace(group, targets=tuple(t for t in group.targets if t.name in names))
    return msgspec.structs.replace(configuration, groups=(few,))


def _word(seen: Iterable[TargetObservation]) -> dict[str, tuple[TargetState, bool]]:
    """What verdicts follow from."""
    return {one.target: (one.state, one.reason == LEASE_LOST_AS_MOST) for one in seen}


def _replaced(
    seen: tuple[TargetObservation, ...], changed: tuple[TargetObservation, ...]
) -> tuple[TargetObservation, ...]:
    new = {one.target: one for one in changed}
    return tuple(new.get(one.target, one) for one in seen)


@lru_cache(maxsize=4096)
def _lease(number: int, *, ready: bool) -> Lease:
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    place = Place(443, address, label=f"zone-{number % ZONES}", ready=ready)
    return Lease(ROLE, name_of(number), name_of(number), number, place)


def _serving(plan: Plan) -> frozenset[int]:
    return frozenset(
        int.from_bytes(bytes(int(part) for part in weight.address.split(".")[1:]), "big")
        for section in plan.sections
        for records in section.names
        for weight in records.a
        if weight.weight > 0
    )
