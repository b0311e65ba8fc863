"""Prometheus metrics, derived from events by one table (`metrics_http` serves them).

Nothing else counts: what a metric says is what the record of decisions says. The exception is the age of
observations, which no event carries (a publication is no decision): the service tells it with `observed`.

A process counts the events that *it* emits. Generations of planners and enactors in different processes meet
in PromQL (`alerts.yml`); `holdfast_time_to_apply_seconds` needs planner and enactor in one process (`up`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from holdfast.events.kinds import KINDS
from holdfast.events.record import Record
from holdfast.model.identity import Identity

C = TypeVar("C", Counter, Gauge)
Labels: TypeAlias = tuple[str, ...]
PLANS_REMEMBERED: Final = 256
"""Plans whose creation is kept for the time to apply."""


class Metric(msgspec.Struct, frozen=True):
    """A metric and its labels."""

    name: str
    text: str
    labels: Labels = ()


class Rule(msgspec.Struct, frozen=True):
    """What an event of these kinds does to a metric. Label values are fields of the event or of its data.

    `amount` is `generation`, a field of the data, or a number; `fixed` gives labels that no field holds.
    """

    kinds: Labels
    metric: Metric
    amount: str | float = 1.0
    fixed: tuple[tuple[str, str], ...] = ()


EVENTS = Metric("holdfast_events_total", "Events by kind; every kind is there from the start", ("kind",))
PLAN = Metric("holdfast_plan_generation", "Newest generation that a planner of this process created")
ENACTOR = Metric(
    "holdfast_enactor_generation", "Generation that an enactor last wrote or found in a zone", ("actor", "zone")
)
CONVERGED = Metric(
    "holdfast_zone_converged", "1 while the zone holds the enactor's plan in full", ("actor", "zone")
)
FROZEN = Metric("holdfast_zone_frozen", "1 while a freeze keeps the enactor from writing", ("actor", "zone"))
WRITES = Metric("holdfast_writes_total", "Messages to DNS servers by result", ("actor", "zone", "result"))
MOVED = Metric("holdfast_fence_moved_total", "Writes refused because the fence had moved", ("actor", "zone"))
REFUSALS = Metric("holdfast_refusals_total", "Changes or plans held back, by the rule that did", ("actor", "rule"))
FOREIGN = Metric(
    "holdfast_plans_foreign_total", "Plans refused for their signature, or for having none", ("actor",)
)
STANDS_DOWN = Metric("holdfast_planner_standing_down", "1 while a planner stands down", ("actor",))
DISTRUST = Metric("holdfast_prober_distrusts_itself", "1 while a prober distrusts itself", ("actor",))
VERDICTS = Metric("holdfast_verdict_changes_total", "Changes of verdict, by the new one", ("after",))
LAGS = Metric("holdfast_server_lags_total", "Name servers found behind the primary after a write", ("zone",))
CRASHES = Metric("holdfast_actor_crashes_total", "Actors that stopped by a fault of holdfast", ("actor",))
DROPPED = Metric("holdfast_events_dropped_total", "Events that the sink lost")
REMOVED = Metric("holdfast_cleanup_plans_removed_total", "Plans that clean-up removed")

THAWS: Final = ("zone.converged", "fence.raised", "write.applied")
"""An enactor that writes to a zone, or finds it in order, is not kept from writing."""
_ZONE_BUSY: Final = (
    "fence.raised",
    "write.applied",
    "write.refused",
    "write.blocked",
    "write.failed",
    "zone.held",
)

COUNTERS: Final = (
    Rule(("write.applied",), WRITES, fixed=(("result", "applied"),)),
    Rule(("write.refused",), WRITES, fixed=(("result", "refused"),)),
    Rule(("write.blocked",), WRITES, fixed=(("result", "blocked"),)),
    Rule(("write.failed",), WRITES, fixed=(("result", "failed"),)),
    Rule(("write.would",), WRITES, fixed=(("result", "would"),)),
    Rule(("write.refused",), MOVED),
    Rule(("change.refused", "plan.rejected"), REFUSALS),
    Rule(("plan.foreign",), FOREIGN),
    Rule(("verdict.changed",), VERDICTS),
    Rule(("server.lags",), LAGS),
    Rule(("actor.crashed",), CRASHES),
    Rule(("events.dropped",), DROPPED, amount="count"),
    Rule(("cleanup.removed",), REMOVED, amount="count"),
)
GAUGES: Final = (
    Rule(("plan.created",), PLAN, amount="generation"),
    Rule(("fence.raised", "write.applied", "zone.converged"), ENACTOR, amount="generation"),
    Rule(("zone.converged",), CONVERGED, amount=1.0),
    Rule((*_ZONE_BUSY, "zone.frozen"), CONVERGED, amount=0.0),
    Rule(("zone.frozen",), FROZEN, amount=1.0),
    Rule(THAWS, FROZEN, amount=0.0),
    Rule(("planner.stands_down",), STANDS_DOWN, amount=1.0),
    Rule(("plan.created",), STANDS_DOWN, amount=0.0),
    Rule(("prober.distrusts_itself",), DISTRUST, amount=1.0),
    Rule(("prober.trusts_itself",), DISTRUST, amount=0.0),
)
SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """Metrics of one process. `count` is the hook of a sink (`JsonLinesSink(then=...)`); from any thread."""

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._counters = {m: self._counter(m) for m in dict.fromkeys((EVENTS, *(r.metric for r in COUNTERS)))}
        self._gauges = {m: self._gauge(m) for m in dict.fromkeys(r.metric for r in GAUGES)}
        self._by_kind = {
            k.name: ([r for r in COUNTERS if k.name in r.kinds], [r for r in GAUGES if k.name in r.kinds])
            for k in KINDS
        }
        for kind in KINDS:
            # From the start: `increase` does not see the first step of a series that begins at 1.
            self._counters[EVENTS].labels(kind.name)
        self._apply = Histogram(
            "holdfast_time_to_apply_seconds",
            "From a plan's creation to a zone that holds it in full",
            ("zone",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._ages = Gauge(
            "holdfast_observations_age_seconds",
            "Since an observer's observations last moved",
            ("observer",),
            registry=self.registry,
        )
        self._created: dict[Identity, Record] = {}
        self._applied: set[tuple[Identity, str]] = set()
        self._revisions: dict[str, tuple[int, float]] = {}

    def count(self, record: Record) -> None:
        """Take one event."""
        with self._lock:
            counters, gauges = self._by_kind.get(record.kind, ((), ()))
            self._counters[EVENTS].labels(record.kind).inc()
            for rule in counters:
                _child(self._counters[rule.metric], _labels(rule, record)).inc(_amount(rule, record))
            for rule in gauges:
                _child(self._gauges[rule.metric], _labels(rule, record)).set(_amount(rule, record))
            self._time(record)

    def observed(self, observer: str, revision: int) -> None:
        """An observer's observations are at this revision: their age begins anew when it moves."""
        with self._lock:
            known = self._revisions.get(observer)
            if known is None:
                self._ages.labels(observer).set_function(lambda: self._age_s(observer))
            if known is None or known[0] != revision:
                self._revisions[observer] = (revision, self._monotonic_s())

    def _age_s(self, observer: str) -> float:
        return self._monotonic_s() - self._revisions[observer][1]

    def _time(self, record: Record) -> None:
        plan = record.plan
        if plan is None:
            return
        if record.kind == "plan.created":
            if len(self._created) == PLANS_REMEMBERED:
                oldest = next(iter(self._created))
                del self._created[oldest]
                self._applied = {pair for pair in self._applied if pair[0] != oldest}
            self._created[plan] = record
        elif (
            record.kind == "zone.converged" and plan in self._created and (plan, record.zone) not in self._applied
        ):
            # The first enactor's: that is when clients see it.
            self._applied.add((plan, record.zone))
            taken = record.when() - self._created[plan].when()
            self._apply.labels(record.zone).observe(max(0.0, taken.total_seconds()))

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.text, metric.labels, registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.text, metric.labels, registry=self.registry)


def _child(collector: C, labels: Labels) -> C:
    return collector.labels(*labels) if labels else collector


def _labels(rule: Rule, record: Record) -> Labels:
    fixed = dict(rule.fixed)
    return tuple(fixed.get(label) or _field(label, record) for label in rule.metric.labels)


def _field(label: str, record: Record) -> str:
    if label == "actor":
        return record.actor
    if label == "zone":
        return record.zone
    return str(record.data.get(label) or record.kind)


def _amount(rule: Rule, record: Record) -> float:
    if rule.amount == "generation":
        return 0.0 if record.plan is None else float(record.plan.generation)
    if isinstance(rule.amount, str):
        value = record.data.get(rule.amount)
        return float(value) if isinstance(value, int | float) else 0.0
    return rule.amount
