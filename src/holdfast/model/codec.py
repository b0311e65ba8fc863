"""Canonical bytes: the same value is the same bytes on any machine, so that a hash means something.

JSON by msgspec: struct fields in their order of definition, tuples only, no dictionaries inside hashed values.
Documents carry `format`; a reader takes its own format and the one before it, and names what it can't read.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeVar

import msgspec

from holdfast.model.identity import HASH_LENGTH, Identity
from holdfast.model.plan import Plan, PlanHead, Section, SectionRef

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder()
SIGNED_AS: Final = b"holdfast plan, format 1\n"


class Unreadable(ValueError):
    """Bytes that are not the document they should be; the text says which, and why."""


def encode(value: object) -> bytes:
    """Canonical bytes of a model value."""
    return _ENCODER.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """Read a document.

    Raises:
        Unreadable: when the bytes do not hold a `kind`.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"not a readable {kind.__name__}: {error}") from error


def section_ref(section: Section, data: bytes | None = None) -> SectionRef:
    """Digest of a section; `data` are its canonical bytes if the caller has them."""
    return SectionRef(
        digest=hashlib.sha256(encode(section) if data is None else data).hexdigest(), count=len(section.names)
    )


def unsigned_bytes(head: PlanHead) -> bytes:
    """A head's canonical bytes without its signature: what hash and signature are over."""
    if head.signature is not msgspec.UNSET:
        head = msgspec.structs.replace(head, signature=msgspec.UNSET)
    return encode(head)


def signed_bytes(head: PlanHead) -> bytes:
    """What a planner signs. The words before keep a signature from meaning anything else by the same key."""
    return SIGNED_AS + unsigned_bytes(head)


def head_hash(head: PlanHead) -> str:
    """The plan's hash: it covers the sections through their digests in the head."""
    return hashlib.sha256(unsigned_bytes(head)).hexdigest()[:HASH_LENGTH]


def seal(head: PlanHead, sections: tuple[Section, ...]) -> Plan:
    """Close a plan: its identity follows from its content."""
    identity = Identity(incarnation=head.incarnation, generation=head.generation, hash=head_hash(head))
    return Plan(identity=identity, head=head, sections=sections)


def intact(plan: Plan) -> bool:
    """Whether identity, head and sections agree: what an enactor checks before it believes a plan (R9)."""
    head = plan.head
    return (
        plan.identity == Identity(head.incarnation, head.generation, head_hash(head))
        and len(head.sections) == len(plan.sections)
        and all(section_ref(s) == ref for s, ref in zip(plan.sections, head.sections, strict=True))
    )
