"""Signatures of plans, as rooms see them: pure functions that a composition root hands in, or none.

No operation: signing and checking ask nothing of the outside, and the laboratory pays for no cryptography.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from holdfast.model.plan import Plan, PlanHead, Signature


class SignsPlans(Protocol):
    """A planner's key."""

    @property
    def key(self) -> str:
        """Id of the key."""
        ...

    def sign(self, head: PlanHead) -> Signature:
        """The signature over everything in the head but itself. The same for the same head."""
        ...


class BelievesPlans(Protocol):
    """The public keys that a machine believes."""

    def refusal(self, head: PlanHead) -> str:
        """Why this head is not to be believed; empty if a key that is believed signed exactly it."""
        ...


def signed(plan: Plan, signs: SignsPlans | None) -> Plan:
    """The plan with a signature, if there is a key. Its identity stays: the hash is not over the signature."""
    if signs is None:
        return plan
    head = msgspec.structs.replace(plan.head, signature=signs.sign(plan.head))
    return msgspec.structs.replace(plan, head=head)
