"""R9, second half: is more capacity removed from what DNS serves *now* than the budget allows?

Capacity is counted by target: what the zone serves of it at most at any name, less what the plan leaves of it at
the name that loses most. So a zone that is half way through a plan is charged no more than at its start, and a
plan that thins one name out is charged as much as one that thins all.

What does not count: addresses that neither the configuration nor what this zone served under its last plan
knows (a stray record is no capacity of ours); targets and names that a person spoke of (drain, retire,
remove-target, lower-weight); capacity that this zone had already given up when it last agreed with a plan (else
a name server restored from an old copy could never be healed). A name that is empty now can only gain.

    allowed = max(share x capacity, largest target)     by zone label with removal_share, by zone with the total

The capacity is the larger of what is configured and what is served. An empty zone label counts as a label.
"""

from __future__ import annotations

import msgspec

from holdfast.enactor.memory import Capacity, Memory
from holdfast.model.configuration import Limits, StoredConfiguration, target_key
from holdfast.model.directives import Directives
from holdfast.model.plan import Plan
from holdfast.model.records import TYPE_WEIGHT, NameRecords, Tenure
from holdfast.nameserver.weights import decode_weight
from holdfast.ports.provider import ZoneRRsets


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
    given_up = None if served_before is None else {(c.group, c.address) for c in served_before}
    serving: dict[str, int] = {}
    lost: dict[str, int] = {}
    for records in names:
        here = present.get(records.name, {})
        wanted = {w.address: w.weight for w in (*records.a, *records.aaaa)}
        exempt = records.name in spoken
        gone = _family_gone(records, here, known, spoken)
        if gone and not exempt:
            return gone
        for address, dns_weight in here.items():
            target = known.get((records.group, address))
            if target is None:
                continue
            now = dns_weight if weights and dns_weight is not None else target.weight
            kept = wanted.get(address, 0)
            after = kept if weights or kept == 0 else target.weight
            serving[target.target] = max(serving.get(target.target, 0), now)
            before = given_up is None or (records.group, address) in given_up
            if now > after and before and not exempt and target.target not in spoken:
                lost[target.target] = max(lost.get(target.target, 0), now - after)
    limits = Limits() if configuration is None else configuration.configuration.limits
    return _over_budget(zone, known, {n.group for n in names}, serving, lost, limits)


def known_addresses(
    configuration: StoredConfiguration | None, served_before: tuple[Capacity, ...]
) -> dict[tuple[str, str], Known]:
    """Addresses that count as capacity, by group and address."""
    known = {(c.group, c.address): Known(c.target, c.label, c.weight) for c in served_before}
    for group in () if configuration is None else configuration.configuration.groups:
        for target in group.targets:
            for address in (target.a, target.aaaa):
                if address is not None:
                    key = target_key(group.name, target.name)
                    known[group.name, address] = Known(key, target.label, target.weight)
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
        ours = [known[records.group, a] for a in here if (":" in a) is colon and (records.group, a) in known]
        if any(k.target not in spoken for k in ours):
            return f"it would leave {records.name} with no {family}: 0 of the {len(ours)} served now remain"
    return None


def _over_budget(
    zone: str,
    known: dict[tuple[str, str], Known],
    groups: set[str],
    serving: dict[str, int],
    lost: dict[str, int],
    limits: Limits,
) -> str | None:
    if not lost:
        return None
    here = {k.target: k for (group, _), k in known.items() if group in groups}
    capacity = {t: max(k.weight, serving.get(t, 0)) for t, k in here.items()}
    labels = sorted({here[t].label for t in lost})
    tallies = [
        _tally(f"zone label {label or '(none)'} in zone {zone}", limits.removal_share, label, here, capacity, lost)
        for label in labels
    ]
    tallies.append(_tally(f"zone {zone}", limits.removal_share_total, None, here, capacity, lost))
    return next((str(t) for t in tallies if t.removed > t.allowed), None)


def _tally(
    where: str,
    share: float,
    label: str | None,
    here: dict[str, Known],
    capacity: dict[str, int],
    lost: dict[str, int],
) -> Tally:
    within = [t for t in here if label is None or here[t].label == label]
    total = sum(capacity[t] for t in within)
    losing = tuple(sorted(t for t in within if t in lost))
    largest = max((capacity[t] for t in within), default=0)
    return Tally(where, sum(lost[t] for t in losing), total, max(share * total, largest), losing)
