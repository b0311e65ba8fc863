"""Verdicts from opinions: quorum, silence, staleness, distrust, hold-down."""

from __future__ import annotations

from itertools import permutations

from health_values import DOWN, PENDING, UP, configuration, replace, said
from hypothesis import given
from hypothesis import strategies as st

from holdfast.health.judge import COMMON_SHARE, judge, timers
from holdfast.health.memo import MemoRules
from holdfast.model.configuration import CheckKind, Configuration, Limits
from holdfast.model.observation import Health, Observations, TargetState, Verdict

IN = frozenset({"g/t0"})
OUT: frozenset[str] = frozenset()
states = st.sampled_from(TargetState)
ORDER = {Health.UNHEALTHY: 0, Health.UNKNOWN: 1, Health.HEALTHY: 2}


def one(c: Configuration, *o: Observations, serving: frozenset[str] = IN, fired: tuple[str, ...] = ()) -> Verdict:
    """The verdict on the only target."""
    (verdict,) = judge(c, o, serving, frozenset(fired)).verdicts
    return verdict


def test_a_majority_withdraws_and_says_why() -> None:
    """Two of three vantage points are the quorum; the reason carries the count and the cause."""
    verdict = one(configuration(), said("a", [DOWN]), said("b", [DOWN]), said("c", [UP]))
    assert verdict.health is Health.UNHEALTHY
    assert verdict.reason == "2 of 3 vantage points say down (connect refused); quorum 2"


def test_one_of_three_withdraws_nothing_and_is_mentioned() -> None:
    """A minority is outvoted, and people can read that it exists."""
    verdict = one(configuration(), said("a", [DOWN]), said("b", [UP]), said("c", [UP]))
    assert verdict.health is Health.HEALTHY
    assert verdict.reason == "2 of 3 vantage points say up, 1 says down (connect refused); quorum 2"


def test_stale_and_distrustful_opinions_are_unknown() -> None:
    """A silent prober's old word, and DOWN from one that doubts itself, count for nothing; UP still counts."""
    c = configuration()
    a, b = said("a", [DOWN]), said("b", [DOWN], revision=7)
    verdict = one(c, a, b, fired=("stale/b/0/7",))
    assert verdict.health is Health.UNKNOWN
    assert "1 of 3 vantage points says down (connect refused), 0 up, 2 unknown (silent)" in verdict.reason
    assert one(c, a, replace(b, distrust="late")).health is Health.UNKNOWN
    up = [said(p, [UP], distrust="late") for p in "ab"]
    assert one(c, *up).health is Health.HEALTHY


def test_a_lone_prober_withdraws_only_by_word() -> None:
    """With one vantage point nothing is withdrawn unless quorum = 1 is said; it may let targets in."""
    c = configuration(probers=("a",))
    assert one(c, said("a", [DOWN])).health is Health.UNKNOWN
    assert "quorum = 1 would let it" in one(c, said("a", [DOWN])).reason
    assert one(c, said("a", [UP]), serving=OUT).health is Health.HEALTHY
    explicit = configuration(probers=("a",), limits=Limits(quorum=1))
    assert one(explicit, said("a", [DOWN])).health is Health.UNHEALTHY


def test_probers_of_one_vantage_are_one_opinion_and_strangers_none() -> None:
    """Two probers behind the same uplink do not outvote the world; unconfigured ones are not heard."""
    c = configuration(probers=("a", "b", "c"), vantages={"a": "x", "b": "x", "c": "y"})
    assert one(c, said("a", [DOWN]), said("b", [DOWN])).health is Health.UNKNOWN
    strangers = (said("p", [DOWN]), said("q", [DOWN]), said("r", [DOWN]))
    assert one(configuration(), *strangers).health is Health.UNKNOWN


def test_static_targets_are_always_healthy() -> None:
    """Without checks there is nothing to doubt."""
    assert one(configuration(kind=CheckKind.NONE)).health is Health.HEALTHY


def test_hold_down_by_timer_names_its_length() -> None:
    """Out, healthy and fallen twice: held until its timer fired; a serving target, or one fall, is not held."""
    c = configuration()
    o = tuple(said(p, [UP], flaps=2) for p in "abc")
    names = {t.name: t.after_s for t in timers(c, o, OUT)}
    assert names == {"stale/a/0/1": 30.0, "stale/b/0/1": 30.0, "stale/c/0/1": 30.0, "hold/g/t0/2": 60.0}
    held = one(c, *o, serving=OUT)
    assert held.hold_down
    assert "held down for 60 s, because it fell 2 times within 600 s" in held.reason
    assert not one(c, *o, serving=OUT, fired=("hold/g/t0/2",)).hold_down
    assert not one(c, *o, serving=IN).hold_down
    assert "hold/g/t0/2" not in {t.name for t in timers(c, o, IN)}
    down = tuple(said(p, [DOWN], flaps=2) for p in "abc")
    assert "hold/g/t0/2" not in {t.name for t in timers(c, down, OUT)}


