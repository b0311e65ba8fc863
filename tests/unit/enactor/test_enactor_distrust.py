"""R9: plans that an enactor does not believe, each refusal with its arithmetic."""

from __future__ import annotations

import msgspec
import pytest
from enactor_world import SCOPE, ZONE, configuration, names, plan
from hypothesis import given
from hypothesis import strategies as st

from holdfast.enactor.capacity import refuse_removal
from holdfast.enactor.distrust import refuse_plan
from holdfast.enactor.memory import Capacity
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives, Word
from holdfast.model.plan import ExplicitAct, Plan
from holdfast.model.records import TYPE_WEIGHT, NameRecords, RRset, Tenure, Weighted
from holdfast.nameserver.weights import encode_weight
from holdfast.ports.provider import ZoneRRsets

GOOD = names(("api", ("10.0.0.1", "10.0.0.2")))


def refusal(plan_: Plan, stored: StoredConfiguration | None = None, said: Directives | None = None) -> str | None:
    """Short for the rule."""
    return refuse_plan(plan_, SCOPE, stored, said)


def test_a_sound_plan_is_believed() -> None:
    """Nothing speaks against an ordinary plan, with or without a configuration."""
    assert refusal(plan(1, GOOD)) is None
    assert refusal(plan(1, GOOD), configuration(prefixes=("10.0.0.0/8",))) is None


def test_a_plan_that_was_altered_is_refused() -> None:
    """Bad checksum: a section that is not the one in the head, or an identity that is not the head's."""
    sound, other = plan(1, GOOD), plan(2, names(("api", ("10.0.0.9",))))
    assert "checksum" in (refusal(msgspec.structs.replace(sound, sections=other.sections)) or "")
    assert "checksum" in (refusal(msgspec.structs.replace(sound, identity=other.identity)) or "")


def test_another_scope_and_a_newer_format_are_refused() -> None:
    """A plan of another scope has no business here; a format from the future says what to do."""
    assert "scope" in (refusal(plan(1, GOOD, scope="other")) or "")
    sound = plan(1, GOOD)
    newer = msgspec.structs.replace(sound, head=msgspec.structs.replace(sound.head, format=2))
    assert "upgrade" in (refusal(newer) or "")


@pytest.mark.parametrize(
    ("a", "aaaa", "said"),
    [
        ((), (), "no address at all"),
        ((Weighted("10.0.0.1", 0),), (), "0 of 1"),
        ((Weighted("10.0.0.1", 1),), (Weighted("fd00::1", 0),), "no AAAA"),
    ],
)
def test_empty_or_all_zero_is_refused(a: tuple[Weighted, ...], aaaa: tuple[Weighted, ...], said: str) -> None:
    """R12: empty per name and family, with the count."""
    bad = NameRecords(f"api.{ZONE}", ZONE, 30, a, aaaa, "web")
    assert said in (refusal(plan(1, (bad,))) or "")


def test_addresses_outside_the_prefixes_are_refused() -> None:
    """Both families, counted and named; text that is no address lies outside of anything."""
    stored = configuration(prefixes=("10.0.0.0/24", "fd00::/16"))
    assert "10.1.0.1" in (refusal(plan(1, names(("api", ("10.0.0.1", "10.1.0.1")))), stored) or "")
    assert refusal(plan(1, GOOD), stored) is None


def test_a_name_twice_is_refused() -> None:
    """Two entries for a name would fight in one message."""
    assert "more than once" in (refusal(plan(1, (*GOOD, *GOOD))) or "")


def test_retiring_needs_a_word() -> None:
    """A retired name is believed by the plan's explicit act or by the directives, else it is a refusal."""
    gone = names(("api", ()), tenure=Tenure.RETIRED)
    act = ExplicitAct("retire", f"api.{ZONE}", "me: over")
    assert "without a person's word" in (refusal(plan(1, gone)) or "")
    assert refusal(plan(1, gone, explicit=(act,))) is None
    said = Directives(revision=1, retired=(Word(f"api.{ZONE}", "me", "over"),))
    assert refusal(plan(1, gone), None, said) is None


# -- capacity -------------------------------------------------------------------------------------------------


def serving(*addresses: str, name: str = "api") -> ZoneRRsets:
    """DNS that serves these addresses at a name."""
    return ZoneRRsets((RRset(f"{name}.{ZONE}", "A", 30, addresses),)) if addresses else ZoneRRsets(())


