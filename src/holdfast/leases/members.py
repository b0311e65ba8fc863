"""Which targets a role's leases make, and what is said of them. Pure.

| lease                   | was said before | is said now |
|---|---|---|
| held, leaving           | anything        | DOWN: its agent drains it |
| held, ready             | anything        | UP |
| held, not ready         | UP              | UP: readiness never removes |
| held, not ready         | anything else   | PENDING: it does not enter yet |
| gone                    | it leaves       | DOWN: it left; forgotten after `FORGET_S` |
| gone, as most are       | anything else   | DOWN: lost, as most of its group; forgotten after `FORGET_MOST_S` |
| gone, as many are       | that            | the same, until no more than `MANY_SHARE` are |
| gone                    | anything else   | DOWN: its lease is lost; forgotten after `FORGET_S` |

What is said are *observations*, and health makes verdicts of them: so a lost lease takes a target out within the
velocity, above the floors, and never by emptying a list. A target stays configured for as long as it may serve.

Where more than half of a group lost their leases without leaving, the lease service is the likelier cause. Then
its word that they are lost counts for nothing (`health.leased`) until nearly all have theirs again: when just half
have, the others are no likelier to be dead than a moment before, and whoever is taken out then lags behind when it
comes back, and may not enter until it has caught up. They are forgotten after a day only: the floor of a group is
a share of what is configured, so an outage that outlasts `FORGET_S` would else take out everybody who does not
hold a lease yet, as soon as somebody does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from holdfast.model.configuration import Configuration, GroupConfig, TargetConfig, target_key
from holdfast.model.lease import Lease, Place
from holdfast.model.observation import LEASE_LOST, LEASE_LOST_AS_MOST, TargetObservation, TargetState

FORGET_S: Final = 3600.0
FORGET_MOST_S: Final = 24 * 3600.0
MOST_SHARE: Final = 0.5
MANY_SHARE: Final = 0.1
"""A loss of most leases is over when no more than this share of a group is still without, or a single target."""
LEAVING: Final = "its agent drains it"
NOT_READY: Final = "it holds a lease and is not ready yet"
UNREADY: Final = "it holds a lease; it was ready, and says that it is not any more"
HELD: Final = "it holds its lease"


class Membership(msgspec.Struct, frozen=True):
    """What a pass comes to."""

    groups: tuple[GroupConfig, ...]
    seen: tuple[TargetObservation, ...]
    """Of every target that comes from leases, sorted by key."""
    lost: tuple[str, ...]
    """Keys of targets whose lease is gone: to be forgotten some day."""
    joined: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


def roles(configuration: Configuration) -> tuple[str, ...]:
    """The roles that a configuration takes targets from, sorted."""
    return tuple(sorted({group.role for group in configuration.groups if group.role}))


def membership(
    configuration: Configuration,
    leases: Iterable[Lease],
    said: Mapping[str, TargetObservation],
    *,
    forget: frozenset[str] = frozenset(),
    forget_most: frozenset[str] = frozenset(),
) -> Membership:
    """The table at the top.

    `said`: what was said last, by target key; `forget`, `forget_most`: keys that have been gone for `FORGET_S` and
    `FORGET_MOST_S`.
    """
    places: dict[str, dict[str, Place]] = {}
    for lease in leases:
        if lease.place is not None:
            places.setdefault(lease.role, {})[lease.name] = lease.place
    groups: list[GroupConfig] = []
    seen: list[TargetObservation] = []
    lost: list[str] = []
    left = {key for key, one in said.items() if one.reason == LEAVING}
    joined: list[str] = []
    forgotten: list[str] = []
    for group in configuration.groups:
        if not group.role:
            groups.append(group)
            continue
        held = places.get(group.role, {})
        known = {t.name: t for t in group.targets}
        gone = {key for name in known.keys() - held.keys() if (key := target_key(group.name, name)) not in left}
        gone_why = _why_gone(said, gone, len(known))
        over = forget if gone_why == LEASE_LOST else forget_most
        targets: list[TargetConfig] = []
        for name in sorted(known.keys() | held.keys()):
            key = target_key(group.name, name)
            place = held.get(name)
            if place is None:
                if key in over or (key in left and key in forget):
                    forgotten.append(key)
                    continue
                lost.append(key)
            elif name not in known:
                joined.append(key)
            targets.append(known[name] if place is None else _target(name, place))
            seen.append(_gone(key, left, gone_why) if place is None else _observed(key, place, said.get(key)))
        same = tuple(targets) == group.targets
        groups.append(group if same else msgspec.structs.replace(group, targets=tuple(targets)))
    return Membership(
        tuple(groups),
        tuple(sorted(seen, key=lambda one: one.target)),
        tuple(sorted(lost)),
        tuple(joined),
        tuple(forgotten),
    )


def _target(name: str, place: Place) -> TargetConfig:
    return TargetConfig(name, place.a, place.aaaa, place.port, place.label or "default", place.weight)


def _why_gone(said: Mapping[str, TargetObservation], gone: Collection[str], known: int) -> str:
    """What the loss of these leases is put down to, of a group of so many."""
    if known > 1 and len(gone) > MOST_SHARE * known:
        return LEASE_LOST_AS_MOST
    goes_on = any(key in said and said[key].reason == LEASE_LOST_AS_MOST for key in gone)
    return LEASE_LOST_AS_MOST if goes_on and len(gone) > max(1, MANY_SHARE * known) else LEASE_LOST


def _gone(key: str, left: Collection[str], why: str) -> TargetObservation:
    return TargetObservation(key, TargetState.DOWN, LEAVING if key in left else why)


def _observed(key: str, place: Place, before: TargetObservation | None) -> TargetObservation:
    if place.leaving:
        return TargetObservation(key, TargetState.DOWN, LEAVING)
    if place.ready:
        return TargetObservation(key, TargetState.UP, HELD)
    if before is not None and before.state is TargetState.UP:
        return TargetObservation(key, TargetState.UP, UNREADY)
    return TargetObservation(key, TargetState.PENDING, NOT_READY)
