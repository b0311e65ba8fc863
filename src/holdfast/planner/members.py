"""The members of a pool: what moves as one. A configured target with its addresses of both families, or a single
address that leaves (its target was removed, changed its address, or its name moved to another group).

For each member stands what the pool serves it with now, what is wanted, and why. Limits then go over members
(`limits`), and what they allow becomes records (`records`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holdfast.model.configuration import TargetConfig, target_key
from holdfast.planner.capacity import UNLABELLED, addresses_of, is_v6
from holdfast.planner.roster import Cohort
from holdfast.planner.wants import GroupWants, Want


class Member(msgspec.Struct, frozen=True):
    """`now` is the weight in the parent; `baseline` the weight from which limits count.

    They differ only for a pool that the parent does not have: there the baseline is that all serve, so that
    floors hold for a first plan as well, while nothing that DNS serves is taken away.
    """

    subject: str
    label: str
    addresses: tuple[str, ...]
    now: int
    baseline: int
    wanted: int
    kind: str
    text: str
    explicit: bool = False
    leaving: bool = False
    healthy: bool = False

    @property
    def decrease(self) -> int:
        """Capacity that granting the wish takes away."""
        return max(0, self.baseline - self.wanted)


def present(targets: tuple[TargetConfig, ...], group: str, cohorts: tuple[Cohort, ...]) -> dict[str, int]:
    """Weight of each target that the parent has in these cohorts, 0 if it is out."""
    held = held_weights(cohorts)
    found: dict[str, int] = {}
    for target in targets:
        weights = [held[address] for address in addresses_of(target) if address in held]
        if weights:
            found[target_key(group, target.name)] = max(weights)
    return found


def held_weights(cohorts: tuple[Cohort, ...]) -> dict[str, int]:
    """The greatest weight with which any cohort serves each address."""
    held: dict[str, int] = {}
    for cohort in cohorts:
        for w in cohort.held:
            held[w.address] = max(w.weight, held.get(w.address, 0))
    return held


def configured_members(
    group: str,
    cohorts: tuple[Cohort, ...],
    wants: GroupWants,
    serving: Mapping[str, int],
    here: Mapping[str, int],
    known: Mapping[str, tuple[str, str]],
    words: frozenset[str],
) -> tuple[Member, ...]:
    """Members under the configuration's rule.

    `serving` is the group's state in the parent over all zones, `here` in this pool; `words` the target keys and
    addresses that this revision took out explicitly; `known` names addresses that other targets have.
    """
    members = [_target_member(group, want, serving, here, words) for want in wants.wants]
    own = {address for m in members for address in m.addresses}
    gone = sorted((a, w) for a, w in held_weights(cohorts).items() if a not in own and w > 0)
    leaving = [_leaving_member(address, weight, known, words) for address, weight in gone]
    return tuple(members + leaving)


def _target_member(
    group: str, want: Want, serving: Mapping[str, int], here: Mapping[str, int], words: frozenset[str]
) -> Member:
    key = target_key(group, want.target.name)
    now = here.get(key, 0)
    # A pool new to its zone starts from what the group serves elsewhere, or from all of it.
    elsewhere = serving.get(key, 0) if serving else want.target.weight
    baseline = now if here else elsewhere
    explicit = want.kind == "drain" or key in words
    return Member(
        subject=key,
        label=want.target.label,
        addresses=addresses_of(want.target),
        now=now,
        baseline=baseline,
        wanted=want.weight,
        kind="weight" if 0 < want.weight < baseline else want.kind,
        text=want.text if want.weight == 0 else f"weight {want.weight} configured; {want.text}",
        explicit=explicit,
        healthy=want.healthy,
    )


def _leaving_member(
    address: str, weight: int, known: Mapping[str, tuple[str, str]], words: frozenset[str]
) -> Member:
    key, label = known.get(address, (address, UNLABELLED))
    return Member(
        subject=key if key == address else f"{key} ({address})",
        label=label,
        addresses=(address,),
        now=weight,
        baseline=weight,
        wanted=0,
        kind="configuration",
        text="no longer configured for these names",
        explicit=address in words,
        leaving=True,
    )


def rollback_members(cohorts: tuple[Cohort, ...], known: Mapping[str, tuple[str, str]]) -> tuple[Member, ...]:
    """Members under a rollback: the older plan's weights are what is wanted, target by target (R13)."""
    held = held_weights(cohorts)
    wanted: dict[str, int] = {}
    cuts: dict[str, int] = {}
    for cohort in cohorts:
        wants = {w.address: w.weight for w in cohort.wanted or ()}
        for address, weight in wants.items():
            wanted[address] = max(weight, wanted.get(address, 0))
        for w in cohort.held:
            cuts[w.address] = max(w.weight - wants.get(w.address, 0), cuts.get(w.address, 0))
    grouped: dict[tuple[str, str], list[str]] = {}
    for address in sorted(held.keys() | wanted.keys(), key=lambda a: (is_v6(a), a)):
        grouped.setdefault(known.get(address, (address, UNLABELLED)), []).append(address)
    return tuple(
        _rollback_member(key, label, tuple(addresses), held, wanted, cuts)
        for (key, label), addresses in sorted(grouped.items())
    )


def _rollback_member(
    key: str,
    label: str,
    addresses: tuple[str, ...],
    held: Mapping[str, int],
    wanted: Mapping[str, int],
    cuts: Mapping[str, int],
) -> Member:
    # Cuts are counted name by name and address by address: a target that leaves one name and joins another, or
    # keeps one family and loses the other, has decreased, whatever the pool's greatest weight says.
    now = max(held.get(address, 0) for address in addresses)
    cut = max(cuts.get(address, 0) for address in addresses)
    return Member(
        subject=key,
        label=label,
        addresses=addresses,
        now=now,
        baseline=now,
        wanted=now - cut if cut > 0 else max(wanted.get(address, 0) for address in addresses),
        kind="rollback",
        text="as the older generation has it",
        leaving=cut > 0,
    )
