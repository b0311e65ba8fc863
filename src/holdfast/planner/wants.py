"""What health and people want of a group's targets, before any limit: one row of this table for each target.

    drained by word          0, explicit
    weight 0 configured      0
    group fails open         its weight: health is not believed (below)
    HEALTHY                  its weight
    HEALTHY, held down       0 if it was out and enough others are well (below), else its weight
    UNHEALTHY                0
    UNKNOWN, was in          its weight: unknown never withdraws
    UNKNOWN, was out         0: a target that is out stays out until it is healthy
    UNKNOWN, group is new    its weight: a first plan may not be empty, and nobody is worse off than before;
                             but 0 for a target that comes from a lease: it enters when it is ready (of a
                             name that nobody is ready for yet, I2 puts one in all the same)

*Fail-open*: when less than `fail_open_share` of a group's capacity is not known to be bad, the likelier
explanation is that health is wrong, or that everything is down; either way fewer answers help nobody, so all
targets that are not drained serve. "Not known to be bad" is healthy or unknown: silent probers must not put
back what was withdrawn while they could still see. It never serves less than the parent: targets only enter.

*Hold-down* keeps a target out that flaps (`health.judge`). It yields while those that are healthy and not held are
less than `floor_share` of the group's capacity: then a target that flaps is better than one that is dead, which
only the floor keeps in.

A distrusted round of verdicts (`Verdicts.distrust`) turns every UNHEALTHY into UNKNOWN.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

import msgspec

from holdfast.model.configuration import GroupConfig, TargetConfig, target_key
from holdfast.model.directives import Word
from holdfast.model.observation import Health, Verdict, Verdicts
from holdfast.planner.capacity import portion_up


class Want(msgspec.Struct, frozen=True):
    """The weight wanted for a target, and why. `kind` is that of a `Reason`."""

    target: TargetConfig
    weight: int
    kind: str
    text: str
    healthy: bool


class GroupWants(msgspec.Struct, frozen=True):
    """Wants of one group; `fail_open` is the sentence that says why health is not believed, or empty."""

    wants: tuple[Want, ...]
    fail_open: str = ""


def verdict_on(verdicts: Verdicts, key: str) -> Verdict:
    """The verdict on a target; UNKNOWN when there is none, or when the round distrusts itself."""
    at = bisect_left(verdicts.verdicts, key, key=lambda v: v.target)
    found = verdicts.verdicts[at] if at < len(verdicts.verdicts) else None
    if found is None or found.target != key:
        return Verdict(target=key, health=Health.UNKNOWN, reason="no verdict yet")
    if verdicts.distrust and found.health is Health.UNHEALTHY:
        return Verdict(target=key, health=Health.UNKNOWN, reason=f"verdicts distrusted: {verdicts.distrust}")
    return found


def group_wants(
    group: GroupConfig,
    targets: tuple[TargetConfig, ...],
    verdicts: Verdicts,
    drained: Mapping[str, Word],
    serving: Mapping[str, int],
) -> GroupWants:
    """Wants for `targets` (those of the group that may enter a plan).

    `serving` has the weight of each target that the parent knows, 0 if out; a group none of whose targets the
    parent knows is new.
    """
    # A member of a pool of leases is known to be not ready: waiting for the first that is leaves nobody worse off.
    new = not serving and not group.role
    rows = tuple((t, target_key(group.name, t.name)) for t in targets)
    judged = {key: verdict_on(verdicts, key) for _, key in rows}
    fail_open = _fail_open(group, rows, judged, drained)
    if not _enough_unheld(group, rows, judged, drained):
        judged = {key: msgspec.structs.replace(verdict, hold_down=False) for key, verdict in judged.items()}
    return GroupWants(
        wants=tuple(
            _want(t, judged[key], drained.get(key), bool(fail_open), new or serving.get(key, 0) > 0)
            for t, key in rows
        ),
        fail_open=fail_open,
    )


def _want(target: TargetConfig, verdict: Verdict, drain: Word | None, fail_open: bool, was_in: bool) -> Want:
    healthy = verdict.health is Health.HEALTHY
    if drain is not None:
        return Want(target, 0, "drain", f"drained by {drain.by}: {drain.reason}", healthy)
    if target.weight == 0:
        return Want(target, 0, "weight", "configured with weight 0", healthy)
    if fail_open:
        return Want(target, target.weight, "fail-open", "health of its group is not believed", healthy)
    if verdict.health is Health.UNHEALTHY:
        return Want(target, 0, "verdict", f"unhealthy: {verdict.reason}", healthy)
    if verdict.hold_down and not was_in:
        return Want(target, 0, "hold-down", verdict.reason, healthy)
    weight = target.weight if healthy or was_in else 0
    return Want(target, weight, "verdict", f"{verdict.health.value}: {verdict.reason}", healthy)


def _enough_unheld(
    group: GroupConfig,
    rows: tuple[tuple[TargetConfig, str], ...],
    judged: Mapping[str, Verdict],
    drained: Mapping[str, Word],
) -> bool:
    """Whether the group can afford to wait for targets that are held down; True where none is."""
    if not any(verdict.hold_down for verdict in judged.values()):
        return True
    counted = [(t.weight, judged[key]) for t, key in rows if key not in drained]
    well = sum(weight for weight, v in counted if v.health is Health.HEALTHY and not v.hold_down)
    return well >= portion_up(group.floor_share, sum(weight for weight, _ in counted)) and well > 0


def _fail_open(
    group: GroupConfig,
    rows: tuple[tuple[TargetConfig, str], ...],
    judged: Mapping[str, Verdict],
    drained: Mapping[str, Word],
) -> str:
    """The sentence for a group whose health is not believed; empty otherwise."""
    counted = [(t.weight, judged[key].health) for t, key in rows if key not in drained]
    capacity = sum(weight for weight, _ in counted)
    good = sum(weight for weight, health in counted if health is not Health.UNHEALTHY)
    least = portion_up(group.fail_open_share, capacity)
    if good >= least:
        return ""
    return (
        f"{good} of {capacity} of group {group.name} is not unhealthy, less than {group.fail_open_share:.0%} ="
        f" {least}: health is not believed and all its targets serve"
    )
