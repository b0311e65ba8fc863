"""Metrics from events, and that they can be scraped."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from pathlib import Path

import httpx
import pytest

from holdfast.access.gate import Gate
from holdfast.access.grants import Grant, Role
from holdfast.access.tokens import line
from holdfast.events.kinds import KINDS
from holdfast.events.metrics import Metrics
from holdfast.events.metrics_http import CannotServe, serve_metrics
from holdfast.events.record import record_of
from holdfast.model.identity import Identity
from holdfast.ports.events import Event, Scalar
from servers.process import Missing
from servers.tls import make_tls
from visible import missing


def feed(metrics: Metrics, kind: str, *, at_s: float = 0.0, generation: int = 0, **data: Scalar) -> None:
    """One event of an actor in a zone."""
    plan = Identity(1, generation, f"{generation:032x}") if generation else None
    event = Event(kind, "actor-a", kind, plan=plan, zone="z.test", data=tuple(data.items()))
    metrics.count(record_of(event, unix_s=at_s, process="p", sequence=1))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A sample."""
    return metrics.registry.get_sample_value(name, labels)


def test_every_kind_is_there_from_the_start() -> None:
    """Each known kind has a series at 0, so that its first event is an increase."""
    metrics = Metrics()
    for kind in KINDS:
        assert value(metrics, "holdfast_events_total", kind=kind.name) == 0.0
        feed(metrics, kind.name)
        assert value(metrics, "holdfast_events_total", kind=kind.name) == 1.0


def test_a_kind_of_a_newer_version_counts() -> None:
    """An unknown kind is counted under its name and changes nothing else."""
    metrics = Metrics()
    feed(metrics, "plan.folded", generation=4)
    assert value(metrics, "holdfast_events_total", kind="plan.folded") == 1.0
    assert value(metrics, "holdfast_plan_generation") == 0.0


def test_generations() -> None:
    """Planner's and enactor's generation follow plans and writes; a refused write moves neither."""
    metrics = Metrics()
    feed(metrics, "plan.created", generation=44)
    feed(metrics, "fence.raised", generation=43)
    feed(metrics, "write.refused", generation=41)
    assert value(metrics, "holdfast_plan_generation") == 44.0
    assert value(metrics, "holdfast_enactor_generation", actor="actor-a", zone="z.test") == 43.0
    assert value(metrics, "holdfast_fence_moved_total", actor="actor-a", zone="z.test") == 1.0


def test_writes_by_result_and_refusals_by_rule() -> None:
    """Each result of a write has its own series, and each limit its own."""
    metrics = Metrics()
    for kind in ("applied", "applied", "refused", "blocked", "failed", "would"):
        feed(metrics, f"write.{kind}", generation=1)
    counts = {
        result: value(metrics, "holdfast_writes_total", actor="actor-a", zone="z.test", result=result)
        for result in ("applied", "refused", "blocked", "failed", "would")
    }
    assert counts == {"applied": 2.0, "refused": 1.0, "blocked": 1.0, "failed": 1.0, "would": 1.0}
    feed(metrics, "change.refused", rule="velocity")
    feed(metrics, "plan.rejected", generation=2)
    assert value(metrics, "holdfast_refusals_total", actor="actor-a", rule="velocity") == 1.0
    assert value(metrics, "holdfast_refusals_total", actor="actor-a", rule="plan.rejected") == 1.0
    feed(metrics, "events.dropped", count=15)
    assert value(metrics, "holdfast_events_dropped_total") == 15.0


def test_a_state_is_on_until_its_end() -> None:
    """Frozen, converged, standing down and distrust are 1 while they last."""
    metrics = Metrics()
    place = {"actor": "actor-a", "zone": "z.test"}
    feed(metrics, "zone.converged", generation=1)
    assert value(metrics, "holdfast_zone_converged", **place) == 1.0
    feed(metrics, "zone.frozen", generation=2)
    assert value(metrics, "holdfast_zone_converged", **place) == 0.0
    assert value(metrics, "holdfast_zone_frozen", **place) == 1.0
    feed(metrics, "fence.raised", generation=2)
    assert value(metrics, "holdfast_zone_frozen", **place) == 0.0
    for on, off, name in (
        ("planner.stands_down", "plan.created", "holdfast_planner_standing_down"),
        ("prober.distrusts_itself", "prober.trusts_itself", "holdfast_prober_distrusts_itself"),
    ):
        feed(metrics, on)
        assert value(metrics, name, actor="actor-a") == 1.0
        feed(metrics, off, generation=3)
        assert value(metrics, name, actor="actor-a") == 0.0