def removal(
    wanted: tuple[NameRecords, ...],
    seen: ZoneRRsets,
    *,
    stored: StoredConfiguration | None,
    explicit: tuple[ExplicitAct, ...] = (),
    before: tuple[Capacity, ...] | None = None,
    weights: bool = False,
    said: Directives | None = None,
) -> str | None:
    """Short for the rule."""
    return refuse_removal(
        ZONE,
        wanted,
        seen,
        plan=plan(1, wanted, explicit=explicit),
        weights=weights,
        configuration=stored,
        directives=said,
        served_before=before,
    )


def pool(*ids: int) -> tuple[str, ...]:
    """Addresses of targets."""
    return tuple(f"10.0.0.{i}" for i in ids)


def test_one_target_may_always_go() -> None:
    """ "At least one target": of four, one may go although a quarter is above any share."""
    assert removal(names(("api", pool(1, 2, 3))), serving(*pool(1, 2, 3, 4)), stored=configuration()) is None


def test_two_of_four_are_too_many_and_the_sum_is_shown() -> None:
    """More than the budget is refused with the arithmetic."""
    text = removal(names(("api", pool(1, 2))), serving(*pool(1, 2, 3, 4)), stored=configuration())
    assert text is not None
    assert "removes 200 of 400 capacity (50.0 %)" in text
    assert "allowed is 100" in text
    assert "web/t3" in text


def test_the_cap_on_the_zone_stands_above_one_per_label() -> None:
    """One target in each of two labels is within each label, and beyond the zone."""
    text = removal(names(("api", pool(1, 2))), serving(*pool(1, 2, 3, 4)), stored=configuration(labels=2))
    assert text is not None
    assert f"from zone {ZONE}" in text


def test_a_share_of_a_large_pool_may_go() -> None:
    """5 of 100 are within 5 % of a label and 10 % of the zone; 6 are not within 5 %."""
    everything = pool(*range(1, 101))
    stored = configuration(targets=100)
    assert removal(names(("api", everything[5:])), serving(*everything), stored=stored) is None
    assert removal(names(("api", everything[6:])), serving(*everything), stored=stored) is not None


def test_words_of_people_are_exempt() -> None:
    """Drains, removed targets and retired names do not count, by plan, directives or configuration."""
    seen, want, stored = serving(*pool(1, 2, 3, 4)), names(("api", pool(1, 2))), configuration()
    drain = ExplicitAct("drain", "web/t3", "me: repair")
    assert removal(want, seen, stored=stored, explicit=(drain,)) is None
    assert removal(want, seen, stored=stored, said=Directives(drained=(Word("web/t4", "me", "x"),))) is None
    worded = msgspec.structs.replace(stored, removed_by_word=("web/t3",))
    assert removal(want, seen, stored=worded) is None
    gone = names(("api", ()), tenure=Tenure.RETIRED)
    retire = ExplicitAct("retire", f"api.{ZONE}", "me: over")
    assert removal(gone, seen, stored=stored, explicit=(retire,)) is None


