"""R9, second half: is more capacity removed from what DNS serves *now* than the budget allows?

Capacity is counted by target: what the zone serves of it at most at any name, less what the plan leaves of it at
the name that loses most. So a zone that is half way through a plan is charged no more than at its start, and a
plan that thins one name out is charged as much as one that thins all.

What does not count: addresses that neither the configuration nor what this zone served under its last plan
knows (a stray record is no capacity of ours); targets and names that a person spoke of (drain, retire,
remove-target, lower-weight); capacity that this zone had already given up when it last agreed with a plan (else
a name server restored from an old copy could never be healed). A name that is empty now can only gain: with all
records wiped, a plan that this rule had refused may pass, for R17 puts "never empty" above velocity.

    allowed = max(share x capacity, largest target)     by zone label with removal_share, by zone with the total

The capacity is the larger of what is configured and what is served. An empty zone label counts as a label.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.enactor.memory import Capacity, Memory
from holdfast.model.configuration import Limits, StoredConfiguration, target_key
from holdfast.model.directives import Directives
from holdfast.model.plan import Plan
from holdfast.model.records import TYPE_WEIGHT, NameRecords, Tenure
from holdfast.nameserver.weights import decode_weight
from holdfast.ports.provider import ZoneRRsets

WEIGHT_UNKNOWN: Final = 100
"""Of a target that serves although its configured weight is 0 and DNS keeps no weights: the default weight."""


class Known(msgspec.Struct, frozen=True):
    """What a group's address is: its target's key, zone label, and capacity when it serves."""

    target: str
    label: str
    weight: int


class Tally(msgspec.Struct, frozen=True):
    """One budget's arithmetic."""

    where: str
    removed: int
    capacity: int
    allowed: float
    targets: tuple[str, ...]

    def __str__(self) -> str:
        share = 100 * self.removed / self.capacity if self.capacity else 100.0
        return (
            f"it removes {self.removed} of {self.capacity} capacity ({share:.1f} %) from {self.where}, allowed is"
            f" {self.allowed:.0f}; loses {', '.join(self.targets[:5])}{', ...' if len(self.targets) > 5 else ''}"
        )


class Served(msgspec.Struct, frozen=True):
    """One known address at one name: what it serves with now, and what the plan leaves of it."""

    pool_target: str
    """Counts once for each group that it serves, because each withdrawal costs clients of that group."""
    label: str
    now: int
    after: int


def refuse_removal(
    zone: str,
    names: tuple[NameRecords, ...],
    seen: ZoneRRsets,
    *,
    plan: Plan,
    weights: bool,
    configuration: StoredConfiguration | None,
    directives: Directives | None,
    served_before: tuple[Capacity, ...] | None,
) -> str | None:
    """Why the plan may not be raised in this zone; None if it keeps within the budget."""
    known = known_addresses(configuration, served_before or ())
    spoken = _spoken(plan, configuration, directives)
    present = served(seen)
    kept_until_now = None if served_before is None else {c.address for c in served_before}
    base = _configured(known, {n.group for n in names})
    lost: dict[str, int] = {}
    for records in names:
        here = present.get(records.name, {})
        if not here or records.name in spoken:
            continue
        gone = _family_gone(records, here, known, spoken)
        if gone:
            return gone
        wanted = {w.address: w.weight for w in (*records.a, *records.aaaa)}
        for address, dns_weight in here.items():
            target = known.get((records.group, address)) or known.get(("", address))
            if target is None:
                continue
            at = _at(records.group, target, dns_weight if weights else None, wanted.get(address, 0), weights)
            before = base.get(at.pool_target, Known("", at.label, 0))
            base[at.pool_target] = msgspec.structs.replace(before, weight=max(before.weight, at.now))
            given_up = kept_until_now is not None and address not in kept_until_now
            if at.now > at.after and not given_up and not {target.target, address} & spoken:
                lost[at.pool_target] = max(lost.get(at.pool_target, 0), at.now - at.after)
    limits = Limits() if configuration is None else configuration.configuration.limits
    return _over_budget(zone, base, lost, limits)


def _at(group: str, target: Known, dns_weight: int | None, wanted: int, weights: bool) -> Served:
    now = (target.weight or WEIGHT_UNKNOWN) if dns_weight is None else dns_weight
    # Without weights any weight above 0 is the same: present.
    after = wanted if weights or not wanted else now
    own = target.target.startswith(f"{group}/")
    return Served(target.target if own else f"{target.target} in {group}", target.label, now, after)


def _configured(known: dict[tuple[str, str], Known], groups: set[str]) -> dict[str, Known]:
    """Capacity by target of the groups that the zone's names use."""
    return {k.target: k for (group, _), k in known.items() if group in groups}


