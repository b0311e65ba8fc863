"""Tokens of callers: a file of ids, grants and digests, and the check of what a caller shows.

    # id      grants (comma-separated)               sha256 of the token
    ops       operate                                9f86d081884c7d65...
    host-1    lease:api/host-1,follow:group/zone-a   60303ae22b998861...

A token is `<id>.<43 random characters>`. Only its digest is kept: who reads the file can't show the token. A plain
SHA-256 does, as there are 256 random bits to guess (a password would need a slow hash). Several tokens of one
holder under different ids are how they are rotated: add the new one, hand it out, take the old one away.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

import msgspec

from holdfast.access.grants import BadGrant, Grant, Role, covers, parse_grant

_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NOBODY: Final = hashlib.sha256(b"").hexdigest()
KEY_ID: Final = "key"
"""Id of the one key that may do everything (`key_file`), in messages."""


class Token(msgspec.Struct, frozen=True):
    """Who a caller is, and what it may do."""

    id: str
    grants: tuple[Grant, ...]
    digest: str = ""
    """SHA-256 of what the caller shows, hex."""

    def may(self, role: Role, subject: str = "") -> bool:
        """Whether it may do that. No subject asks for all."""
        return covers(self.grants, role, subject)

    def refusal(self, role: Role, subject: str = "") -> str:
        """Why it may not, for the caller; empty if it may."""
        if self.may(role, subject):
            return ""
        has = ", ".join(map(str, self.grants)) or "nothing"
        return f"token `{self.id}` has {has}, and this needs {Grant(role, subject)}"


class BadTokens(ValueError):
    """Not a file of tokens; the text says which line, why, and what would be right."""


def parse_tokens(text: str) -> tuple[Token, ...]:
    """Read the file's text.

    Raises:
        BadTokens: with the line. A token itself is never in the text.
    """
    found: dict[str, Token] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        token = _token(words, f"line {number}")
        if token.id in found:
            raise BadTokens(f"line {number}: `{token.id}` stands there twice; ids are different")
        found[token.id] = token
    return tuple(found.values())


def _token(words: list[str], where: str) -> Token:
    if len(words) != 3:
        raise BadTokens(f"{where}: {len(words)} words, not 3: an id, grants, and the token's sha256")
    id_, grants, digest = words
    if not _ID.fullmatch(id_) or id_ == KEY_ID:
        raise BadTokens(
            f"{where}: the first word is no id: 1 to 63 of a-z, 0-9, dot, dash, underscore; not `{KEY_ID}`"
        )
    if not _DIGEST.fullmatch(digest):
        raise BadTokens(f"{where}: the third word is no sha256 (64 of 0-9, a-f); `holdfast tokens new` writes it")
    try:
        return Token(id_, tuple(sorted({parse_grant(one) for one in grants.split(",")}, key=str)), digest)
    except BadGrant as error:
        raise BadTokens(f"{where}: {error}") from error


def digest(shown: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(shown.encode()).hexdigest()


def line(id_: str, grants: tuple[Grant, ...], shown: str) -> str:
    """The line of the file for a token.

    Raises:
        BadTokens: the id is none.
    """
    words = [id_, ",".join(sorted(map(str, grants))), digest(shown)]
    _token(words, "this token")
    return f"{words[0]:<16} {words[1]:<32} {words[2]}\n"


def the_key(key: str) -> Token:
    """The one key of a service that may do everything."""
    return Token(KEY_ID, (Grant(Role.OPERATE),), digest(key))


def find(tokens: dict[str, Token], shown: str) -> Token | None:
    """Whose token this is; None if nobody's. `tokens` by id.

    The id is no secret and is looked up; the rest is compared in constant time, also for an id that is not there.
    """
    if len(shown) < 1:
        return None
    id_ = shown.rpartition(".")[0]
    candidate = tokens.get(id_) or tokens.get(KEY_ID)
    same = hmac.compare_digest(digest(shown), candidate.digest if candidate else _NOBODY)
    return candidate if same else None
