"""What an UPDATE asks for, as values: the two changes of our own port, and what foreign clients may send too.

Our enactors only replace or delete whole RRsets (`ports.dns`). The embedded server takes standard UPDATE, so
RFC 2136 section 2.5 is here in full: add records, delete an RRset, delete a name, delete single records.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from holdfast.model.records import RRset
from holdfast.ports.dns import DeleteRRset, Prerequisite, SetRRset


class AddRecords(msgspec.Struct, frozen=True):
    """RFC 2136 2.5.1: add each record to its RRset, whose TTL becomes that of the added."""

    rrset: RRset


class DeleteName(msgspec.Struct, frozen=True):
    """RFC 2136 2.5.3: delete all RRsets at a name (at the apex all but SOA and NS)."""

    name: str


class DeleteRecords(msgspec.Struct, frozen=True):
    """RFC 2136 2.5.4: delete exactly these records. No compare-and-set: a missing one is no error."""

    name: str
    rtype: str
    rdatas: tuple[str, ...]


Change: TypeAlias = SetRRset | DeleteRRset | AddRecords | DeleteName | DeleteRecords


class ZoneUpdate(msgspec.Struct, frozen=True):
    """One UPDATE message as the embedded server reads it. `ports.dns.Update` is the narrower one that we send."""

    zone: str
    prerequisites: tuple[Prerequisite, ...]
    changes: tuple[Change, ...]
