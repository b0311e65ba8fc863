"""Properties over random histories: two planners take turns, verdicts flap, the configuration changes, words are
said, planners restart, zones apply late. Whatever happens, the invariants hold after each step.
"""

from __future__ import annotations

from typing import Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_scopes import group, situation, stored, target, verdicts

from holdfast.model.codec import encode, intact
from holdfast.model.configuration import GroupConfig, Limits, StoredConfiguration
from holdfast.model.directives import Directives, RollbackWord, Word
from holdfast.model.identity import Identity
from holdfast.model.plan import Plan
from holdfast.model.records import NameRecords, Tenure
from holdfast.planner.decide import decide
from holdfast.planner.desk import Desk
from holdfast.planner.ledger import refund_timers
from holdfast.planner.situation import Standing

WINDOW: Final = 10
LIMITS: Final = Limits(window_s=float(WINDOW), removal_share=0.3, removal_share_total=0.4)
CAPACITY_MOST: Final = 600
"""Both groups at their largest in one zone: what a share is taken of can't be more."""
ZONES: Final = ("y.test", "z.test")
NAMES: Final = ("api.z.test", "www.y.test", "www.z.test")


def _groups(size: int, weight: int) -> tuple[GroupConfig, ...]:
    g = tuple(
        target(
            n,
            f"192.0.2.{i}",
            label=f"l{i % 2}",
            weight=weight if i == 1 else 100,
            aaaa=f"2001:db8::{i}" if i < 3 else None,
        )
        for i, n in enumerate("abcd"[:size], start=1)
    )
    h = tuple(target(n, f"198.51.100.{i}", label="l1") for i, n in enumerate("pq", start=1))
    return group("g", *g, floor=0.25, fail_open=0.25), group("h", *h, floor=0.5, fail_open=0.5)


_BUSY: Final = 6
"""How much likelier everyday steps are: a hidden zone or a rollback in force stops most of the rest."""

_everyday = (
    st.tuples(
        st.just("verdict"),
        st.sampled_from(["g_a", "g_b", "g_c", "g_d", "h_p", "h_q"]),
        st.sampled_from(["healthy", "unhealthy", "unhealthy", "unknown"]),
    ),
    st.tuples(st.just("plan"), st.sampled_from(["one", "two"]), st.just("")),
    st.tuples(st.just("plan"), st.sampled_from(["one", "two"]), st.just("")),
    st.tuples(st.just("apply"), st.sampled_from(ZONES), st.just("")),
    st.tuples(st.just("apply"), st.sampled_from(ZONES), st.just("")),
    st.tuples(st.just("wait"), st.integers(1, WINDOW), st.just("")),
)
_rare = (
    st.tuples(st.just("configure"), st.integers(1, 7), st.sampled_from(["2 100", "3 100", "4 100", "4 40"])),
    st.tuples(st.just("regroup"), st.sampled_from(NAMES), st.sampled_from(["g", "h"])),
    st.tuples(st.just("drain"), st.sampled_from(["g/a", "g/b", "g/a", "g/b", "g/c", "g/d"]), st.just("")),
    st.tuples(st.just("restart"), st.sampled_from(["one", "two"]), st.just("")),
    st.tuples(st.just("rollback"), st.sampled_from([0, 0, 0, 1, 2, 3]), st.just("")),
    st.tuples(st.just("hide"), st.sampled_from([*ZONES, "", "", ""]), st.just("")),
)
steps = st.lists(st.one_of(*_everyday * _BUSY, *_rare), min_size=40, max_size=80)


