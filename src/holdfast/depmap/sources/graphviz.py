"""Graphviz DOT, and what Terraform prints as such: `a -> b` means that a depends on b."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from typing import Any

from holdfast.depmap.merging import Reading, StatedNeed, StatedService
from holdfast.depmap.sources.faults import Unreadable, Warned
from holdfast.depmap.values import Basis, Evidence

_TERRAFORM = re.compile(r"^\[root\] (.*?)(?: \((?:expand|close|clean up state)\))?$")
_ATTRIBUTES = ("owner", "region", "code", "config")
_BUILT_IN = frozenset({"node", "edge", "graph"})


def read_dot(text: str, path: str) -> Reading:
    """A dashed or dotted edge, or `strength=soft`, is soft; others say nothing of their strength."""
    try:
        import pydot
    except ImportError:
        raise Unreadable(path, "DOT needs pydot", "pip install 'holdfast[map]'") from None
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pydot's own use of its parser
        try:
            graphs = pydot.graph_from_dot_data(text)
        except Exception as error:  # the parser's own kinds are no promise; any of them means this
            raise Unreadable(path, f"is no DOT: {error}", "") from None
    if not graphs:
        line = next((part for part in said.getvalue().splitlines() if "line" in part), "")
        raise Unreadable(path, f"is no DOT {line}".strip(), "check it with `dot -Tcanon`")
    reading, warned = Reading(source=path, kind="dot"), Warned()
    for graph in graphs:
        _graph(graph, reading, warned)
    reading.warnings = warned.lines()
    return reading


def _graph(graph: Any, reading: Reading, warned: Warned) -> None:
    for node in graph.get_nodes():
        name = _name(node.get_name())
        if name and name not in _BUILT_IN:
            evidence = Evidence(reading.source, reading.source, f"node {name}")
            given = {key: _plain(str(node.get(key))) for key in _ATTRIBUTES if node.get(key)}
            reading.services.append(StatedService(name, evidence, **given))  # type: ignore[arg-type]
    for edge in graph.get_edges():
        sources, targets = _ends(edge.get_source()), _ends(edge.get_destination())
        if not sources or not targets:
            warned.note("an edge without two nodes", reading.source)
        for of in sources:
            for on in targets:
                evidence = Evidence(reading.source, reading.source, f"{of} -> {on}")
                reading.needs.append(StatedNeed(of, (on,), evidence, Basis.DECLARED, _hard(edge)))
    for part in graph.get_subgraphs():
        _graph(part, reading, warned)


def _ends(of: Any) -> list[str]:
    """The nodes at one end of an edge: one, or all of a subgraph."""
    if isinstance(of, str):
        name = _name(of)
        return [name] if name else []
    return [name for node in (of.get("nodes") or {}) if (name := _name(str(node)))]


def _hard(edge: Any) -> bool | None:
    strength = _plain(str(edge.get("strength") or ""))
    if strength in ("hard", "soft"):
        return strength == "hard"
    return False if _plain(str(edge.get("style") or "")) in ("dashed", "dotted") else None


def _plain(text: str) -> str:
    return text[1:-1].replace('\\"', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text


def _name(text: str) -> str:
    plain = _plain(text) if text.startswith('"') else text.split(":")[0]
    terraform = _TERRAFORM.match(plain)
    return (terraform[1] if terraform else plain).strip()
