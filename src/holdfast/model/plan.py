"""The plan: versioned, immutable, checksummed; everything that the DNS of one scope should say.

A plan is a *head* (identity, parent, inputs, ledger, reasons, digests of its sections) and *sections* of
names. The hash is SHA-256 over the head's canonical JSON without the hash and the signature; the head names each
section's digest, so it covers all. So does the signature, over the same bytes. Sections exist so that a plan of
427,000 names which changes three of them encodes and compares one section, not all (and each fits the smallest
store's request limit, R14).
"""

from __future__ import annotations

import msgspec

from holdfast.model.identity import Identity
from holdfast.model.records import NameRecords

PLAN_FORMAT = 1


class Section(msgspec.Struct, frozen=True):
    """A run of names, sorted by (zone, name); the unit of storage and of comparison."""

    names: tuple[NameRecords, ...]


class SectionRef(msgspec.Struct, frozen=True):
    """What the head says of a section: SHA-256 hex of its canonical JSON, and how many names it holds."""

    digest: str
    count: int


class ObserverRevision(msgspec.Struct, frozen=True, order=True):
    """Revision of one observer's (a prober's shard's) observations."""

    observer: str
    revision: int


class Inputs(msgspec.Struct, frozen=True):
    """What a plan was made from; never older than its parent's (I9, R10)."""

    configuration_revision: int
    directives_revision: int
    observations: tuple[ObserverRevision, ...]


class Charge(msgspec.Struct, frozen=True, order=True):
    """Capacity that a generation removed from a DNS zone's targets under one zone label (R11).

    `amount` is in capacity units (the sum of weights). The charge stays in the ledger of later plans until
    the planner's own clock has seen it for one window.
    """

    generation: int
    zone: str
    label: str
    amount: int


class ExplicitAct(msgspec.Struct, frozen=True, order=True):
    """A person's word that exempts a removal from velocity and from the enactor's distrust (R9, R11).

    `act` is one of drain, retire, remove-target, lower-weight; `subject` the target key or name.
    """

    act: str
    subject: str
    reason: str


class Reason(msgspec.Struct, frozen=True):
    """Why something changed, or what held a change back; with its arithmetic, for people and `history`.

    `kind`: verdict, weight, configuration, drain, rollback, floor, fail-open, velocity, hold-down, kept, ...
    """

    kind: str
    subject: str
    text: str


class Signature(msgspec.Struct, frozen=True):
    """A planner's: the id of its key, and ed25519 over the head's canonical bytes (`codec.signed_bytes`)."""

    key: str
    value: bytes


class PlanHead(msgspec.Struct, frozen=True):
    """All of a plan but its names."""

    scope: str
    incarnation: int
    generation: int
    parent: Identity | None
    zones: tuple[str, ...]
    inputs: Inputs
    sections: tuple[SectionRef, ...]
    ledger: tuple[Charge, ...] = ()
    explicit: tuple[ExplicitAct, ...] = ()
    reasons: tuple[Reason, ...] = ()
    planner: str = ""
    rollback_of: int | None = None
    format: int = PLAN_FORMAT
    signature: Signature | msgspec.UnsetType = msgspec.UNSET
    """Absent, not null, where nobody signs: then the bytes are those that they always were."""


class Plan(msgspec.Struct, frozen=True):
    """A whole plan. `identity.hash` is computed from `head`, see `holdfast.model.codec.seal`."""

    identity: Identity
    head: PlanHead
    sections: tuple[Section, ...]
