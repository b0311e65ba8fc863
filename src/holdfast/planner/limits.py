"""Which decreases of serving capacity a plan may make: R11, R12 and the floors, member by member.

Each wish for less passes these gates in this order; the first that refuses keeps what serves and says why:

    gate          refuses                                                          exempt
    never-empty   the last serving address of a family (I2, R12)                   nobody
    floor         less than `floor_share` of the group's capacity serving          explicit words, rollback
    move          an address leaving a name before its successors are applied      explicit words
    fence         anything while the zone's fence can't be read                    explicit words
    unapplied     a second removing plan while one waits to be applied             explicit words
    velocity      more than the window's share, by label and over the zone (R11)   explicit words

Always at least one target: a cap too small for any target lets one through if nothing is spent under it. Over
the whole zone the same holds with `removal_share_total`, so "at least one" of ten labels is not ten.
Decisions run in a fixed order (explicit words, verdicts, the rest; then by pool and subject): equal inputs spend
a scarce budget equally.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from holdfast.model.configuration import GroupConfig, Limits
from holdfast.model.plan import Charge, Plan, Reason
from holdfast.planner.capacity import Pool, is_v6, portion, portion_up
from holdfast.planner.ledger import LOST_LABEL, holds, spent, unapplied
from holdfast.planner.members import Member
from holdfast.planner.roster import Cohort
from holdfast.planner.situation import Standing

_PRIORITY = {"drain": 0, "verdict": 1}


class Case(msgspec.Struct, frozen=True):
    """One pool before the limits. `group` is None under a rollback: floors guard against verdicts, not people."""

    pool: Pool
    group: GroupConfig | None
    capacity: int
    """Configured capacity of the group."""
    members: tuple[Member, ...]
    cohorts: tuple[Cohort, ...]


class Rules(msgspec.Struct, frozen=True):
    """What the gates know beside the pools. `bases` is capacity by (zone, label), and by (zone, "") in all."""

    limits: Limits
    generation: int
    parent: Plan | None
    carried: tuple[Charge, ...]
    standings: dict[str, Standing]
    bases: dict[tuple[str, str], int]


class Granted(msgspec.Struct, frozen=True):
    """What the gates let through: weights by pool and subject; what they held back; what they charged."""

    weights: dict[Pool, dict[str, int]]
    charges: tuple[Charge, ...]
    held: tuple[Reason, ...]
    waiting: bool


class _Held(msgspec.Struct, frozen=True):
    kind: str
    text: str
    waiting: bool = False


def grant(cases: Sequence[Case], rules: Rules) -> Granted:
    """Pass every wish through the gates. Increases always pass."""
    state = _State(rules)
    weights = {
        case.pool: {m.subject: max(m.baseline, m.wanted) for m in case.members if not m.leaving or m.now}
        for case in cases
    }
    wishes = [(case, m) for case in cases for m in case.members if m.decrease > 0]
    wishes.sort(
        key=lambda wish: (not wish[1].explicit, _PRIORITY.get(wish[1].kind, 2), wish[0].pool, wish[1].subject)
    )
    for case, member in wishes:
        held = state.decide(case, member, weights[case.pool])
        if held is None:
            weights[case.pool][member.subject] = member.wanted
        else:
            state.hold(case, member, held)
    return Granted(weights=weights, charges=tuple(state.charges), held=tuple(state.held), waiting=state.waiting)


class _State:
    """The budget as it is being spent."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.charges: list[Charge] = []
        self.held: list[Reason] = []
        self.waiting = False

    def hold(self, case: Case, member: Member, held: _Held) -> None:
        zone = case.pool[0]
        self.waiting = self.waiting or held.waiting
        text = f"{member.subject} stays at weight {member.baseline} in {zone} ({member.text}): {held.text}"
        self.held.append(Reason(kind=held.kind, subject=member.subject, text=text))

    def decide(self, case: Case, member: Member, weights: Mapping[str, int]) -> _Held | None:
        """None when the decrease may happen; it is then charged."""
        empty = _never_empty(case, member, weights)
        if empty is not None or member.explicit:
            return empty
        held = _floor(case, member, weights) or self._move(case, member, weights) or self._budget(case, member)
        if held is None and member.now > member.wanted:
            zone = case.pool[0]
            self.charges.append(Charge(self.rules.generation, zone, member.label, member.now - member.wanted))
        return held

    def _move(self, case: Case, member: Member, weights: Mapping[str, int]) -> _Held | None:
        if not member.leaving:
            return None
        parent, standing = self.rules.parent, self.rules.standings[case.pool[0]]
        family = is_v6(member.addresses[0])
        if case.group is not None and not any(
            m.healthy and weights[m.subject] > 0 for m in _successors(case, member, family)
        ):
            return _Held("move", "none of the targets that take its place is healthy yet")
        if any(_lacks(case, cohort, member, weights) for cohort in case.cohorts):
            return _Held(
                "move", "what takes its place is added first, and this is removed once it serves", waiting=True
            )
        if parent is not None and not holds(standing.fence, parent.identity.generation, parent):
            return _Held(
                "move", f"plan {parent.identity}, which adds what takes its place, is not applied yet", True
            )
        return None

    def _budget(self, case: Case, member: Member) -> _Held | None:
        zone, rules = case.pool[0], self.rules
        standing = rules.standings[zone]
        lost = rules.parent is None and (standing.fence is not None or not standing.known)
        if lost:
            return _Held("velocity", "the ledger of removals was lost, so nothing is removed for one window (R11)")
        amount = member.now - member.wanted
        if amount <= 0 or rules.parent is None:
            return None
        if not standing.known:
            return _Held("fence", f"the fence of zone {zone} can't be read, so what it serves is not known", True)
        older = unapplied(rules.carried, standing, rules.parent)
        if older is not None:
            return _Held(
                "unapplied", f"generation {older} removes from {zone} as well and is not applied yet", True
            )
        return self._velocity(zone, member, amount)

    def _velocity(self, zone: str, member: Member, amount: int) -> _Held | None:
        limits = self.rules.limits
        for label, share, where in (
            (member.label, limits.removal_share, f"zone-label {member.label} of {zone}"),
            (None, limits.removal_share_total, f"zone {zone}"),
        ):
            base = self.rules.bases.get((zone, "" if label is None else label), 0)
            cap = portion(share, base)
            already = spent((*self.rules.carried, *self.charges), zone, label)
            if already.amount and already.amount + amount > cap:
                generations = ", ".join(str(g) for g in already.generations)
                return _Held(
                    "velocity",
                    f"removing {amount} would make {already.amount + amount} of {base} in {where} within"
                    f" {limits.window_s:g} s; limit {share:.0%} = {cap}, at least one target; already spent"
                    f" {already.amount} in generation {generations}",
                )
        return None