def test_common_failure_distrusts_the_whole_with_arithmetic() -> None:
    """More than half unhealthy at once: a common cause; half exactly is believed."""
    c = configuration(targets=4)
    most = tuple(said(p, [DOWN, DOWN, DOWN, UP]) for p in "abc")
    assert judge(c, most, OUT, OUT).distrust.startswith(
        "3 of 4 probed targets are unhealthy at once, more than 50%"
    )
    half = tuple(said(p, [DOWN, DOWN, UP, UP]) for p in "abc")
    assert judge(c, half, OUT, OUT).distrust == ""
    assert COMMON_SHARE == 0.5


@given(st.lists(states, min_size=1, max_size=6), st.integers(0, 6))
def test_fewer_than_two_downs_never_withdraw(opinions: list[TargetState], quorum: int) -> None:
    """Whatever the quorum says, a lone DOWN, silence and PENDING never withdraw (with several vantage points)."""
    probers = "abcdefg"[: len(opinions) + 1]
    c = configuration(probers=probers, limits=Limits(quorum=quorum))
    verdict = one(c, *(said(p, [s]) for p, s in zip(probers, opinions, strict=False)))
    if opinions.count(DOWN) < 2:
        assert verdict.health is not Health.UNHEALTHY


@given(st.lists(states, min_size=2, max_size=5), st.integers(0, 4))
def test_silent_probers_withdraw_nothing(opinions: list[TargetState], quorum: int) -> None:
    """When every observer is stale all is unknown, whatever they said last."""
    probers = "abcde"[: len(opinions)]
    c = configuration(probers=probers, limits=Limits(quorum=quorum))
    o = tuple(said(p, [s]) for p, s in zip(probers, opinions, strict=True))
    fired = tuple(t.name for t in timers(c, o, IN))
    assert one(c, *o, fired=fired).health is Health.UNKNOWN


@given(st.lists(states, min_size=3, max_size=3), st.booleans())
def test_order_does_not_matter(opinions: list[TargetState], serves: bool) -> None:
    """The store's order of observers decides nothing."""
    o = [said(p, [s]) for p, s in zip("abc", opinions, strict=True)]
    serving = IN if serves else OUT
    assert len({one(configuration(), *p, serving=serving) for p in permutations(o)}) == 1


@given(st.lists(states, min_size=1, max_size=5), st.data())
def test_monotone_in_opinions(opinions: list[TargetState], data: st.DataObject) -> None:
    """One opinion that becomes worse never makes the verdict better."""
    index = data.draw(st.integers(0, len(opinions) - 1))
    c = configuration(probers="abcde"[: len(opinions)], limits=Limits(quorum=data.draw(st.integers(0, 6))))

    def health(of: list[TargetState]) -> int:
        return ORDER[one(c, *(said(p, [s]) for p, s in zip("abcde", of, strict=False))).health]

    by_rank = [health([*opinions[:index], s, *opinions[index + 1 :]]) for s in (DOWN, PENDING, UP)]
    assert by_rank == sorted(by_rank)


documents = st.builds(
    said,
    st.sampled_from("abcx"),
    st.lists(states, max_size=4),
    revision=st.integers(1, 3),
    distrust=st.sampled_from(["", "late"]),
    flaps=st.integers(0, 3),
)
questions = st.tuples(
    st.lists(documents, max_size=4, unique_by=lambda o: o.observer),
    st.frozensets(st.sampled_from([f"g/t{i}" for i in range(4)])),
    st.frozensets(st.sampled_from(["stale/a/0/1", "stale/b/0/2", "hold/g/t0/2", "hold/g/t1/3", "stale/x/0/1"])),
    st.integers(1, 4),
)


@given(st.lists(questions, max_size=8))
def test_the_memo_answers_as_the_plain_rules_do(
    asked: list[tuple[list[Observations], frozenset[str], frozenset[str], int]],
) -> None:
    """For any sequence of situations the memo's verdicts and timers equal those made from nothing."""
    memo = MemoRules()
    sizes = {n: configuration(targets=n) for n in range(1, 5)}
    for observations, serving, fired, targets in asked:
        c, o = sizes[targets], tuple(observations)
        assert memo.timers(c, o, serving) == timers(c, o, serving)
        assert memo.judge(c, o, serving, fired) == judge(c, o, serving, fired)
