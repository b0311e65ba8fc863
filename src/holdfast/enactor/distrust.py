"""R9, first half: what a plan must be before an enactor believes it, whatever DNS serves now.

Nothing here is shared with the planner: a rule that both sides import would be wrong on both sides at once.
Each refusal is one sentence with its arithmetic. The second half (capacity against what DNS serves) is in
`capacity`.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable

from holdfast.model.codec import intact
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.plan import PLAN_FORMAT, Plan
from holdfast.model.records import NameRecords, Tenure, Weighted
from holdfast.ports.signing import BelievesPlans

LISTED_MAX = 5
"""Names spelled out in a refusal; the rest are counted."""


def foreign(plan: Plan, believes: BelievesPlans | None) -> str:
    """Why this plan is not one of our planners'; empty if it is, or if no keys are configured here (R9)."""
    return "" if believes is None else believes.refusal(plan.head)


def refuse_plan(
    plan: Plan, scope: str, configuration: StoredConfiguration | None, directives: Directives | None
) -> str | None:
    """Why this plan is not to be applied anywhere; None if nothing speaks against it."""
    if plan.head.format > PLAN_FORMAT:
        return (
            f"it has format {plan.head.format}, this version reads up to {PLAN_FORMAT}: upgrade this enactor first"
        )
    if plan.head.scope != scope:
        return f"it is of scope {plan.head.scope}, this enactor holds scope {scope}"
    if not intact(plan):
        return "its checksum does not hold: head, sections and identity disagree"
    names = tuple(n for section in plan.sections for n in section.names)
    return (
        _repeated(names)
        or _empty(names)
        or _retired_without_word(plan, names, directives)
        or _outside(names, () if configuration is None else configuration.configuration.allowed_prefixes)
    )


def _repeated(names: tuple[NameRecords, ...]) -> str | None:
    if len({n.name for n in names}) == len(names):
        return None
    counts = Counter(n.name for n in names)
    twice = sorted(name for name, count in counts.items() if count > 1)
    return f"{_counted(twice, 'name stands', 'names stand')} in it more than once"


def _empty(names: tuple[NameRecords, ...]) -> str | None:
    """R12: never empty, per name and address family; weight 0 everywhere is as empty as no address."""
    kept = [n for n in names if n.tenure is not Tenure.RETIRED]
    none = [n.name for n in kept if not n.a and not n.aaaa]
    if none:
        return f"{_counted(none, 'name has', 'names have')} no address at all (0 targets), and nobody retired it"
    for family, of in (("A", _a), ("AAAA", _aaaa)):
        zero = [n.name for n in kept if of(n) and not any(w.weight > 0 for w in of(n))]
        if zero:
            first = next(n for n in kept if n.name == zero[0])
            return (
                f"{_counted(zero, 'name has', 'names have')} no {family} with a weight above 0"
                f" (0 of {len(of(first))} at {first.name}, group {first.group})"
            )
    return None


def _a(records: NameRecords) -> tuple[Weighted, ...]:
    return records.a


def _aaaa(records: NameRecords) -> tuple[Weighted, ...]:
    return records.aaaa


def _retired_without_word(plan: Plan, names: tuple[NameRecords, ...], directives: Directives | None) -> str | None:
    """A name is emptied by a person's word only; the word stands in the plan or among the directives."""
    said = {act.subject for act in plan.head.explicit if act.act == "retire"}
    if directives is not None:
        said |= {word.subject for word in directives.retired}
    unsaid = [n.name for n in names if n.tenure is Tenure.RETIRED and n.name not in said]
    if not unsaid:
        return None
    return f"{_counted(unsaid, 'name is', 'names are')} retired in it without a person's word"


def _outside(names: tuple[NameRecords, ...], prefixes: tuple[str, ...]) -> str | None:
    """Addresses outside the allowed prefixes; no prefixes allow all."""
    if not prefixes:
        return None
    networks = [ipaddress.ip_network(p, strict=False) for p in prefixes]
    addresses = {w.address for n in names for w in (*n.a, *n.aaaa)}
    foreign = sorted(a for a in addresses if not _within(a, networks))
    if not foreign:
        return None
    return (
        f"{_counted(foreign, 'address lies', 'addresses lie')} outside the {len(prefixes)} allowed prefixes"
        f" ({', '.join(prefixes[:LISTED_MAX])})"
    )


def _within(address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _counted(found: list[str], one: str, many: str) -> str:
    """`2 names have (a, b)`: the count first, some of them after the verb would read badly, so before it."""
    listed = ", ".join(found[:LISTED_MAX]) + (", ..." if len(found) > LISTED_MAX else "")
    return f"{len(found)} {one if len(found) == 1 else many} ({listed})"
