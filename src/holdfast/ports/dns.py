"""The DNS transport: typed messages to a zone's primary and to its other name servers.

Wire format, TSIG, TCP and timeouts sit in the adapter (`holdfast.runtime.dns`): building and parsing one signed
update costs 0.7 ms in dnspython, which no search can pay. The adapter signs when it sends: a message that was
held back for hours goes out freshly signed, so the fence refuses it, not the age of its TSIG.

Names lower case, absolute, without final dot; rdata in canonical presentation form (see `model.records`).
"""

from __future__ import annotations

import enum

import msgspec

from holdfast.model.records import RRset
from holdfast.ports.operation import CouldNotAsk, Operation


class Rcode(enum.Enum):
    """Response codes that rules tell apart; anything else is OTHER."""

    NOERROR = "NOERROR"
    FORMERR = "FORMERR"
    SERVFAIL = "SERVFAIL"
    NXDOMAIN = "NXDOMAIN"
    NOTIMP = "NOTIMP"
    REFUSED = "REFUSED"
    YXDOMAIN = "YXDOMAIN"
    YXRRSET = "YXRRSET"
    NXRRSET = "NXRRSET"
    NOTAUTH = "NOTAUTH"
    NOTZONE = "NOTZONE"
    OTHER = "OTHER"


class Answer(msgspec.Struct, frozen=True):
    """An authoritative answer: the RRset itself, or None when it does not exist (NODATA, NXDOMAIN).

    `authoritative` False means that the answer counts for nothing (R2). `alias` is the CNAME target if the
    owner is an alias. `rcode` tells NXDOMAIN from NODATA.
    """

    rcode: Rcode
    rrset: RRset | None
    authoritative: bool
    alias: str = ""


class Ask(Operation[Answer | CouldNotAsk], frozen=True):
    """One question, over TCP, signed with the zone's key, to its primary; or to `server`, unsigned.

    `server` names one of the zone's published name servers, as `Servers` lists them (R18).
    """

    zone: str
    name: str
    rtype: str
    server: str = ""


class AskMany(Operation[tuple[Answer | CouldNotAsk, ...]], frozen=True):
    """Several questions to the primary, pipelined on one connection: each is its own read, not a snapshot."""

    zone: str
    questions: tuple[tuple[str, str], ...]


class ZoneContent(msgspec.Struct, frozen=True):
    """A zone as one transfer shows it: one consistent snapshot, sorted by (name, type)."""

    serial: int
    rrsets: tuple[RRset, ...]


class Transfer(Operation[ZoneContent | CouldNotAsk], frozen=True):
    """AXFR from the primary, signed."""

    zone: str


class Servers(Operation[tuple[str, ...] | CouldNotAsk], frozen=True):
    """The zone's name servers by its NS RRset and their addresses, each as `address:port`."""

    zone: str


class Existence(enum.Enum):
    """RFC 2136 section 2.4: the forms of a prerequisite."""

    RRSET_IS = "value"
    RRSET_EXISTS = "yxrrset"
    RRSET_ABSENT = "nxrrset"
    NAME_IN_USE = "yxdomain"
    NAME_ABSENT = "nxdomain"


class Prerequisite(msgspec.Struct, frozen=True):
    """What must hold for the update to be applied. `rdatas` only for `RRSET_IS`: the whole RRset, exactly."""

    existence: Existence
    name: str
    rtype: str = "ANY"
    rdatas: tuple[str, ...] = ()


class SetRRset(msgspec.Struct, frozen=True):
    """Replace the whole RRset (delete it, then add): exact-value deletes are no compare-and-set."""

    rrset: RRset


class DeleteRRset(msgspec.Struct, frozen=True):
    """Delete the whole RRset."""

    name: str
    rtype: str


class Response(msgspec.Struct, frozen=True):
    """The server's answer to an update. NOERROR is not "applied" (R4)."""

    rcode: Rcode


class Update(Operation[Response | CouldNotAsk], frozen=True):
    """One RFC 2136 message to the primary, over TCP (R6), signed: all or nothing at the server."""

    zone: str
    prerequisites: tuple[Prerequisite, ...]
    changes: tuple[SetRRset | DeleteRRset, ...]
