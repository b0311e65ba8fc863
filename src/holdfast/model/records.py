"""Records as values: what a plan wants of a name, and RRsets as DNS holds them.

Names are lower case, absolute, without the final dot. Rdata stand in presentation form, canonical: an IPv6
address compressed, a TXT string quoted.
"""

from __future__ import annotations

import enum

import msgspec

TYPE_WEIGHT = "TYPE65280"
"""Private-use type in which the embedded server keeps weights beside A and AAAA, through standard UPDATE.

Rdata: RFC 3597 unknown-type form of `<weight as u16><address bytes>`; see `holdfast.nameserver.weights`.
"""


class Weighted(msgspec.Struct, frozen=True, order=True, gc=False):
    """An address and its share of the traffic: 0 means present in the plan, absent from the answers."""

    address: str
    weight: int


class Tenure(enum.Enum):
    """How a name stands to the configuration (design decision 7: names come and go by explicit words)."""

    MANAGED = "managed"
    ORPHANED = "orphaned"
    """Gone from the configuration: kept in DNS exactly as it is, until a person retires or releases it."""
    RETIRED = "retired"
    """A person's `retire`: its A and AAAA are removed, the one exception to I2."""


class NameRecords(msgspec.Struct, frozen=True, gc=False):
    """What a plan wants at one owner name."""

    name: str
    zone: str
    ttl: int
    a: tuple[Weighted, ...]
    aaaa: tuple[Weighted, ...]
    group: str
    tenure: Tenure = Tenure.MANAGED


class RRset(msgspec.Struct, frozen=True):
    """One RRset; `rdatas` sorted and without repeats, never empty (an empty set is absence: None)."""

    name: str
    rtype: str
    ttl: int
    rdatas: tuple[str, ...]
