"""The closure, single points, cut sets and black start against brute force, and against published counts."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from small_maps import BAOBAB_2, CHINESE, fault_tree, random_map

from holdfast.depmap.blackstart import black_start
from holdfast.depmap.compiled import WHATEVER, compiled
from holdfast.depmap.cutsets import CutSets, TooManySets
from holdfast.depmap.singles import Singles, at_least, bits
from holdfast.depmap.values import Map, Need, Phase, Service

SEEDS = range(2000)


def down_by_definition(of: Map, failed: set[str]) -> set[str]:
    """The rule as it is written, gone over until nothing changes."""
    down = set(failed)
    while True:
        fallen = {
            need.of
            for need in of.needs
            if need.hard and need.phase is not Phase.BOOT and sum(on not in down for on in need.on) < need.at_least
        }
        if fallen <= down:
            return down
        down |= fallen


def test_single_points_and_blast_radii_equal_brute_force() -> None:
    """On thousands of random maps with cycles, groups, soft and boot needs, every answer is that of the rule."""
    for seed in SEEDS:
        of = random_map(seed)
        singles = Singles(compiled(of))
        names = singles.on.names
        falls = {name: down_by_definition(of, {name}) for name in names}
        for at, name in enumerate(names):
            assert {names[b] for b in singles.blast(at)} == falls[name] - {name}, seed
            points = {p.name for p in of.services if p.fails and p.name != name and name in falls[p.name]}
            assert {names[p] for p in singles.single_points(at)} == points, seed
        assert singles.radii() == [len(falls[name]) - 1 for name in names]
        assert singles.taker_counts() == [len(singles.single_points(at)) for at in range(len(names))]


def test_weighted_radii_add_up_whatever_the_weights() -> None:
    """Few weights are counted by masks, many one by one; both add up what falls."""
    of = Map(
        tuple(Service(f"s{n:03d}") for n in range(400)),
        tuple(Need(f"s{n:03d}", (f"s{n - 1:03d}",)) for n in range(1, 400)),
    )
    singles = Singles(compiled(of))
    few, many = [1.0 + n % 3 for n in range(400)], [float(n) for n in range(400)]
    assert singles.radii(few)[0] == sum(few[1:])
    assert singles.radii(many)[200] == sum(many[201:])


def test_cut_sets_equal_brute_force() -> None:
    """Minimal sets of up to three failures, on random maps: exactly those that take the service down."""
    for seed in SEEDS[:600]:
        of = random_map(seed, size_max=6)
        on = compiled(of)
        cuts = CutSets(on, 3)
        able = [service.name for service in of.services if service.fails]
        for at, name in enumerate(on.names):
            killing = [
                set(chosen)
                for size in (1, 2, 3)
                for chosen in itertools.combinations(able, size)
                if name in down_by_definition(of, set(chosen))
            ]
            least = {frozenset(one) for one in killing if not any(other < one for other in killing)}
            assert {frozenset(on.names[m] for m in cut) for cut in cuts.of(at)} == least, (seed, name)


@pytest.mark.parametrize(("tree", "count"), [(CHINESE, 392), (BAOBAB_2, 4805)])
def test_cut_sets_of_standard_fault_trees_are_as_many_as_published(tree: str, count: int) -> None:
    """Of any order: the counts that the literature gives for the Aralia benchmark."""
    of = fault_tree(tree)
    on = compiled(of)
    assert len(CutSets(on, 0).of(on.index["r1"])) == count


def test_an_order_limit_leaves_exactly_the_larger_sets_out() -> None:
    """Truncation on the way loses none of the sets within the limit."""
    on = compiled(fault_tree(CHINESE))
    whole = Counter(len(cut) for cut in CutSets(on, 0).of(on.index["r1"]))
    cut_off = Counter(len(cut) for cut in CutSets(on, 4).of(on.index["r1"]))
    assert cut_off == Counter({size: n for size, n in whole.items() if size <= 4})


def test_too_many_cut_sets_are_refused_not_ground_out() -> None:
    """Two hundred replaceable parts three times over have eight million sets: it says so."""
    parts = [[f"{k}{n:03d}" for n in range(200)] for k in "abc"]
    names = ["top", "a", "b", "c", *itertools.chain(*parts)]
    needs = [Need("top", ("a", "b", "c"), 1, group="g"), *(Need(p[0], (p,)) for p in itertools.chain(*parts))]
    on = compiled(Map(tuple(Service(name) for name in sorted(names)), tuple(needs)))
    with pytest.raises(TooManySets, match="200,000 minimal"):
        CutSets(on, 3).of(on.index["top"])


def test_what_starts_equals_the_largest_fixpoint_of_the_rule() -> None:
    """No stuck set of services could come up together, and each that came up had what it needs."""
    for seed in SEEDS[:800]:
        of = random_map(seed, size_max=6)
        found = black_start(of)
        up = {rise.name: rise.serves_s for rise in found.order}
        assert set(found.stuck) == {s.name for s in of.services} - set(up)
        for size in range(1, len(found.stuck) + 1):
            for together in itertools.combinations(found.stuck, size):
                assert not _could_rise(of, set(together), set(up)), (seed, together)
        for need in of.needs:
            if need.hard and need.of in up:
                served = sorted(up[on] for on in need.on if on in up)
                assert served[need.at_least - 1] <= up[need.of], (seed, need)
        assert bool(found.deadlocks) == bool(found.stuck)


def _could_rise(of: Map, together: set[str], up: set[str]) -> bool:
    """Whether these could all come up next: boot needs by what serves, run needs by that and each other."""
    return all(
        sum(on in (up if need.phase is not Phase.RUN else up | together) for on in need.on) >= need.at_least
        for need in of.needs
        if need.hard and need.of in together
    )


def test_two_that_boot_with_each_other_are_a_deadlock_and_two_that_call_each_other_are_not() -> None:
    """The circle is named, what waits behind it is stuck, and run-time circles come up together."""
    services = tuple(Service(name, start_s=2) for name in ("a", "b", "behind", "x", "y"))
    needs = (
        Need("a", ("b",), phase=Phase.BOOT),
        Need("b", ("a",), phase=Phase.BOOT),
        Need("behind", ("a",), phase=Phase.BOOT),
        Need("x", ("y",)),
        Need("y", ("x",)),
    )
    found = black_start(Map(services, needs))
    assert [deadlock.circle for deadlock in found.deadlocks] == [("a", "b")]
    assert found.stuck == ("a", "b", "behind")
    assert [(rise.name, rise.serves_s) for rise in found.order] == [("x", 2), ("y", 2)]


def test_the_critical_path_is_the_chain_of_latest_waits() -> None:
    """Times add up over boot needs; the path ends with what serves last."""
    services = (Service("db", start_s=10), Service("dns", start_s=1), Service("web", start_s=5))
    needs = (Need("db", ("dns",), phase=Phase.BOOT), Need("web", ("db",), phase=Phase.BOTH), Need("web", ("dns",)))
    path = black_start(Map(services, needs)).critical_path()
    assert [(rise.name, rise.serves_s) for rise in path] == [("dns", 1), ("db", 11), ("web", 16)]


def test_needs_of_another_phase_do_not_count() -> None:
    """What is needed to start takes a serving system down only when all phases are asked for."""
    of = Map((Service("a"), Service("b")), (Need("a", ("b",), phase=Phase.BOOT),))
    assert Singles(compiled(of)).blast(1) == []
    assert Singles(compiled(of, WHATEVER)).blast(1) == [0]


def test_bits_and_thresholds_of_sets_in_integers() -> None:
    """The two primitives that everything is made from."""
    assert list(bits(0b1010_0000_0001)) == [0, 9, 11]
    assert at_least([0b0111, 0b0110, 0b1100], 2) == 0b0110
    assert at_least([0b0111, 0b0110, 0b1100], 3) == 0b0100
