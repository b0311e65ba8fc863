"""Worked tables of the planner's rules: each test is one row or one story."""

from __future__ import annotations

import msgspec
import pytest
from planner_scopes import (
    applied,
    four,
    group,
    records,
    served,
    situation,
    stored,
    target,
    verdicts,
)

from holdfast.model.codec import encode, intact
from holdfast.model.configuration import Limits
from holdfast.model.directives import Directives, RollbackWord, Word
from holdfast.model.observation import Verdicts
from holdfast.model.plan import Plan
from holdfast.model.records import Tenure
from holdfast.planner.decide import decide
from holdfast.planner.desk import Desk
from holdfast.planner.situation import Decision, Standing


def made(decision: Decision) -> Plan:
    """The decision's plan, which must be there and intact."""
    assert decision.plan is not None, decision
    assert intact(decision.plan)
    return decision.plan


def held(decision: Decision) -> list[str]:
    """Kinds of what is held back."""
    return [reason.kind for reason in decision.held]


FIRST = made(decide(situation(stored(four()))))


def test_first_plan_is_generation_one_with_all_healthy_targets() -> None:
    """An empty store and no fence: generation 1 of the incarnation, everything healthy serves."""
    assert (FIRST.identity.incarnation, FIRST.identity.generation, FIRST.head.parent) == (1, 1, None)
    assert served(FIRST) == "1 2 3 4"


def test_equal_inputs_give_equal_bytes_and_a_second_decision_gives_nothing() -> None:
    """The decision is a function; once its plan is the parent there is nothing to do."""
    again = made(decide(situation(stored(four()))))
    assert encode(again) == encode(FIRST)
    assert decide(situation(stored(four()), FIRST)).plan is None


@pytest.mark.parametrize(
    ("first", "later", "expected"),
    [
        # health of target a in the first plan and in the second -> what the second serves
        ("healthy", "unhealthy", "2 3 4"),
        ("healthy", "unknown", "1 2 3 4"),
        ("unhealthy", "unknown", "2 3 4"),
        ("unhealthy", "healthy", "1 2 3 4"),
        ("unknown", "unknown", "1 2 3 4"),
    ],
)
def test_only_unhealthy_withdraws_and_only_healthy_enters(first: str, later: str, expected: str) -> None:
    """The table of `wants`: unknown keeps whatever the parent says."""
    configuration = stored(four())
    parent = made(decide(situation(configuration, judged=verdicts(configuration, g_a=first))))
    decision = decide(situation(configuration, parent, judged=verdicts(configuration, g_a=later)))
    assert served(decision.plan or parent) == expected


def test_a_new_target_waits_until_it_is_healthy() -> None:
    """A target added to a group that serves stays out, with weight 0 in the plan, while it is unknown."""
    before = stored(group("g", target("a", "192.0.2.1")))
    after = stored(group("g", target("a", "192.0.2.1"), target("b", "192.0.2.2")), revision=2)
    parent = made(decide(situation(before)))
    plan = made(decide(situation(after, parent, judged=verdicts(after, g_b="unknown"))))
    assert served(plan) == "1"
    assert [w.weight for w in records(plan)["www.z.test"].a] == [100, 0]
    assert served(made(decide(situation(after, plan)))) == "1 2"


def test_velocity_lets_one_target_through_and_prints_its_arithmetic() -> None:
    """R11: two fail together, the zone's cap stands above "at least one" of each label: one goes, one is held."""
    configuration = stored(four())
    decision = decide(
        situation(configuration, FIRST, judged=verdicts(configuration, g_a="unhealthy", g_c="unhealthy"))
    )
    assert served(made(decision)) == "2 3 4"
    (reason,) = decision.held
    assert reason.text == (
        "g/c stays at weight 100 in z.test (unhealthy: 2 of 3 say so): removing 100 would make 200 of 400 in zone"
        " z.test within 300 s; limit 10% = 40, at least one target; already spent 100 in generation 2"
    )
    assert [(c.generation, c.zone, c.label, c.amount) for c in made(decision).head.ledger] == [
        (2, "z.test", "l1", 100)
    ]


def test_the_budget_refills_only_by_the_timer_of_the_generation() -> None:
    """A restarted planner (nothing fired) finds the parent's charge spent; once the timer fired it goes on."""
    configuration = stored(four())
    judged = verdicts(configuration, g_a="unhealthy", g_c="unhealthy")
    second = made(decide(situation(configuration, FIRST, judged=judged)))
    assert held(decide(situation(configuration, second, judged=judged))) == ["velocity"]
    third = made(decide(situation(configuration, second, judged=judged, fired=frozenset({"refund/2/z.test"}))))
    assert served(third) == "2 4"
    assert [c.generation for c in third.head.ledger] == [3]


