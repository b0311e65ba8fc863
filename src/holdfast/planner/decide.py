"""The decision: from a situation to a plan, or to nothing. Pure; each rule lives in a module of its own.

    inputs    not older than the parent's (I9)                      roster    names, tenures, cohorts
    wants     what health and people want of each target            members   what moves as one
    limits    never-empty, floor, move, velocity (R11, R12)         records   granted weights to addresses
    ledger    what was charged, what is refunded                    sections  bytes and digests

Only pools that may have changed are looked at (`desk`); a decision on an empty desk looks at all and is equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holdfast.model.codec import seal
from holdfast.model.configuration import target_key
from holdfast.model.identity import Identity
from holdfast.model.plan import Plan, PlanHead, Reason, Section
from holdfast.model.records import NameRecords
from holdfast.planner.capacity import UNLABELLED, Pool
from holdfast.planner.desk import Desk
from holdfast.planner.difference import section_difference
from holdfast.planner.ground import Ground
from holdfast.planner.inputs import inputs_of, went_back
from holdfast.planner.ledger import carried, merged
from holdfast.planner.limits import Case, Granted, Rules, grant, lost_charges
from holdfast.planner.members import configured_members, rollback_members
from holdfast.planner.reasons import bounded, explicit_acts, member_reasons
from holdfast.planner.records import cohort_addresses
from holdfast.planner.roster import Addresses, Cohort
from holdfast.planner.sections import offsets, replaced
from holdfast.planner.situation import Decision, Situation, Standing
from holdfast.planner.wants import GroupWants, group_wants

_Final = tuple[tuple[Cohort, tuple[Addresses, Addresses]], ...]


def decide(situation: Situation, desk: Desk | None = None) -> Decision:
    """The next plan, if one is needed."""
    desk = Desk() if desk is None else desk
    refused = _refused(situation)
    if refused:
        return Decision(plan=None, refused=refused)
    ground = desk.ground(situation.configuration, situation.directives, situation.parent, situation.rollback)
    cases, told = _cases(ground, situation, desk.dirty(ground, situation))
    rules = _rules(ground, situation, cases)
    granted = grant(cases, rules)
    finals = {case.pool: _finals(case, granted) for case in cases}
    moved = {pool: final for pool, final in finals.items() if _differs(final)}
    held = (*granted.held, *(reason for reasons in told.values() for reason in reasons))
    unsettled = frozenset(told) | _unsettled(cases, granted)
    sections = replaced(ground.sections, _changes(ground.sections, moved)) if moved else ground.sections
    plan = _plan(situation, ground, rules, granted, cases, sections, held, desk)
    if plan is None:
        desk.remember(ground, situation, unsettled)
        return Decision(plan=None, held=held, waiting=granted.waiting)
    before = () if situation.parent is None else situation.parent.sections
    changed = section_difference(before, sections)
    desk.derive(ground, situation, plan, moved, unsettled)
    return Decision(plan=plan, held=held, waiting=granted.waiting, names_changed=changed)


def _refused(situation: Situation) -> str:
    back = went_back(situation.configuration, situation.directives, situation.parent)
    word = situation.directives.rollback
    if back or word is None or situation.rollback is not None:
        return back
    return (
        f"generation {word.generation}, which {word.by} rolled back to, can't be read from the store: nothing is"
        " planned until `resume`, or a rollback to a generation that `history` lists"
    )


def _cases(
    ground: Ground, situation: Situation, pools: Iterable[Pool]
) -> tuple[tuple[Case, ...], dict[Pool, tuple[Reason, ...]]]:
    """The pools to look at, and what is to be said of some: health is not believed, targets are held down."""
    if ground.rolling_back:
        return tuple(_rollback_case(ground, pool) for pool in pools), {}
    drained = {word.subject: word for word in situation.directives.drained}
    stored = situation.configuration
    words = frozenset((*stored.removed_by_word, *stored.removed_addresses))
    cases: list[Case] = []
    told: dict[Pool, tuple[Reason, ...]] = {}
    for pool in pools:
        zone, name = pool
        group, targets, cohorts = ground.groups[name], ground.targets(name), ground.pools[pool]
        serving, here = ground.weights_anywhere(name), ground.weights_here(pool)
        wants = group_wants(group, targets, situation.verdicts, drained, here or serving)
        known = ground.known if _leaves(cohorts, here, ground, name) else {}
        members = configured_members(name, cohorts, wants, serving, here, known, words)
        capacity = sum(t.weight for t in targets)
        cases.append(Case(pool=pool, group=group, capacity=capacity, members=members, cohorts=cohorts))
        reasons = _standing_reasons(wants, name, zone)
        if reasons:
            told[pool] = reasons
    return tuple(cases), told


def _standing_reasons(wants: GroupWants, group: str, zone: str) -> tuple[Reason, ...]:
    """What no limit refuses, and still is not as verdicts alone would have it."""
    reasons = [
        Reason(
            kind="hold-down",
            subject=target_key(group, want.target.name),
            text=f"{target_key(group, want.target.name)} stays out of {zone}: {want.text}",
        )
        for want in wants.wants
        if want.kind == "hold-down"
    ]
    if wants.fail_open:
        reasons.append(Reason(kind="fail-open", subject=group, text=f"{wants.fail_open} (in {zone})"))
    return tuple(reasons)


def _leaves(cohorts: tuple[Cohort, ...], here: Mapping[str, int], ground: Ground, group: str) -> bool:
    """Whether any cohort holds an address that is not of the group; only then are all addresses looked up."""
    own = {a for t in ground.targets(group) for a in (t.a, t.aaaa)}
    return any(w.address not in own for cohort in cohorts for w in cohort.held)


def _rollback_case(ground: Ground, pool: Pool) -> Case:
    cohorts = ground.pools[pool]
    return Case(
        pool=pool, group=None, capacity=0, members=rollback_members(cohorts, ground.known), cohorts=cohorts
    )


def _rules(ground: Ground, situation: Situation, cases: tuple[Case, ...]) -> Rules:
    bases = dict(ground.bases)
    for case in cases:
        for m in case.members:
            if m.label == UNLABELLED:
                for label in (UNLABELLED, ""):
                    bases[case.pool[0], label] = bases.get((case.pool[0], label), 0) + m.now
    return Rules(
        limits=situation.configuration.configuration.limits,
        generation=_generation(situation),
        parent=situation.parent,
        carried=carried(situation),
        standings=_standings(situation, ground),
        bases=bases,
    )


def _standings(situation: Situation, ground: Ground) -> dict[str, Standing]:
    """Standings by zone; a zone of which nothing was said is not known."""
    found = {zone: Standing(zone=zone, fence=None, known=False) for zone, _ in ground.pools}
    found.update((s.zone, s) for s in situation.standings)
    return found


def _generation(situation: Situation) -> int:
    """The parent's + 1; without a parent above every fence, so that numbers never go back for people either."""
    if situation.parent is not None:
        return situation.parent.identity.generation + 1
    return 1 + max((s.fence.generation for s in situation.standings if s.fence is not None), default=0)


