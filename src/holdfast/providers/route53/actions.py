"""What holdfast may do in an AWS account, at least: a value, for policies and for people.

The conditions are IAM's own keys on `route53:ChangeResourceRecordSets`: the names, types and actions of a batch.
With them a credential can touch the names that holdfast keeps and its fence, and nothing else in the zone; and a
credential *without* these names (another tool's) can't touch them: a fence binds only writers that take part.
"""

from __future__ import annotations

import msgspec

from holdfast.model.fence import fence_owner
from holdfast.providers.route53.names import to_api

CONDITION_NAMES = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
CONDITION_TYPES = "route53:ChangeResourceRecordSetsRecordTypes"
CONDITION_ACTIONS = "route53:ChangeResourceRecordSetsActions"


class NeededAction(msgspec.Struct, frozen=True):
    """One API action on one resource. `conditions`: each key's values must be among these (ForAllValues)."""

    action: str
    resource: str
    why: str
    conditions: tuple[tuple[str, tuple[str, ...]], ...] = ()


def needed_actions(zone_id: str, *, scope: str, zone: str, names: tuple[str, ...]) -> tuple[NeededAction, ...]:
    """The least that one hosted zone of a scope needs, with these names kept in it."""
    hosted = f"arn:aws:route53:::hostedzone/{zone_id}"
    normalized = tuple(sorted(to_api(n).removesuffix(".") for n in (*names, fence_owner(scope, zone))))
    conditions = (
        (CONDITION_NAMES, normalized),
        (CONDITION_TYPES, ("A", "AAAA", "TXT")),
        (CONDITION_ACTIONS, ("CREATE", "DELETE", "UPSERT")),
    )
    return (
        NeededAction("route53:ChangeResourceRecordSets", hosted, "fence and data, in one batch", conditions),
        NeededAction("route53:ListResourceRecordSets", hosted, "the fence before the data, and read-back"),
        NeededAction("route53:GetHostedZone", hosted, "doctor and verify: is this the zone of that name"),
        NeededAction("route53:GetChange", "arn:aws:route53:::change/*", "a freeze is acknowledged after INSYNC"),
    )
