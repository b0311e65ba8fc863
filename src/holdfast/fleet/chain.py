"""Health and planner on the shipped rules, in virtual time: leases and probe results in, what DNS serves out.

    leases.members -> observations of leases ------------v
    folding.fold -> trust.distrust -> observations -> leased.LeasedRules -> decide.decide -> the plan

All hosts hold a lease and are probed, whether they are ready or not, as in a scope whose targets come from leases:
the gate is that of the shipped rules. A plan counts as applied at once. Timers (hold-down, refunds, runs of
failures, flap windows) are kept as the loops keep them: armed when they are first named, fired when their time is
over. Nothing is ever stale here: all publish each round.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from holdfast.health.folding import begin, fold, forget_flaps, settle
from holdfast.health.leased import LeasedRules
from holdfast.health.memo import MemoRules
from holdfast.health.rise_fall import Track
from holdfast.health.roster import Roster, roster
from holdfast.health.trust import distrust
from holdfast.leases.members import UNREADY, membership
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
from holdfast.model.observation import LEASES_OBSERVER, Observations, TargetState
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
PROBERS: Final = ("a", "b", "c")


class Prober:
    """One vantage point: its view by the shipped rules, and what it last published."""

    def __init__(self, name: str, configuration: Configuration) -> None:
        self._name, self._limits = name, configuration.limits
        self._work = _work(configuration, name)
        self._view = begin(self._work)
        self._together_s: float | None = None
        self._windows: dict[str, float] = {}
        self.observations = Observations(f"{name}/0", name, 0, ())

    def reconfigure(self, configuration: Configuration) -> None:
        """Targets joined; those known keep their tracks."""
        work = _work(configuration, self._name)
        self._view = begin(work, known=(self._work, self._view))
        self._work = work

    def restless(self) -> frozenset[int]:
        """Targets of which one more success would tell anything."""
        (shard,), (view,) = self._work.shards, self._view.shards
        return frozenset(
            number_of(target)
            for target, track in zip(shard.targets, view.tracks, strict=True)
            if track.state is not TargetState.UP or track.run
        )

    def sees(self, results: Iterable[tuple[int, bool]], *, now_s: float) -> None:
        """A round of results, and the timers that ran out before it; then what is published."""
        found = tuple(ProbeResult(key_of(n), ok, "" if ok else "connect refused") for n, ok in results)
        view, _ = fold(self._work, self._view, found)
        for target in view.flapping - self._windows.keys():
            self._windows[target] = now_s + self._limits.flap_window_s
        over = frozenset(target for target, ends_s in self._windows.items() if now_s >= ends_s)
        for target in over:
            del self._windows[target]
        self._view = forget_flaps(self._work, view, over)
        self._runs(now_s)
        self._publish()

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
        """Targets that were ready, are not any more, and are reported as such."""
        self.plan: Plan | None = None
        self._stored = StoredConfiguration(1, "fleet", "1", _configuration(check, limits or Limits()))
        self.probers = tuple(Prober(name, self._stored.configuration) for name in PROBERS)
        self._leases = Observations(LEASES_OBSERVER, "leases", 0, ())
        self._rules, self._desk = LeasedRules(MemoRules()), Desk()
        self._armed: dict[Timer, float] = {}
        self._seen: object = None

    def holds(self, ready: dict[int, bool]) -> None:
        """These hold a lease, and say whether they are ready: as the registrar makes it known."""
        said = {one.target: one.state for one in self._leases.targets}
        leases = (_lease(number, ready=is_ready) for number, is_ready in ready.items())
        found = membership(self._stored.configuration, leases, said)
        before = self._leases
        self._leases = Observations(before.observer, before.vantage, before.revision + 1, found.seen)
        self.lagging = frozenset(number_of(one.target) for one in found.seen if one.reason == UNREADY)
        if found.joined:
            self._joined(found.groups)

    def _joined(self, groups: tuple[GroupConfig, ...]) -> None:
        configuration = msgspec.structs.replace(self._stored.configuration, groups=groups)
        revision = self._stored.revision + 1
        self._stored = StoredConfiguration(revision, "fleet", str(revision), configuration)
        for prober in self.probers:
            prober.reconfigure(configuration)

    def turn(self, now_s: float) -> None:
        """Judge and plan, if anything changed or a timer fired."""
        stored, desk = self._stored, self._desk
        observations = (*(prober.observations for prober in self.probers), self._leases)
        serving = desk.serving(stored, Directives(), self.plan, None)
        fired = self._fired(observations, serving, now_s)
        situation_key = (stored.revision, tuple(o.revision for o in observations), fired, self.plan)
        if situation_key == self._seen:
            return
        self._seen = situation_key
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
        self, observations: tuple[Observations, ...], serving: frozenset[str], now_s: float
    ) -> frozenset[str]:
        standing = (Standing(ZONE, None if self.plan is None else self.plan.identity),)
        named = {
            timer
            for timer in self._rules.timers(self._stored.configuration, observations, serving)
            if not timer.name.startswith("stale/")
        }
        named.update(refund_timers(self.plan, standing, self._stored.configuration.limits.window_s))
        self._armed = {timer: self._armed.get(timer, now_s) for timer in named}
        return frozenset(t.name for t, since_s in self._armed.items() if now_s >= since_s + t.after_s)


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
