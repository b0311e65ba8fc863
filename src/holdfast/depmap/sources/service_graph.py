"""Service-graph metrics of OpenTelemetry and Tempo, as Prometheus text: requests by client and server."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from holdfast.depmap.merging import Reading
from holdfast.depmap.sources.calls import Calls, needs
from holdfast.depmap.sources.faults import Unreadable, Warned

_NAMES = ("traces_service_graph_request", "service_graph_request")


def read_service_graph(text: str, path: str) -> Reading:
    """The metrics count how often the called side failed, not what that did to the caller: strength stays open."""
    warned = Warned()
    calls: dict[tuple[str, str], Calls] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.removesuffix("_total") not in _NAMES:
                    continue
                of, on = sample.labels.get("client", ""), sample.labels.get("server", "")
                if not of or not on:
                    warned.note(f"a sample of {sample.name} without client or server", path)
                    continue
                counts = calls.setdefault((of, on), Calls())
                count = int(sample.value) if sample.value == sample.value and abs(sample.value) < 1e18 else 0
                counts.calls += count
                if sample.labels.get("connection_type") == "messaging_system":
                    counts.messages += count
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise Unreadable(path, f"is no Prometheus text: {error}", "") from None
    if not calls:
        raise Unreadable(path, f"has no {_NAMES[0]}_total", "is the service-graph connector switched on?")
    return Reading(source=path, kind="service-graph", needs=needs(calls, path), warnings=warned.lines())
