"""Rings and what they reach, on graphs that Hypothesis makes up, against the plain definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.lab.engines.rows import Row, Rows, Table, as_set, members
from holdfast.lab.engines.site import Site

AGENTS = 9
Graph = list[tuple[list[int], list[int]]]
"""For each agent: what it may become, and what by a fault."""

agents = st.lists(st.integers(0, AGENTS - 1), max_size=3)
graphs = st.lists(st.tuples(agents, agents), min_size=AGENTS, max_size=AGENTS)


class Known(Rows):
    """Rows from a graph instead of real code."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def table(self, place: int, cell: int) -> Table:
        """One for all."""
        return Table(cell)

    def calm(self, table: Table, agent: int) -> Row:
        """The first list."""
        return Row(tuple(dict.fromkeys(self._graph[agent][0])))

    def whole(self, table: Table, agent: int) -> Row:
        """And the second."""
        row = self.calm(table, agent)
        row.struck = tuple(self._graph[agent][1])
        return row


def reached(graph: Graph, agent: int) -> set[int]:
    """By definition."""
    found, todo = {agent}, [agent]
    while todo:
        for other in graph[todo.pop()][0]:
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


@given(graphs, st.permutations(range(AGENTS)))
def test_a_ring_reaches_what_its_agents_reach_and_what_faults_make_of_those(
    graph: Graph, order: list[int]
) -> None:
    """Whatever is asked first; agents share a ring exactly when each reaches the other."""
    site = Site(Known(graph), [-1] * AGENTS, ())
    for agent in order:
        ring, found = site.ring(agent), reached(graph, agent)
        assert set(members(site.reach(ring))) == found
        assert set(members(site.struck(ring))) == {o for a in found for o in graph[a][1]}
        assert set(ring.members) == {o for o in found if agent in reached(graph, o)}


@given(graphs, st.sets(st.integers(0, AGENTS - 1)))
def test_who_leads_to_some_agents_is_found_backward(graph: Graph, wanted: set[int]) -> None:
    """All that reach one of them."""
    site = Site(Known(graph), [-1] * AGENTS, ())
    for agent in range(AGENTS):
        site.ring(agent)
    found = set(members(site.leading_to(as_set(wanted, AGENTS))))
    assert found == {agent for agent in range(AGENTS) if reached(graph, agent) & wanted}


@given(graphs)
def test_rings_stand_behind_all_that_they_lead_to(graph: Graph) -> None:
    """The order that walking backward relies on."""
    site = Site(Known(graph), [-1] * AGENTS, ())
    for agent in range(AGENTS):
        site.ring(agent)
    for place, ring in enumerate(site.rings):
        assert all(site.rings.index(after) < place for after in ring.after)