def test_one_unapplied_removing_plan_a_zone_while_other_zones_go_on() -> None:
    """A zone that has not applied the last removal gets no second one; another zone withdraws meanwhile."""
    limits = Limits(removal_share=0.5, removal_share_total=0.5)
    configuration = stored(four(), names=(("www.z.test", "g"), ("www.y.test", "g")), limits=limits)
    zones = ("y.test", "z.test")
    first = made(decide(situation(configuration)))
    one = verdicts(configuration, g_a="unhealthy")
    second = made(decide(situation(configuration, first, judged=one, standings=applied(first, *zones))))
    two = verdicts(configuration, g_a="unhealthy", g_c="unhealthy")
    standings = (Standing("y.test", second.identity), Standing("z.test", first.identity))
    decision = decide(situation(configuration, second, judged=two, standings=standings))
    assert served(made(decision), "www.y.test") == "2 4"
    assert served(made(decision), "www.z.test") == "2 3 4"
    assert held(decision) == ["unapplied"]
    assert decision.waiting


def test_an_unreadable_fence_forbids_removal_in_its_zone_only() -> None:
    """What a zone serves is not known without its fence: additions go on, removals wait."""
    configuration = stored(four())
    decision = decide(
        situation(
            configuration,
            FIRST,
            judged=verdicts(configuration, g_a="unhealthy"),
            standings=(Standing("z.test", None, known=False),),
        )
    )
    assert decision.plan is None
    assert held(decision) == ["fence"]


def test_a_lost_ledger_spends_the_whole_budget_once() -> None:
    """No parent, but the zone has a fence: everything serves, and nothing is removed for one window."""
    configuration = stored(four())
    judged = verdicts(configuration, g_a="unhealthy")
    plan = made(decide(situation(configuration, judged=judged, standings=applied(FIRST))))
    assert served(plan) == "1 2 3 4"
    assert plan.identity.generation == 2
    assert held(decide(situation(configuration, plan, judged=judged))) == ["velocity"]
    timer = frozenset({"refund/2/z.test"})
    assert served(made(decide(situation(configuration, plan, judged=judged, fired=timer)))) == "2 3 4"


def test_floor_holds_against_verdicts_and_says_so() -> None:
    """At a floor of 3 of 4, the second failing target stays whatever the budget."""
    configuration = stored(four(floor=0.75), limits=Limits(removal_share=1.0, removal_share_total=1.0))
    parent = made(decide(situation(configuration)))
    decision = decide(
        situation(configuration, parent, judged=verdicts(configuration, g_a="unhealthy", g_b="unhealthy"))
    )
    assert served(made(decision)) == "2 3 4"
    assert "it would leave 200 of 400 serving in group g; floor 75% = 300" in decision.held[0].text


def test_when_everything_is_down_the_answers_stay() -> None:
    """Fail-open: health that condemns all is not believed; the plan stays and the reason is given."""
    configuration = stored(four(fail_open=0.5))
    parent = made(decide(situation(configuration)))
    dead = verdicts(configuration, g_a="unhealthy", g_b="unhealthy", g_c="unhealthy", g_d="unhealthy")
    decision = decide(situation(configuration, parent, judged=dead))
    assert decision.plan is None
    assert decision.held[0].kind == "fail-open"
    assert "0 of 400 of group g is not unhealthy, less than 50% = 200" in decision.held[0].text


def test_distrusted_verdicts_withdraw_nothing() -> None:
    """A round that health itself distrusts counts as unknown."""
    configuration = stored(four())
    judged = Verdicts(verdicts(configuration, g_a="unhealthy").verdicts, distrust="all probers late")
    assert decide(situation(configuration, FIRST, judged=judged)).plan is None


def test_never_empty_is_per_family() -> None:
    """R12: the only target with an IPv6 address stays although an A target is left."""
    configuration = stored(group("g", target("a", "192.0.2.1", aaaa="2001:db8::1"), target("b", "192.0.2.2")))
    parent = made(decide(situation(configuration)))
    decision = decide(situation(configuration, parent, judged=verdicts(configuration, g_a="unhealthy")))
    assert decision.plan is None
    assert "last serving AAAA" in decision.held[0].text


