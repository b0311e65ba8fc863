"""Route 53's API as typed operations: list, one change batch, the state of a change, the hosted zone.

Signing, XML, pacing and credentials sit in the adapter (`holdfast.runtime.route53`). Nothing here is sent twice
by the adapter once it may have been applied; a batch that was refused, for whatever reason, was not applied.

Names lower case, absolute, without final dot and without escapes; values as Route 53 holds them (text quoted).
"""

from __future__ import annotations

import enum

import msgspec

from holdfast.ports.operation import CouldNotAsk, Operation


class RecordSet(msgspec.Struct, frozen=True):
    """One ResourceRecordSet. `identifier` is its SetIdentifier, empty for the simple routing policy.

    `other` names what holdfast has no field for (an alias, a health check, another routing policy): such a set
    can't be written back as it was, so it is never touched.
    """

    name: str
    rtype: str
    ttl: int
    values: tuple[str, ...]
    identifier: str = ""
    weight: int | None = None
    multivalue: bool = False
    other: str = ""


class Start(msgspec.Struct, frozen=True):
    """Where a list begins. `raw` is the name as the API gave it, for the next page."""

    name: str
    rtype: str = ""
    identifier: str = ""
    raw: str = ""


class RecordPage(msgspec.Struct, frozen=True):
    """Part of a zone, in Route 53's order; `following` is where the next page begins, None at the end."""

    sets: tuple[RecordSet, ...]
    following: Start | None


class ListRecordSets(Operation[RecordPage | CouldNotAsk], frozen=True):
    """One page: at most `items_max` (300) sets, the first of them at or after `start`."""

    zone: str
    start: Start
    items_max: int


class SetAction(enum.Enum):
    """What one change of a batch does."""

    CREATE = "CREATE"
    DELETE = "DELETE"
    """Of exactly these values."""
    UPSERT = "UPSERT"
    """Never the fence: it would defeat the compare-and-set."""


class SetChange(msgspec.Struct, frozen=True):
    """One change of a batch."""

    action: SetAction
    record_set: RecordSet


class Accepted(msgspec.Struct, frozen=True):
    """The batch is applied, whole; its change is not at all name servers until `InSync` says so."""

    change_id: str


class BatchRefused(msgspec.Struct, frozen=True):
    """InvalidChangeBatch: nothing of it was applied. Which change was at fault stands in `messages`."""

    messages: tuple[str, ...]


class NotAllowed(msgspec.Struct, frozen=True):
    """The request is refused for good (rights, signature, no such zone): configuration, not a race."""

    code: str
    text: str


class ChangeRecordSets(Operation[Accepted | BatchRefused | NotAllowed | CouldNotAsk], frozen=True):
    """One change batch: all or nothing."""

    zone: str
    changes: tuple[SetChange, ...]


class InSync(Operation[bool | CouldNotAsk], frozen=True):
    """Whether a change has come to all of Route 53's name servers (GetChange)."""

    zone: str
    change_id: str


class HostedZone(msgspec.Struct, frozen=True):
    """What a hosted zone says of itself."""

    name: str
    record_sets: int
    private: bool
    name_servers: tuple[str, ...]


class GetHostedZone(Operation[HostedZone | NotAllowed | CouldNotAsk], frozen=True):
    """The hosted zone, by its id in the configuration."""

    zone: str
