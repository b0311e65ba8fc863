"""From granted weights to addresses: what each cohort's names say.

A target that is out keeps an entry with weight 0, so that a plan shows what it left out; a family in which
nothing serves is left out whole, because "all zero" is what an enactor must refuse (R9).
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.model.records import Weighted
from holdfast.planner.capacity import is_v6
from holdfast.planner.limits import Case
from holdfast.planner.roster import Addresses, Cohort


def cohort_addresses(case: Case, cohort: Cohort, weights: Mapping[str, int]) -> tuple[Addresses, Addresses]:
    """A and AAAA of a cohort's names, sorted."""
    final = _rolled_back(case, cohort, weights) if case.group is None else _configured(case, cohort, weights)
    return _family(final, v6=False), _family(final, v6=True)


def _configured(case: Case, cohort: Cohort, weights: Mapping[str, int]) -> dict[str, int]:
    final: dict[str, int] = {}
    for m in case.members:
        if not m.leaving:
            for address in m.addresses:
                final[address] = max(weights[m.subject], final.get(address, 0))
    staying = {m.addresses[0] for m in case.members if m.leaving and weights[m.subject] > 0}
    final.update((w.address, w.weight) for w in cohort.held if w.address in staying and w.weight > 0)
    return final


def _rolled_back(case: Case, cohort: Cohort, weights: Mapping[str, int]) -> dict[str, int]:
    final = {w.address: w.weight for w in cohort.wanted or ()}
    refused = {a for m in case.members if m.leaving and weights[m.subject] > m.wanted for a in m.addresses}
    for w in cohort.held:
        if w.address in refused and w.weight > final.get(w.address, 0):
            final[w.address] = w.weight
    return final


def _family(final: Mapping[str, int], *, v6: bool) -> Addresses:
    entries = tuple(Weighted(a, final[a]) for a in sorted(final) if is_v6(a) == v6)
    return entries if any(w.weight > 0 for w in entries) else ()
