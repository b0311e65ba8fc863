"""The fence: one TXT record per scope and zone that says which plan the zone holds (R0, R8).

It lives in DNS, beside the data that it protects, so that the DNS server itself refuses, in the same
transaction, every message of an older plan. Text form, one character-string of at most 255 bytes, lower case
(PowerDNS compares TXT without case), closed by a checksum:

    hf1 inc=1 gen=41 hash=<32 hex> frz=- seq=7 by=enactor-a sum=<8 hex>

`frz` is `-` (none), ids joined by `+`, or `all` when the ids would not fit. `seq` is no part of the identity:
it moves so that a provider which cannot pin an unchanged value (Route 53) has something to change.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

import msgspec

from holdfast.model.identity import HASH_LENGTH, NOTHING, Identity

FENCE_FORMAT: Final = "hf1"
FENCE_BYTES_MAX: Final = 255
GENERATION_JUMP_MAX: Final = 10**6
"""R3: a generation further than this above anything seen is treated as unreadable, not outrun."""

_ALL: Final = "all"
_NONE: Final = "-"
_WRITER = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_GRAMMAR = re.compile(
    r"(?P<body>hf1 inc=(?P<inc>0|[1-9]\d{0,17}) gen=(?P<gen>0|[1-9]\d{0,17}) hash=(?P<hash>[0-9a-f]{32})"
    r" frz=(?P<frz>-|all|[a-z0-9]{4,12}(?:\+[a-z0-9]{4,12})*) seq=(?P<seq>0|[1-9]\d{0,17})"
    r" by=(?P<by>[a-z0-9][a-z0-9._-]{0,31})) sum=(?P<sum>[0-9a-f]{8})"
)


class Fence(msgspec.Struct, frozen=True):
    """What a zone says about the plan it holds.

    `freezes` is sorted and without repeats; `freeze_all` says that there were too many to list, or that an
    unknown freeze must be assumed: it covers everything.
    """

    identity: Identity
    freezes: tuple[str, ...] = ()
    freeze_all: bool = False
    sequence: int = 0
    writer: str = "nobody"

    @property
    def frozen(self) -> bool:
        """Whether any freeze is in force in the zone."""
        return self.freeze_all or bool(self.freezes)

    def text(self) -> str:
        """Canonical text: parsing it gives an equal fence. Never above 255 bytes."""
        text = _text(self, _ALL if self.freeze_all else "+".join(self.freezes) or _NONE)
        # R8: ids that overflow become `all`; a truncated list would let a writer through a freeze.
        return text if len(text) <= FENCE_BYTES_MAX else _text(self, _ALL)

    def rdata(self) -> str:
        """TXT rdata in presentation form: one quoted character-string."""
        return f'"{self.text()}"'


def as_read(fence: Fence) -> Fence:
    """The fence as it will be read back: ids that overflow have become `all` (R8).

    A writer pins and compares what DNS holds, so it must hold the same value.
    """
    overflows = fence.freeze_all or len(_text(fence, "+".join(fence.freezes) or _NONE)) > FENCE_BYTES_MAX
    if not overflows:
        return fence
    return Fence(identity=fence.identity, freeze_all=True, sequence=fence.sequence, writer=fence.writer)


EMPTY_FENCE: Final = Fence(identity=NOTHING)


def _text(fence: Fence, freezes: str) -> str:
    i = fence.identity
    body = (
        f"{FENCE_FORMAT} inc={i.incarnation} gen={i.generation} hash={i.hash}"
        f" frz={freezes} seq={fence.sequence} by={fence.writer}"
    )
    return f"{body} sum={_checksum(body)}"


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"


def parse_fence(text: str) -> Fence | None:
    """Read a fence from TXT text; None when it is not exactly our grammar (a wildcard's answer, garbage)."""
    found = _GRAMMAR.fullmatch(text)
    if found is None or _checksum(found["body"]) != found["sum"]:
        return None
    listed = found["frz"]
    ids = () if listed in (_NONE, _ALL) else tuple(listed.split("+"))
    if tuple(sorted(set(ids))) != ids:
        return None
    return Fence(
        identity=Identity(incarnation=int(found["inc"]), generation=int(found["gen"]), hash=found["hash"]),
        freezes=ids,
        freeze_all=listed == _ALL,
        sequence=int(found["seq"]),
        writer=found["by"],
    )


def is_writer_id(text: str) -> bool:
    """Whether `text` may stand in a fence as its writer: 1 to 32 of a-z, 0-9, dot, dash, underscore."""
    return _WRITER.fullmatch(text) is not None


def fence_owner(scope: str, zone: str) -> str:
    """Owner name of a scope's fence in a zone: one label, or a wildcard of the zone would stop answering."""
    return f"_holdfast-{scope}.{zone}"


assert HASH_LENGTH == 32, "the grammar above spells the hash length out"
