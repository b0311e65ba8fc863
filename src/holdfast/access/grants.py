"""What a token may do: a role, and what of it.

    role      may                                                    subject (without one: all)
    read      look: who holds leases, how far hosts are, metrics     ROLE of leases, `config`, `metrics`
    lease     establish, renew, release; follow as that host         ROLE or ROLE/NAME
    follow    take configuration documents                           host/NAME, role/NAME, group/NAME
    publish   publish and remove configuration documents             all, host/NAME, role/NAME, group/NAME
    records   change names by the webhook                            a domain: itself and everything below it
    operate   all of the above                                       -

Written `lease`, `lease:api/host-1`, `records:shop.example`. Pure.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import Final

import msgspec

_SUBJECT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?")


class Role(enum.Enum):
    """See the module."""

    READ = "read"
    LEASE = "lease"
    FOLLOW = "follow"
    PUBLISH = "publish"
    RECORDS = "records"
    OPERATE = "operate"


class Grant(msgspec.Struct, frozen=True):
    """A role over a subject; an empty subject is all."""

    role: Role
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.role.value}:{self.subject}" if self.subject else self.role.value


class BadGrant(ValueError):
    """Not a grant; the text says why, and what would be one."""


def parse_grant(text: str) -> Grant:
    """Read a grant.

    Raises:
        BadGrant: with what would be right.
    """
    word, colon, subject = text.partition(":")
    roles = {role.value: role for role in Role}
    if word not in roles:
        raise BadGrant(f"`{word}` is no role: one of {', '.join(roles)}")
    if colon and not _SUBJECT.fullmatch(subject):
        raise BadGrant(f"`{subject}` in `{text}` is nothing that a grant is over: such as lease:api/host-1")
    if colon and roles[word] is Role.OPERATE:
        raise BadGrant(f"`{text}`: operate is over everything, write it without a subject")
    return Grant(roles[word], subject)


def covers(grants: Iterable[Grant], role: Role, subject: str = "") -> bool:
    """Whether one of these grants allows `role` over `subject`. No subject asks for all."""
    return any(_covers(grant, role, subject) for grant in grants)


def _covers(grant: Grant, role: Role, subject: str) -> bool:
    if grant.role is Role.OPERATE:
        return True
    if grant.role is not role:
        return False
    if not grant.subject or grant.subject == subject:
        return True
    if role is Role.RECORDS:
        return subject.endswith(f".{grant.subject}")
    return role is Role.LEASE and subject.startswith(f"{grant.subject}/")


def follows(grants: Iterable[Grant], *, name: str, role: str, group: str) -> str:
    """What a host would follow without a grant for it; empty if it may follow all that it names.

    A lease's token is enough for its own host and role: an agent needs one token.
    """
    held = tuple(grants)
    wanted = [f"host/{name}", *([f"role/{role}"] if role else []), *([f"group/{group}"] if group else [])]
    by_lease = covers(held, Role.LEASE, f"{role}/{name}")
    for selector in wanted:
        leased = by_lease and not selector.startswith("group/")
        if not (leased or covers(held, Role.FOLLOW, selector)):
            return selector
    return ""
