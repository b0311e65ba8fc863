"""Broken assumptions of holdfast's own code reach the record of decisions and the metrics."""

from __future__ import annotations

from prometheus_client import generate_latest

from holdfast.assumptions import never
from holdfast.events.kinds import BY_NAME
from holdfast.events.metrics import Metrics
from holdfast.ports.events import Event
from holdfast.service.assumptions import tell_broken_assumptions


def test_a_broken_assumption_is_an_event_and_a_metric() -> None:
    """While the roles run: the event has reason, place, line and context; afterwards nothing is told here."""
    events: list[Event] = []
    metrics = Metrics()
    never.configure(mode="count")
    with tell_broken_assumptions(events.append, metrics.registry), never.watch.keeping():
        assert never("a test breaks this on purpose", plan=3)
        shown = generate_latest(metrics.registry).decode()
    (event,) = events
    assert event.kind == "assumption.broken"
    data = dict(event.data)
    assert set(BY_NAME[event.kind].data) <= set(data)
    assert (data["reason"], data["context.plan"]) == ("a test breaks this on purpose", 3)
    assert "a test breaks this on purpose" in event.text
    assert 'holdfast_never_reached_total{place="' in shown
    assert "holdfast_never" not in generate_latest(metrics.registry).decode()
