"""All single points of failure and all blast radii of a large map, beside what graph libraries can answer.

    python benchmarks/map.py [--large]

The middle size is that of the largest published trace graph (18,571 services, 220,559 edges, one component of
13,640); AIM 3 s. `--large` is 100,000 services with a million edges; AIM 30 s and 4 GiB. `choices` gives a third
of the services a choice of two, which graph libraries have no notion of: dominators and reachability answer "is
there any path", not "are all needs met". networkx and rustworkx are asked for the blast radius of SAMPLE services
by reachability, where every edge is hard, and the time for all is that times the number; they are used if
installed.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable

from holdfast.depmap.compiled import Compiled, Group
from holdfast.depmap.components import components
from holdfast.depmap.singles import Singles

SAMPLE = 200


def graph(services: int, edges: int, component: int, seed: int = 1) -> list[list[int]]:
    """One strongly connected component, and an acyclic rest around it; popular services are needed by many."""
    chance = random.Random(seed)
    needs: list[set[int]] = [set() for _ in range(services)]
    for one in range(component):
        needs[one].add((one + 1) % component)
    made = component
    while made < edges:
        of, on = chance.randrange(services), int(services * chance.random() ** 2)
        if of == on or on in needs[of]:
            continue
        if of < component <= on or (of >= component and on > of):
            of, on = on, of
            if on in needs[of]:
                continue
        needs[of].add(on)
        made += 1
    return [sorted(one) for one in needs]


def compiled(needs: list[list[int]], *, choices: bool) -> Compiled:
    """As a compiled map; with `choices` every third service needs one of its last two instead of both."""
    groups = []
    if choices:
        for of in range(0, len(needs), 3):
            if len(needs[of]) > 2:
                *needs[of], one, other = needs[of]
                groups.append(Group(of, (one, other), 2))
    names = tuple(f"s{number}" for number in range(len(needs)))
    return Compiled(names, {}, (True,) * len(needs), needs, groups)


def timed(work: Callable[[], object]) -> float:
    """CPU seconds that it takes: others may share the machine, and all of this is one thread."""
    began = time.process_time()
    work()
    return time.process_time() - began


def answer(on: Compiled) -> None:
    """Every single point of failure and every blast radius."""
    found = Singles(on)
    found.radii()
    found.taker_counts()


def peers(needs: list[list[int]]) -> None:
    """Reachability for a sample, times the number of services."""
    chosen = random.Random(2).sample(range(len(needs)), SAMPLE)
    pairs = [(on, of) for of, one in enumerate(needs) for on in one]
    try:
        import networkx  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        print("  networkx: not installed")
    else:
        large = networkx.DiGraph(pairs)
        asked(needs, "networkx", timed(lambda: [networkx.descendants(large, one) for one in chosen]))
    try:
        import rustworkx  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        print("  rustworkx: not installed")
    else:
        other = rustworkx.PyDiGraph()
        other.add_nodes_from(range(len(needs)))
        other.add_edges_from_no_data(pairs)
        asked(needs, "rustworkx", timed(lambda: [rustworkx.descendants(other, one) for one in chosen]))


def asked(needs: list[list[int]], library: str, took_s: float) -> None:
    """What the sample took, and what all would."""
    each = took_s / SAMPLE
    print(
        f"  {library} descendants: {each * 1000:.1f} ms each, {each * len(needs):,.0f} s for all (from {SAMPLE})"
    )


def main() -> None:
    """Print the table."""
    sizes = [(5_000, 50_000, 3_000), (18_571, 220_559, 13_640)]
    if "--large" in sys.argv:
        sizes.append((100_000, 1_000_000, 40_000))
    for services, edges, component in sizes:
        needs = graph(services, edges, component)
        largest = max(map(len, components(needs)))
        print(f"{services:,} services, {edges:,} edges, largest component {largest:,}")
        for choices in (False, True):
            on = compiled([list(one) for one in needs], choices=choices)
            best = min(timed(lambda on=on: answer(on)) for _ in range(3 if services < 50_000 else 1))  # type: ignore[misc]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            title = f"holdfast, {len(on.groups):,} choices of two" if choices else "holdfast, all needs hard"
            print(f"  {title}: {best:.2f} s for all; peak so far {peak:,} MiB")
        if services < 50_000:
            peers(needs)


if __name__ == "__main__":
    main()