def test_time_to_apply_is_the_first_enactors() -> None:
    """From creation to the first converged zone; the other enactors' arrival does not count again."""
    metrics = Metrics()
    feed(metrics, "plan.created", at_s=100.0, generation=7)
    feed(metrics, "zone.converged", at_s=100.25, generation=7)
    feed(metrics, "zone.converged", at_s=109.0, generation=7)
    feed(metrics, "zone.converged", at_s=109.0, generation=6)
    assert value(metrics, "holdfast_time_to_apply_seconds_count", zone="z.test") == 1.0
    assert value(metrics, "holdfast_time_to_apply_seconds_sum", zone="z.test") == 0.25


def test_plans_that_are_never_applied_do_not_pile_up() -> None:
    """The memory of creations is bounded; old plans are simply not timed."""
    metrics = Metrics()
    for generation in range(1, 1000):
        feed(metrics, "plan.created", generation=generation)
    feed(metrics, "zone.converged", generation=1)
    feed(metrics, "zone.converged", generation=999)
    assert value(metrics, "holdfast_time_to_apply_seconds_count", zone="z.test") == 1.0


def test_age_of_observations() -> None:
    """The age begins anew whenever the revision moves, and only then."""
    now_s = [0.0]
    metrics = Metrics(monotonic_s=lambda: now_s[0])
    metrics.observed("east/0", 3)
    now_s[0] = 10.0
    metrics.observed("east/0", 3)
    assert value(metrics, "holdfast_observations_age_seconds", observer="east/0") == 10.0
    metrics.observed("east/0", 4)
    now_s[0] = 12.0
    assert value(metrics, "holdfast_observations_age_seconds", observer="east/0") == 2.0


def test_metrics_are_served_and_a_taken_port_is_named() -> None:
    """The end point answers in Prometheus' text format; a second one on its port is refused with a sentence."""
    metrics = Metrics()
    feed(metrics, "plan.created", generation=44)
    server = serve_metrics(metrics, port=0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        assert "holdfast_plan_generation 44.0" in text
        with pytest.raises(CannotServe, match=f"127.0.0.1:{server.port}.*choose another port"):
            serve_metrics(Metrics(), port=server.port)
    finally:
        server.close()


def test_metrics_may_ask_for_a_token(tmp_path: Path) -> None:
    """With a file of tokens a scrape needs `read`: without one it is 401, with another's grant 403."""
    file = tmp_path / "tokens"
    file.write_text(
        line("eye", (Grant(Role.READ, "metrics"),), "eye.x") + line("ci", (Grant(Role.PUBLISH),), "ci.x")
    )
    file.chmod(0o600)
    server = serve_metrics(Metrics(), port=0, gate=Gate(file=file))
    try:
        for token, status in (("eye.x", 200), ("ci.x", 403), ("eye.y", 401)):
            answer = httpx.get(
                f"http://127.0.0.1:{server.port}/metrics", headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == status
            assert ("holdfast_events_total" in answer.text) is (status == 200)
    finally:
        server.close()


def test_metrics_over_tls_and_a_silent_caller_holds_nobody_up(tmp_path: Path) -> None:
    """A scrape with the authority's certificate is answered while another connection never says a word."""
    try:
        tls = make_tls(tmp_path / "tls")
    except Missing as absent:
        missing(str(absent))
    server = serve_metrics(Metrics(), port=0, tls=(str(tls.certificate), str(tls.key)))
    try:
        with socket.create_connection(("127.0.0.1", server.port)):
            context = ssl.create_default_context(cafile=str(tls.ca))
            answer = httpx.get(f"https://127.0.0.1:{server.port}/metrics", verify=context, timeout=30.0)
            assert "holdfast_events_total" in answer.text
    finally:
        server.close()