def known_addresses(
    configuration: StoredConfiguration | None, served_before: tuple[Capacity, ...]
) -> dict[tuple[str, str], Known]:
    """Addresses that count as capacity, by group and address; under the group "" whoever has the address.

    A name that moves to another group still serves addresses of its old one.
    """
    known: dict[tuple[str, str], Known] = {}
    for c in served_before:
        known[c.group, c.address] = known["", c.address] = Known(c.target, c.label, c.weight)
    for group in () if configuration is None else configuration.configuration.groups:
        for target in group.targets:
            for address in (target.a, target.aaaa):
                if address is not None:
                    key = target_key(group.name, target.name)
                    before = known.get((group.name, address))
                    weight = max(target.weight, 0 if before is None else before.weight)
                    known[group.name, address] = known["", address] = Known(key, target.label, weight)
    return known


def served(seen: ZoneRRsets) -> dict[str, dict[str, int | None]]:
    """Addresses by name, with the weight that DNS gives them where it keeps weights."""
    found: dict[str, dict[str, int | None]] = {}
    for rrset in seen.rrsets:
        if rrset.rtype in ("A", "AAAA"):
            found.setdefault(rrset.name, {}).update(dict.fromkeys(rrset.rdatas))
    for rrset in seen.rrsets:
        if rrset.rtype == TYPE_WEIGHT and rrset.name in found:
            at_name = found[rrset.name]
            kept = filter(None, map(decode_weight, rrset.rdatas))
            at_name.update({w.address: w.weight for w in kept if w.address in at_name})
    return found


def served_capacities(names: tuple[NameRecords, ...], known: dict[tuple[str, str], Known]) -> tuple[Capacity, ...]:
    """What a zone serves that agrees with a plan: the base line of later removals."""
    found: dict[tuple[str, str], Capacity] = {}
    for records in names:
        for w in (*records.a, *records.aaaa):
            if w.weight > 0 and records.tenure is not Tenure.RETIRED:
                key = (records.group, w.address)
                target = known.get(key)
                weight = max(w.weight, found[key].weight if key in found else 0)
                name, label = (w.address, "") if target is None else (target.target, target.label)
                found[key] = Capacity(*key, name, weight, label)
    return tuple(sorted(found.values()))


def agreed(zone: str, names: tuple[NameRecords, ...], memory: Memory) -> Memory:
    """The memory after the zone was seen to agree with a plan of these names."""
    known = known_addresses(memory.configuration, memory.served_in(zone) or ())
    return memory.with_served(zone, served_capacities(names, known))


def _spoken(
    plan: Plan, configuration: StoredConfiguration | None, directives: Directives | None
) -> frozenset[str]:
    """Target keys and names that a person's word exempts."""
    subjects = {act.subject for act in plan.head.explicit}
    if configuration is not None:
        subjects |= set(configuration.removed_by_word)
    if directives is not None:
        subjects |= {word.subject for word in (*directives.drained, *directives.retired)}
    return frozenset(subjects)


def _family_gone(
    records: NameRecords,
    here: dict[str, int | None],
    known: dict[tuple[str, str], Known],
    spoken: frozenset[str],
) -> str | None:
    """R12: a family that the name has now may not vanish, unless by word or because none of it is ours."""
    if records.tenure is Tenure.RETIRED:
        return None
    for family, wanted, colon in (("A", records.a, False), ("AAAA", records.aaaa, True)):
        if any(w.weight > 0 for w in wanted):
            continue
        ours = [(known["", a].target, a) for a in here if (":" in a) is colon and ("", a) in known]
        if any(not {target, address} & spoken for target, address in ours):
            return f"it would leave {records.name} with no {family}: 0 of the {len(ours)} served now remain"
    return None


def _over_budget(zone: str, base: dict[str, Known], lost: dict[str, int], limits: Limits) -> str | None:
    if not lost:
        return None
    labels = sorted({base[t].label for t in lost})
    tallies = [
        _tally(f"zone label {label or '(none)'} in zone {zone}", limits.removal_share, label, base, lost)
        for label in labels
    ]
    tallies.append(_tally(f"zone {zone}", limits.removal_share_total, None, base, lost))
    return next((str(t) for t in tallies if t.removed > t.allowed), None)


def _tally(where: str, share: float, label: str | None, base: dict[str, Known], lost: dict[str, int]) -> Tally:
    within = {t: k.weight for t, k in base.items() if label is None or k.label == label}
    total = sum(within.values())
    losing = tuple(sorted(t for t in within if t in lost))
    largest = max(within.values(), default=0)
    return Tally(where, sum(lost[t] for t in losing), total, max(share * total, largest), losing)
