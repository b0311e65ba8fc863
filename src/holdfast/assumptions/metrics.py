"""The counts as Prometheus metrics.

`holdfast_never_last_reached_timestamp_seconds` is there for the alert: `increase` of a counter doesn't see the
first step of a series that begins at 1, and the first time is what matters here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from holdfast.assumptions.reaching import Tally

REACHED: Final = "holdfast_never_reached_total"
LAST: Final = "holdfast_never_last_reached_timestamp_seconds"
_LABELS: Final = ("reason", "place")


class Collected(Collector):
    """A collector over the counts of a watch."""

    def __init__(self, counts: Callable[[], tuple[Tally, ...]]) -> None:
        self._counts = counts

    def describe(self) -> Iterator[Metric]:
        """Names without values, so that registering asks for no counts."""
        return iter(_families(()))

    def collect(self) -> Iterator[Metric]:
        """Both metrics, at a scrape."""
        return iter(_families(self._counts()))


def _families(tallies: tuple[Tally, ...]) -> tuple[Metric, Metric]:
    reached = CounterMetricFamily(REACHED, "How often an assumption broke (holdfast.never)", labels=_LABELS)
    last = GaugeMetricFamily(LAST, "When an assumption broke last (holdfast.never)", labels=_LABELS)
    for tally in tallies:
        reached.add_metric((tally.reason, tally.place), tally.times)
        last.add_metric((tally.reason, tally.place), tally.last_unix_s)
    return reached, last
