"""What differs, and only that: with freezes and aliases left out."""

from __future__ import annotations

from enactor_world import ZONE, names, plan
from hypothesis import given
from hypothesis import strategies as st

from holdfast.enactor.difference import Coverage, Difference, coverage, difference, names_of
from holdfast.enactor.order import FrozenPart
from holdfast.model.fence import Fence
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.identity import NOTHING
from holdfast.model.records import NameRecords, RRset, Tenure, Weighted
from holdfast.ports.provider import Offender, ZoneRRsets
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider

PROVIDER = Rfc2136Provider(ZONE, MEMORY)
ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
weighted = st.lists(
    st.builds(Weighted, address=st.sampled_from(ADDRESSES), weight=st.integers(0, 2)),
    max_size=3,
    unique_by=lambda w: w.address,
).map(lambda ws: tuple(sorted(ws)))
contents = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), weighted)


def records(content: dict[str, tuple[Weighted, ...]]) -> tuple[NameRecords, ...]:
    """Names of a plan."""
    return tuple(
        NameRecords(name=f"{n}.{ZONE}", zone=ZONE, ttl=30, a=a, aaaa=(), group="web")
        for n, a in sorted(content.items())
    )


def rrsets(content: dict[str, tuple[Weighted, ...]]) -> ZoneRRsets:
    """DNS that holds such names."""
    return ZoneRRsets(tuple(r for n in records(content) for r in PROVIDER.render(n)))


def differ(
    names_: tuple[NameRecords, ...], seen: ZoneRRsets, frozen: Coverage | None = None, **kw: bool
) -> Difference:
    """The difference as the enactor asks for it."""
    return difference(
        names_,
        seen,
        render=PROVIDER.render,
        managed_types=PROVIDER.managed_types,
        frozen=frozen or Coverage(),
        **kw,
    )


@given(contents, contents)
def test_applying_the_difference_gives_the_plan(
    now: dict[str, tuple[Weighted, ...]], want: dict[str, tuple[Weighted, ...]]
) -> None:
    """Changes lead from what is seen to what is wanted at the plan's names, and touch nothing that agrees."""
    seen = rrsets(now)
    changes = differ(records(want), seen).changes
    state = {(r.name, r.rtype): r for r in seen.rrsets}
    for change in changes:
        assert change.before == state.get((change.name, change.rtype))
        assert change.before != change.after
        if change.after is None:
            del state[change.name, change.rtype]
        else:
            state[change.name, change.rtype] = change.after
    wanted = {(r.name, r.rtype): r for r in rrsets(want).rrsets}
    of_plan = {n.name for n in records(want)}
    assert {k: v for k, v in state.items() if k[0] in of_plan} == wanted
    others = {(r.name, r.rtype): r for r in seen.rrsets if r.name not in of_plan}
    assert {k: v for k, v in state.items() if k[0] not in of_plan} == others


@given(contents)
def test_an_equal_zone_has_no_difference(content: dict[str, tuple[Weighted, ...]]) -> None:
    """R1: only names whose data differ are written."""
    assert differ(records(content), rrsets(content)).changes == ()


def test_frozen_names_and_aliases_are_left_out() -> None:
    """R8 and R4: a covered name is held, an owner that is a CNAME is reported, the rest goes on."""
    wanted = names(("api", ("10.0.0.1",)), ("www", ("10.0.0.1",)), ("cdn", ("10.0.0.1",)))
    frozen = Coverage(freezes=(Freeze("f1aaaa", Selector(name="api.*"), "r", "me"),))
    seen = ZoneRRsets((), aliases=(Offender(f"cdn.{ZONE}", "is a CNAME to x"),))
    found = differ(wanted, seen, frozen)
    assert {c.name for c in found.changes} == {f"www.{ZONE}"}
    assert found.frozen == (f"api.{ZONE}",)
    assert found.aliases[0].name == f"cdn.{ZONE}"


def test_only_empty_fills_names_without_any_address() -> None:
    """R3: with the store out, a missing fence permits filling empty names; a retired one is meant so."""
    wanted = (
        *names(("empty", ("10.0.0.1",)), ("partly", ("10.0.0.1", "10.0.0.2"))),
        *names(("gone", ()), tenure=Tenure.RETIRED),
    )
    seen = ZoneRRsets((RRset(f"partly.{ZONE}", "A", 30, ("10.0.0.1",)),))
    assert {c.name for c in differ(wanted, seen, only_empty=True).changes} == {f"empty.{ZONE}"}


def test_an_unknown_freeze_covers_everything() -> None:
    """R8: an id that nobody can explain, or `all`, freezes the whole zone; a known one what it names."""
    known = (Freeze("f1aaaa", Selector(name="api.*"), "r", "me"),)
    some = coverage(ZONE, Fence(NOTHING, freezes=("f1aaaa",)), known, frozenset())
    assert (some.part, some.covers(ZONE, f"api.{ZONE}"), some.covers(ZONE, f"www.{ZONE}")) == (
        FrozenPart.SOME,
        True,
        False,
    )
    assert coverage(ZONE, Fence(NOTHING, freezes=("zzzz",)), known, frozenset()).part is FrozenPart.WHOLE
    assert coverage(ZONE, Fence(NOTHING, freeze_all=True), known, frozenset()).part is FrozenPart.WHOLE
    assert coverage(ZONE, Fence(NOTHING), known, frozenset({"f1aaaa"})).part is FrozenPart.SOME
    assert coverage(ZONE, Fence(NOTHING), known, frozenset()).part is FrozenPart.NOTHING


def test_a_freeze_of_another_zone_bears_on_nothing_here() -> None:
    """A selector of another zone leaves this one alone even if its id got into the fence."""
    known = (Freeze("f1aaaa", Selector(zone="other.test"), "r", "me"),)
    assert coverage(ZONE, Fence(NOTHING, freezes=("f1aaaa",)), known, frozenset()).part is FrozenPart.NOTHING


def test_names_of_a_zone() -> None:
    """Only the zone's own names."""
    both = plan(1, (*names(("a", ("10.0.0.1",))), *names(("b", ("10.0.0.1",)), zone="other.test")))
    assert [n.name for n in names_of(both, ZONE)] == [f"a.{ZONE}"]