class History:
    """A scope's life: configuration, verdicts, plans, what each zone applied when, and two planners' clocks."""

    def __init__(self) -> None:
        self.time = 0
        self.shape = (7, "4 100")
        self.grouping = dict.fromkeys(NAMES, "g")
        self.revision = 1
        self.words = Directives()
        self.health: dict[str, str] = {}
        self.drained: set[str] = set()
        self.plans: list[Plan] = []
        self.fences: dict[str, Identity | None] = dict.fromkeys(ZONES)
        self.hidden: set[str] = set()
        self.content: dict[str, dict[str, int]] = {}
        self.removed: list[tuple[int, str, int]] = []
        self.armed: dict[str, dict[str, int]] = {"one": {}, "two": {}}
        self.desks = {"one": Desk(), "two": Desk()}

    @property
    def configuration(self) -> StoredConfiguration:
        present, size = self.shape
        count, weight = (int(part) for part in size.split())
        names = tuple((n, self.grouping[n]) for i, n in enumerate(NAMES) if present & (1 << i))
        made = stored(*_groups(count, weight), names=names, revision=self.revision, limits=LIMITS)
        return _cached.setdefault(encode(made), made)

    def step(self, kind: str, what: str | int, how: str) -> None:
        if kind == "verdict":
            self.health[str(what)] = how
        elif kind == "configure":
            self.shape, self.revision = (int(what), how), self.revision + 1
        elif kind == "regroup":
            self.grouping[str(what)], self.revision = how, self.revision + 1
        elif kind == "plan":
            self.plan(str(what))
        elif kind == "apply":
            self.apply(str(what))
        elif kind == "wait":
            self.time += int(what)
        elif kind == "restart":
            self.armed[str(what)], self.desks[str(what)] = {}, Desk()
        elif kind == "drain":
            said = {w.subject: w for w in self.words.drained}
            said.pop(str(what), None) or said.update({str(what): Word(str(what), "ada", "test")})
            self.drained.add(f"192.0.2.{'abcd'.index(str(what)[-1]) + 1}")
            drained = tuple(said[key] for key in sorted(said))
            self.words = msgspec.structs.replace(self.words, drained=drained, revision=self.words.revision + 1)
        elif kind == "hide":
            self.hidden = {str(what)}
        else:
            word = RollbackWord(int(what), "ada", "test") if what else None
            self.words = msgspec.structs.replace(self.words, rollback=word, revision=self.words.revision + 1)

    def plan(self, planner: str) -> None:
        """One pass: timers by this planner's own clock, a decision, and a new newest plan."""
        parent = self.plans[-1] if self.plans else None
        standings = tuple(
            Standing(z, None if z in self.hidden else self.fences[z], known=z not in self.hidden) for z in ZONES
        )
        armed = self.armed[planner]
        wanted = {t.name for t in refund_timers(parent, standings, float(WINDOW))}
        self.armed[planner] = armed = {n: armed.get(n, self.time) for n in wanted}
        fired = frozenset(n for n, since in armed.items() if self.time - since >= WINDOW)
        word = self.words.rollback
        old = next((p for p in self.plans if word is not None and p.identity.generation == word.generation), None)
        configuration = self.configuration
        targets = {f"{g.name}_{t.name}" for g in configuration.configuration.groups for t in g.targets}
        judged = verdicts(configuration, **{k: v for k, v in self.health.items() if k in targets})
        seen = situation(
            configuration,
            parent,
            judged=judged,
            directives=self.words,
            standings=standings,
            fired=fired,
            rollback=old,
        )
        decision = decide(seen, self.desks[planner])
        afresh = decide(seen, Desk())
        assert encode(decision) == encode(afresh), "an empty desk decides alike, byte for byte"
        if decision.plan is None:
            return
        assert intact(decision.plan)
        _never_empties(parent, decision.plan)
        self.plans.append(decision.plan)
        settled = decide(msgspec.structs.replace(seen, parent=decision.plan), self.desks[planner])
        assert settled.plan is None, "deciding again on the same standings changes nothing"

    def apply(self, zone: str) -> None:
        """The zone takes the newest plan: fence and data in one moment."""
        if not self.plans:
            return
        self.fences[zone] = self.plans[-1].identity
        before, after = self.content.get(zone), _capacity(self.plans[-1], zone)
        if before is not None:
            cuts = {key: max(0, weight - after.get(key, 0)) for key, weight in before.items()}
            lost = sum(cut for key, cut in cuts.items() if key not in self.drained)
            self.removed.append((self.time, zone, lost))
        self.content[zone] = after

    def check_velocity(self) -> None:
        """In no window did a zone lose more than the total share (which is above one target here)."""
        for since, zone, _ in self.removed:
            within = [lost for at, z, lost in self.removed if z == zone and since <= at < since + WINDOW]
            assert sum(within) <= CAPACITY_MOST * LIMITS.removal_share_total, (zone, since, within)


_cached: dict[bytes, StoredConfiguration] = {}


def _capacity(plan: Plan, zone: str) -> dict[str, int]:
    """The greatest weight of each address in a zone, for the addresses with an A: a target counts once."""
    weights: dict[str, int] = {}
    for section in plan.sections:
        for r in section.names:
            if r.zone == zone:
                for w in r.a:
                    weights[w.address] = max(w.weight, weights.get(w.address, 0))
    return weights


def _serving(records: NameRecords) -> tuple[bool, bool]:
    return any(w.weight for w in records.a), any(w.weight for w in records.aaaa)


def _never_empties(parent: Plan | None, plan: Plan) -> None:
    """I2, R12: a name with serving addresses of a family has some in the next plan; no family is all zero."""
    after = {r.name: r for section in plan.sections for r in section.names}
    for section in parent.sections if parent is not None else ():
        for old in section.names:
            new = after[old.name]
            for had, has in zip(_serving(old), _serving(new), strict=True):
                assert has or not had, (old, new)
    for new in after.values():
        assert new.tenure is Tenure.RETIRED or _serving(new)[0], new
        for family in (new.a, new.aaaa):
            assert not family or any(w.weight for w in family), new


@given(steps)
@settings(max_examples=300, deadline=None)
def test_invariants_hold_over_random_histories(history: list[tuple[str, str | int, str]]) -> None:
    """Never empty, velocity, determinism with and without memory, and rest after one plan, over two planners."""
    world = History()
    world.plan("one")
    for zone in ZONES:
        world.apply(zone)
    for kind, what, how in history:
        world.step(kind, what, how)
    world.check_velocity()


@given(st.lists(st.sampled_from(["old.z.test", "www.z.test", "api.z.test"]), unique=True, min_size=1))
def test_orphans_are_kept_exactly(gone: list[str]) -> None:
    """Names that leave the configuration keep every field but the tenure, whatever happens to their targets."""
    names = tuple((n, "g") for n in ("old.z.test", "www.z.test", "api.z.test"))
    before = stored(*_groups(4, 100), names=names)
    after = stored(*_groups(4, 100), names=tuple(n for n in names if n[0] not in gone), revision=2)
    first = decide(situation(before)).plan
    assert first is not None
    second = decide(situation(after, first, judged=verdicts(after, g_a="unhealthy"))).plan
    assert second is not None
    old = {r.name: r for section in first.sections for r in section.names}
    new = {r.name: r for section in second.sections for r in section.names}
    for name in gone:
        assert new[name] == msgspec.structs.replace(old[name], tenure=Tenure.ORPHANED)


def test_words_about_names_are_sorted_into_the_plan() -> None:
    """Explicit acts do not depend on the order in which people spoke."""
    configuration = stored(*_groups(4, 100))
    first = decide(situation(configuration)).plan
    words = tuple(Word(f"g/{t}", "ada", "x") for t in "ba")
    one = decide(situation(configuration, first, directives=Directives(revision=1, drained=words))).plan
    two = decide(situation(configuration, first, directives=Directives(revision=1, drained=words[::-1]))).plan
    assert one is not None
    assert one == two