def _successors(case: Case, member: Member, family: bool) -> Iterable[Member]:
    return (m for m in case.members if not m.leaving and m.subject != member.subject and _in(m, family))


def _in(member: Member, family: bool) -> bool:
    return any(is_v6(address) == family for address in member.addresses)


def _never_empty(case: Case, member: Member, weights: Mapping[str, int]) -> _Held | None:
    if member.wanted > 0:
        return None
    for family in sorted({is_v6(address) for address in member.addresses}):
        if _keeps_family(case, member, family, weights):
            continue
        kind = "AAAA" if family else "A"
        return _Held("never-empty", f"it is the last serving {kind} of names in group {case.pool[1]} (I2)")
    return None


def _keeps_family(case: Case, member: Member, family: bool, weights: Mapping[str, int]) -> bool:
    if case.group is not None:
        return any(weights[m.subject] > 0 for m in _successors(case, member, family))
    return all(
        any(w.weight > 0 and is_v6(w.address) == family for w in cohort.wanted or ())
        for cohort in case.cohorts
        if any(w.weight > 0 and w.address in member.addresses and is_v6(w.address) == family for w in cohort.held)
    )


def _floor(case: Case, member: Member, weights: Mapping[str, int]) -> _Held | None:
    if case.group is None:
        return None
    least = portion_up(case.group.floor_share, case.capacity)
    after = sum(weights.values()) - member.decrease
    if after >= least:
        return None
    return _Held(
        "floor",
        f"it would leave {after} of {case.capacity} serving in group {case.group.name}; floor"
        f" {case.group.floor_share:.0%} = {least}",
    )


def _lacks(case: Case, cohort: Cohort, member: Member, weights: Mapping[str, int]) -> bool:
    """Whether names that still hold the leaving member do not serve yet what takes its place."""
    held = {w.address for w in cohort.held if w.weight > 0}
    families = {is_v6(address) for address in member.addresses if address in held}
    if case.group is None:
        needed = {w.address for w in cohort.wanted or () if w.weight > 0}
    else:
        needed = {a for m in case.members if not m.leaving and weights[m.subject] > 0 for a in m.addresses}
    return any(is_v6(address) in families and address not in held for address in needed)


def lost_charges(standings: Iterable[Standing], rules: Rules) -> tuple[Charge, ...]:
    """The charges of a first plan in zones that have a fence already: each spends the zone's whole budget."""
    if rules.parent is not None:
        return ()
    return tuple(
        Charge(
            rules.generation,
            s.zone,
            LOST_LABEL,
            max(1, portion(rules.limits.removal_share_total, rules.bases.get((s.zone, ""), 0))),
        )
        for s in standings
        if s.fence is not None or not s.known
    )