def test_a_drain_is_explicit_exempt_from_velocity_but_never_empties() -> None:
    """Three drains at once are a person's word; the fourth would empty the name and is refused."""
    configuration = stored(four())
    drained = tuple(Word(f"g/{t}", "ada", "upgrade") for t in "abcd")
    plan = made(decide(situation(configuration, FIRST, directives=Directives(revision=1, drained=drained[:3]))))
    assert served(plan) == "4"
    assert plan.head.ledger == ()
    assert [(a.act, a.subject) for a in plan.head.explicit] == [
        ("drain", "g/a"),
        ("drain", "g/b"),
        ("drain", "g/c"),
    ]
    decision = decide(situation(configuration, plan, directives=Directives(revision=2, drained=drained)))
    assert decision.plan is None
    assert held(decision) == ["never-empty"]


def test_a_target_taken_out_of_the_file_is_charged_unless_a_word_says_so() -> None:
    """Without a word one target goes each window; with `removed_addresses` both go, and the plan names them."""
    after = stored(group("g", target("a", "192.0.2.1"), target("b", "192.0.2.2")), revision=2)
    plan = made(decide(situation(after, FIRST)))
    assert served(plan) == "1 2 4"
    worded = msgspec.structs.replace(
        after, removed_by_word=("g/c", "g/d"), removed_addresses=("192.0.2.3", "192.0.2.4")
    )
    plan = made(decide(situation(worded, FIRST)))
    assert served(plan) == "1 2"
    assert {a.subject for a in plan.head.explicit} == {"g/c", "g/d", "192.0.2.3", "192.0.2.4"}


def test_a_move_adds_then_waits_until_applied_then_removes() -> None:
    """A name moves from g to h: both first; with that plan applied, one old address each window."""
    g, h = group("g", target("a", "192.0.2.1")), group("h", target("b", "192.0.2.2"))
    before, after = stored(g, h), stored(g, h, names=(("www.z.test", "h"),), revision=2)
    first = made(decide(situation(before)))
    second = made(decide(situation(after, first)))
    assert served(second) == "1 2"
    waiting = decide(situation(after, second, standings=applied(first)))
    assert waiting.plan is None
    assert held(waiting) == ["move"]
    assert waiting.waiting
    assert served(made(decide(situation(after, second)))) == "2"


def test_a_move_to_a_group_that_was_never_healthy_keeps_the_old_addresses() -> None:
    """Nothing healthy takes the old address's place, so it stays however long."""
    g, h = group("g", target("a", "192.0.2.1")), group("h", target("b", "192.0.2.2"))
    after = stored(g, h, names=(("www.z.test", "h"),), revision=2)
    judged = verdicts(after, h_b="unknown")
    second = made(decide(situation(after, made(decide(situation(stored(g, h)))), judged=judged)))
    assert served(second) == "1 2"
    assert held(decide(situation(after, second, judged=judged))) == ["move"]


def test_names_come_and_go_by_explicit_words() -> None:
    """Gone from the file: orphaned and kept exactly; retired: a tombstone; released: let go; back: managed."""
    both = stored(four(), names=(("www.z.test", "g"), ("old.z.test", "g")))
    one = stored(four(), revision=2)
    first = made(decide(situation(both)))
    orphaned = made(decide(situation(one, first)))
    assert records(orphaned)["old.z.test"] == msgspec.structs.replace(
        records(first)["old.z.test"], tenure=Tenure.ORPHANED
    )
    word = (Word("old.z.test", "ada", "unused"),)
    retired = made(decide(situation(one, orphaned, directives=Directives(revision=1, retired=word))))
    tombstone = records(retired)["old.z.test"]
    assert (tombstone.tenure, tombstone.a) == (Tenure.RETIRED, ())
    assert ("retire", "old.z.test") in {(a.act, a.subject) for a in retired.head.explicit}
    released = made(decide(situation(one, retired, directives=Directives(revision=2, released=word))))
    assert set(records(released)) == {"www.z.test"}
    back = msgspec.structs.replace(both, revision=3, digest="3")
    again = made(decide(situation(back, retired, directives=Directives(revision=1, retired=word))))
    assert records(again)["old.z.test"].tenure is Tenure.MANAGED
    assert served(again, "old.z.test") == "1 2 3 4"


def test_an_orphan_keeps_its_addresses_when_their_target_fails() -> None:
    """Orphans are outside automation: nobody declared what they should do."""
    first = made(decide(situation(stored(four(), names=(("www.z.test", "g"), ("old.z.test", "g"))))))
    one = stored(four(), revision=2)
    orphaned = made(decide(situation(one, first)))
    plan = made(decide(situation(one, orphaned, judged=verdicts(one, g_a="unhealthy"))))
    assert (served(plan), served(plan, "old.z.test")) == ("2 3 4", "1 2 3 4")