def _finals(case: Case, granted: Granted) -> _Final:
    weights = granted.weights[case.pool]
    return tuple((cohort, cohort_addresses(case, cohort, weights)) for cohort in case.cohorts)


def _differs(final: _Final) -> bool:
    return any(cohort.held != (*a, *aaaa) for cohort, (a, aaaa) in final)


def _unsettled(cases: tuple[Case, ...], granted: Granted) -> frozenset[Pool]:
    """Pools in which something is held back: looked at again each time, since budgets refill and fences move."""
    return frozenset(
        case.pool
        for case in cases
        if any(granted.weights[case.pool][m.subject] != m.wanted or m.leaving for m in case.members)
    )


def _changes(sections: tuple[Section, ...], moved: Mapping[Pool, _Final]) -> dict[int, NameRecords]:
    """New records by position."""
    addresses: dict[int, tuple[Addresses, Addresses]] = {}
    for final in moved.values():
        for cohort, pair in final:
            if cohort.held != (*pair[0], *pair[1]):
                addresses.update(dict.fromkeys(cohort.positions, pair))
    begins = offsets(sections)
    changes: dict[int, NameRecords] = {}
    index = 0
    for at in sorted(addresses):
        while index + 1 < len(begins) and begins[index + 1] <= at:
            index += 1
        old = sections[index].names[at - begins[index]]
        a, aaaa = addresses[at]
        changes[at] = NameRecords(old.name, old.zone, old.ttl, a, aaaa, old.group, old.tenure)
    return changes


def _plan(
    situation: Situation,
    ground: Ground,
    rules: Rules,
    granted: Granted,
    cases: tuple[Case, ...],
    sections: tuple[Section, ...],
    held: tuple[Reason, ...],
    desk: Desk,
) -> Plan | None:
    """The plan, or None when it would say what its parent says."""
    parent, stored = situation.parent, situation.configuration
    zones = tuple(sorted({z.name for z in stored.configuration.zones} | _zones_of(sections)))
    same = parent is not None and zones == parent.head.zones and sections == parent.sections
    if same and not situation.sign_anew:
        return None
    moves = (reason for case in cases for reason in member_reasons(case, granted.weights[case.pool]))
    lost = lost_charges(rules.standings.values(), rules)
    identity = Identity(situation.incarnation, rules.generation, "")
    head = PlanHead(
        scope=stored.configuration.scope,
        incarnation=identity.incarnation,
        generation=identity.generation,
        parent=None if parent is None else parent.identity,
        zones=zones,
        inputs=inputs_of(stored, situation.directives, situation.observers, parent),
        sections=desk.encoder.refs(sections),
        ledger=merged((*rules.carried, *granted.charges, *lost)),
        explicit=explicit_acts(situation),
        reasons=bounded((*_signature_reasons(situation), *ground.reasons, *moves, *held)),
        planner=situation.planner,
        rollback_of=None if situation.rollback is None else situation.rollback.identity.generation,
    )
    return seal(head, sections)


def _signature_reasons(situation: Situation) -> tuple[Reason, ...]:
    if not situation.sign_anew:
        return ()
    scope = situation.configuration.configuration.scope
    return (
        Reason("signed", scope, f"{scope}: signed anew, the plan before was not signed by this planner's key"),
    )


def _zones_of(sections: tuple[Section, ...]) -> frozenset[str]:
    """Zones in which the plan holds names. Sorted by zone: a section of one zone shows it at its ends."""
    zones: set[str] = set()
    for section in sections:
        first, last = section.names[0].zone, section.names[-1].zone
        zones.update((first, last) if first == last else {records.zone for records in section.names})
    return frozenset(zones)
