"""Broken assumptions of holdfast's own code (`holdfast.never`), told as events and shown with the metrics."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry

from holdfast.assumptions import Reached, never
from holdfast.ports.events import Event


def tell_broken_assumptions(
    emit: Callable[[Event], None], registry: CollectorRegistry
) -> AbstractContextManager[None]:
    """While the roles of a process run: events `assumption.broken`, and `holdfast_never_*` in its metrics."""
    return never.watch.telling(lambda found: emit(_event(found)), registry)


def _event(found: Reached) -> Event:
    facts = (("reason", found.reason), ("place", found.place), ("line", found.line), ("times", found.times))
    return Event(
        kind="assumption.broken",
        actor=found.place,
        text=found.sentence(),
        data=(*facts, *((f"context.{name}", value) for name, value in found.context.items())),
    )