def test_addresses_outside_the_allowed_prefixes_never_enter() -> None:
    """A target outside the prefixes is not planned, healthy or not."""
    configuration = stored(
        group("g", target("a", "192.0.2.1"), target("b", "198.51.100.1")), prefixes=("192.0.2.0/24",)
    )
    assert [w.address for w in records(made(decide(situation(configuration))))["www.z.test"].a] == ["192.0.2.1"]


def test_rollback_is_a_new_generation_with_the_old_content_under_velocity() -> None:
    """R13: content of generation 1 as generation 4; what it takes away is charged and held like anything else."""
    small = stored(group("g", target("a", "192.0.2.1"), target("b", "192.0.2.2")))
    large = stored(four(), revision=2)
    first = made(decide(situation(small)))
    second = made(decide(situation(large, first)))
    assert served(second) == "1 2 3 4"
    words = Directives(revision=1, rollback=RollbackWord(1, "ada", "bad change"))
    third = decide(situation(large, second, directives=words, rollback=first))
    assert served(made(third)) == "1 2 4"
    assert made(third).head.rollback_of == 1
    assert held(third) == ["velocity"]
    judged = verdicts(large, g_a="unhealthy")
    timer = frozenset({"refund/3/z.test"})
    fourth = made(
        decide(situation(large, made(third), directives=words, rollback=first, judged=judged, fired=timer))
    )
    assert served(fourth) == "1 2", "the planner is held: verdicts do not move a rollback"
    assert decide(situation(large, second, directives=words)).refused.startswith("generation 1")


def test_older_inputs_are_refused() -> None:
    """I9: a configuration or words below the parent's make no plan."""
    newer = stored(four(), revision=5)
    parent = made(decide(situation(newer)))
    decision = decide(situation(stored(group("g", target("a", "192.0.2.1")), revision=4), parent))
    assert decision.plan is None
    assert "is at revision 4, but plan 1.1-" in decision.refused


def test_lowering_a_weight_is_charged_and_raising_is_free() -> None:
    """Weights of the configuration: down spends budget, up does not."""
    lower = stored(
        group("g", target("a", "192.0.2.1", weight=40), target("b", "192.0.2.2", weight=160)), revision=2
    )
    first = made(decide(situation(stored(group("g", target("a", "192.0.2.1"), target("b", "192.0.2.2"))))))
    plan = made(decide(situation(lower, first)))
    assert served(plan) == "1*40 2*160"
    assert [(c.label, c.amount) for c in plan.head.ledger] == [("l1", 60)]


def _held(judged: Verdicts, *keys: str) -> Verdicts:
    """The same verdicts, these targets held down."""
    held = tuple(msgspec.structs.replace(v, hold_down=v.target in keys) for v in judged.verdicts)
    return Verdicts(held, judged.distrust)


def test_a_target_held_down_stays_out_says_so_and_enters_at_its_release() -> None:
    """Healthy again but flapping: out until hold-down ends, on a desk that remembers as on an empty one."""
    configuration = stored(four())
    first = decide(situation(configuration)).plan
    out = decide(situation(configuration, first, judged=verdicts(configuration, g_a="unhealthy"))).plan
    assert out is not None
    assert served(out) == "2 3 4"
    desk = Desk()
    kept = decide(situation(configuration, out, judged=_held(verdicts(configuration), "g/a")), desk)
    assert kept.plan is None
    assert [(r.kind, r.subject) for r in kept.held] == [("hold-down", "g/a")]
    released = decide(situation(configuration, out, judged=verdicts(configuration)), desk).plan
    assert released is not None
    assert served(released) == "1 2 3 4"


def test_hold_down_yields_when_too_few_others_are_well() -> None:
    """A target that flaps is better than dead ones that only the floor keeps in; one that serves stays in."""
    configuration = stored(four(floor=0.75))
    first = decide(situation(configuration)).plan
    out = decide(situation(configuration, first, judged=verdicts(configuration, g_a="unhealthy"))).plan
    judged = _held(verdicts(configuration, g_b="unhealthy"), "g/a")
    assert out is not None
    back = decide(situation(configuration, out, judged=judged)).plan
    assert back is not None
    assert "1" in served(back).split()
    assert decide(situation(configuration, first, judged=_held(verdicts(configuration), "g/a"))).plan is None
