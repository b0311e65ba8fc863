"""Health and planner on the shipped rules, in virtual time: probe results in, what DNS serves out.

    rise_fall.step -> trust.distrust -> judge.judge -> decide.decide -> the plan, which counts as applied at once

The gate of R11 stands in front: a target that was never ready is not configured, so it is neither probed nor
planned. Timers (staleness never happens here; hold-down, refunds) are kept as the planner's loop keeps them: armed
when they are first named, fired when their time is over.
"""

from __future__ import annotations

from typing import Final

from holdfast.health.judge import PlainRules
from holdfast.health.rise_fall import NEW, Track, settled, step, window_over
from holdfast.health.trust import PUNCTUAL, distrust
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
    TargetConfig,
    ZoneConfig,
    target_key,
)
from holdfast.model.directives import Directives
from holdfast.model.observation import Observations, TargetObservation, Verdicts
from holdfast.model.plan import Plan
from holdfast.planner.decide import decide
from holdfast.planner.desk import Desk
from holdfast.planner.ledger import refund_timers
from holdfast.planner.situation import Situation, Standing
from holdfast.ports.judgement import Timer

GROUP: Final = "fleet"
ZONE: Final = "fleet.test"
ZONES: Final = 3
PROBERS: Final = ("a", "b", "c")
RUN_S: Final = 60.0
"""How long failures count as having begun together (the prober's settle timer)."""


class Prober:
    """One vantage point: its tracks, and what it last published."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self._limits = name, limits
        self.tracks: dict[int, Track] = {}
        self._published: tuple[tuple[TargetObservation, ...], str] = ((), "")
        self.revision = 0
        self._run_ends_s: float | None = None
        self._windows: dict[int, float] = {}

    def saw(self, target: int, *, ok: bool, rise: int, fall: int, now_s: float) -> None:
        """One result."""
        before = self.tracks.get(target, NEW)
        after = step(before, ok=ok, reason="ok" if ok else "connect refused", rise=rise, fall=fall)
        if after is before:
            return
        self.tracks[target] = after
        if after.recent and self._run_ends_s is None:
            self._run_ends_s = now_s + RUN_S
        if after.flaps > before.flaps:
            self._windows[target] = now_s + self._limits.flap_window_s

    def ages(self, now_s: float) -> None:
        """Timers of the prober: runs of failures end, flap windows end."""
        if self._run_ends_s is not None and now_s >= self._run_ends_s:
            self._run_ends_s = None
            self.tracks = {target: settled(track) for target, track in self.tracks.items()}
        for target in [t for t, ends_s in self._windows.items() if now_s >= ends_s]:
            del self._windows[target]
            self.tracks[target] = window_over(self.tracks[target])

    def observations(self) -> Observations:
        """What it publishes; the revision rises when that changes."""
        seen = tuple(
            sorted(
                (
                    TargetObservation(target_key(GROUP, name_of(number)), t.state, t.reason, t.flaps)
                    for number, t in self.tracks.items()
                ),
                key=lambda o: o.target,
            )
        )
        doubt = distrust(self.tracks.values(), PUNCTUAL, distrust_share=self._limits.distrust_share)
        if (seen, doubt) != self._published:
            self.revision += 1
            self._published = (seen, doubt)
        return Observations(f"{self.name}/0", self.name, self.revision, seen, doubt)


def name_of(number: int) -> str:
    """Name of a target."""
    return f"t{number:04d}"


def zone_label(number: int) -> str:
    """Zone of a target."""
    return f"zone-{number % ZONES}"


class Chain:
    """From results to what DNS serves."""

    def __init__(self, *, check: Check, limits: Limits | None = None) -> None:
        self.check = check
        self.limits = Limits() if limits is None else limits
        self.probers = tuple(Prober(name, self.limits) for name in PROBERS)
        self.serving: frozenset[int] = frozenset()
        """Targets in DNS now."""
        self.plan: Plan | None = None
        self._stored: StoredConfiguration | None = None
        self._verdicts: Verdicts | None = None
        self._rules, self._desk = PlainRules(), Desk()
        self._armed: dict[Timer, float] = {}
        self._seen: object = None

    def configure(self, ready: frozenset[int]) -> None:
        """The targets that have applied what they should: those that health and plans know."""
        revision = 1 if self._stored is None else self._stored.revision + 1
        self._stored = StoredConfiguration(revision, "fleet", str(revision), self._configuration(ready))
        self._seen = None

    def _configuration(self, ready: frozenset[int]) -> Configuration:
        targets = tuple(
            TargetConfig(name_of(n), f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", None, 443, zone_label(n))
            for n in sorted(ready)
        )
        return Configuration(
            scope="fleet",
            mode=Mode.ENFORCE,
            zones=(ZoneConfig(name=ZONE, provider=ProviderKind.MEMORY, server=""),),
            groups=(GroupConfig(GROUP, targets, self.check),),
            endpoints=(EndpointConfig(f"www.{ZONE}", ZONE, GROUP),),
            probers=tuple(ProberConfig(name, name) for name in PROBERS),
            limits=self.limits,
        )

    def turn(self, now_s: float) -> None:
        """Judge and plan, if anything changed or a timer fired."""
        assert self._stored is not None, "configure it first"
        for prober in self.probers:
            prober.ages(now_s)
        stored, desk = self._stored, self._desk
        observations = tuple(prober.observations() for prober in self.probers)
        serving = desk.serving(stored, Directives(), self.plan, None)
        fired = self._fired(observations, serving, now_s)
        situation_key = (stored.revision, tuple(o.revision for o in observations), fired, self.plan)
        if situation_key == self._seen:
            return
        self._seen = situation_key
        verdicts = self._rules.judge(stored.configuration, observations, serving, fired)
        standing = Standing(ZONE, None if self.plan is None else self.plan.identity)
        decision = decide(
            Situation(
                configuration=stored,
                directives=Directives(),
                verdicts=verdicts,
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
        assert self._stored is not None
        standing = (Standing(ZONE, None if self.plan is None else self.plan.identity),)
        named = {
            timer
            for timer in self._rules.timers(self._stored.configuration, observations, serving)
            if not timer.name.startswith("stale/")  # a prober here publishes each round
        }
        named.update(refund_timers(self.plan, standing, self.limits.window_s))
        self._armed = {timer: self._armed.get(timer, now_s) for timer in named}
        return frozenset(t.name for t, since_s in self._armed.items() if now_s >= since_s + t.after_s)


def _serving(plan: Plan) -> frozenset[int]:
    return frozenset(
        int.from_bytes(bytes(int(part) for part in weight.address.split(".")[1:]), "big")
        for section in plan.sections
        for records in section.names
        for weight in records.a
        if weight.weight > 0
    )