def test_strangers_are_no_capacity() -> None:
    """A stray record that neither configuration nor the last plan knows may be removed freely."""
    seen = serving(*pool(1, 2), "192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert removal(names(("api", pool(1, 2))), seen, stored=configuration()) is None


def test_a_target_dropped_from_the_configuration_still_counts() -> None:
    """R11: what the zone served under its last plan is known, though the configuration forgot it."""
    before = tuple(Capacity("web", a, f"web/t{i}", 100, "z0") for i, a in enumerate(pool(1, 2, 3, 4), 1))
    text = removal(
        names(("api", pool(1, 2))), serving(*pool(1, 2, 3, 4)), stored=configuration(targets=2), before=before
    )
    assert text is not None
    assert "removes 200 of 400" in text
    acts = tuple(ExplicitAct("remove-target", f"web/t{i}", "me") for i in (3, 4))
    assert (
        removal(
            names(("api", pool(1, 2))),
            serving(*pool(1, 2, 3, 4)),
            stored=configuration(targets=2),
            before=before,
            explicit=acts,
        )
        is None
    )


def test_capacity_that_was_given_up_before_does_not_count() -> None:
    """I6: a name server restored from an old copy serves what earlier plans removed; healing it is no removal."""
    before = (Capacity("web", "10.0.0.1", "web/t1", 100),)
    assert (
        removal(names(("api", pool(1))), serving(*pool(1, 2, 3, 4)), stored=configuration(), before=before) is None
    )


def test_an_empty_name_may_only_gain() -> None:
    """R17 puts "never empty" above velocity: with all records wiped, a plan that removes too much passes.

    Whatever it writes is more than is served; to refuse it would leave the names empty after a restart, when no
    former plan is held to heal them with.
    """
    before = tuple(Capacity("web", f"10.0.0.{i}", f"web/t{i}", 100) for i in range(1, 5))
    wanted = names(("api", pool(1)))
    assert removal(wanted, serving(*pool(1, 2, 3, 4)), stored=configuration(), before=before) is not None
    assert removal(wanted, serving(), stored=configuration(), before=before) is None


def test_a_name_that_moves_to_another_group_still_counts() -> None:
    """A plan can't hide a removal by calling the group something else: the address is known all the same."""
    want = names(("api", ("192.0.2.1",)), group="other")
    text = removal(want, serving(*pool(1, 2, 3, 4)), stored=configuration())
    assert text is not None
    assert "web/t1 in other" in text
    before = tuple(Capacity("web", a, f"web/t{i}", 100, "z0") for i, a in enumerate(pool(1, 2, 3, 4), 1))
    assert removal(want, serving(*pool(1, 2, 3, 4)), stored=configuration(), before=before) is not None
    assert removal(want, serving(*pool(1)), stored=configuration(), before=before[:1]) is None


def test_a_target_configured_out_without_a_word_counts() -> None:
    """R11: weight 0 in the configuration is a removal like any other."""
    stored = configuration()
    group = stored.configuration.groups[0]
    zero = tuple(msgspec.structs.replace(t, weight=0 if t.name in ("t3", "t4") else 100) for t in group.targets)
    config = msgspec.structs.replace(stored.configuration, groups=(msgspec.structs.replace(group, targets=zero),))
    stored = msgspec.structs.replace(stored, configuration=config)
    assert removal(names(("api", pool(1, 2))), serving(*pool(1, 2, 3, 4)), stored=stored) is not None


def test_thinning_one_name_counts_like_thinning_all() -> None:
    """A plan may not hide a removal in one of many names of a group."""
    many = tuple(f"n{i}" for i in range(5))
    seen = ZoneRRsets(tuple(r for n in many for r in serving(*pool(1, 2, 3, 4), name=n).rrsets))
    want = names(*((n, pool(1) if n == "n3" else pool(1, 2, 3, 4)) for n in many))
    assert removal(want, seen, stored=configuration()) is not None


def test_a_family_may_not_vanish() -> None:
    """R12: AAAA served now and wanted no more is refused, unless by word."""
    stored = configuration(targets=1)
    group = stored.configuration.groups[0]
    target = msgspec.structs.replace(group.targets[0], aaaa="fd00::1")
    groups = (msgspec.structs.replace(group, targets=(target,)),)
    stored = msgspec.structs.replace(
        stored, configuration=msgspec.structs.replace(stored.configuration, groups=groups)
    )
    seen = ZoneRRsets((*serving("10.0.0.1").rrsets, RRset(f"api.{ZONE}", "AAAA", 30, ("fd00::1",))))
    text = removal(names(("api", pool(1))), seen, stored=stored)
    assert text is not None
    assert "no AAAA: 0 of the 1" in text


def test_lowered_weights_count_where_dns_keeps_weights() -> None:
    """A weight lowered from 100 to 1 is capacity removed."""
    low = tuple(Weighted(a, 1) for a in pool(1, 2, 3, 4))
    want = (NameRecords(f"api.{ZONE}", ZONE, 30, low, (), "web"),)
    shares = tuple(encode_weight(Weighted(a, 100)) for a in pool(1, 2, 3, 4))
    seen = ZoneRRsets((*serving(*pool(1, 2, 3, 4)).rrsets, RRset(f"api.{ZONE}", TYPE_WEIGHT, 30, shares)))
    text = removal(want, seen, stored=configuration(), weights=True)
    assert text is not None
    assert "removes 396 of 400" in text


@given(st.sets(st.integers(1, 12)), st.sets(st.integers(1, 12), min_size=1))
def test_adding_is_never_refused(now: set[int], more: set[int]) -> None:
    """Whatever is served, a plan that keeps it all and adds is believed; an empty name is healed."""
    want = names(("api", pool(*sorted(now | more))))
    assert removal(want, serving(*pool(*sorted(now))), stored=configuration(targets=12)) is None
