"""Leases as values: what a holder asks for, what it was granted, and what of it is kept in the store.

A lease is known by its key `<role>/<name>`. Its *holder* is one run of one process (a new id with each start): so
the same host that comes back is another holder, and can't be confused with what it was.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_WORD: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")
_HOLDER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Place(msgspec.Struct, frozen=True):
    """Where the holder serves, if it serves: it becomes a target of groups whose targets come from leases."""

    port: int
    a: str | None = None
    aaaa: str | None = None
    label: str = ""
    """Zone or region, for velocity and spreading."""
    weight: int = 100


class Lease(msgspec.Struct, frozen=True):
    """A grant, as it lies in the store. Renewals don't touch it: they only move a deadline in memory."""

    role: str
    name: str
    holder: str
    token: int
    place: Place | None = None
    format: int = 1

    @property
    def key(self) -> str:
        """`<role>/<name>`."""
        return lease_key(self.role, self.name)


def lease_key(role: str, name: str) -> str:
    """Key of a lease."""
    return f"{role}/{name}"


def bad_word(value: str) -> str:
    """Why this can't be a role or the name of a lease; empty if it can."""
    if _WORD.fullmatch(value):
        return ""
    return f"{value[:70]!r} is not a name: 1 to 63 of a-z, 0-9, '.', '_', '-', with a letter or digit at both ends"


def bad_holder(value: str) -> str:
    """Why this can't be a holder's id; empty if it can."""
    if _HOLDER.fullmatch(value):
        return ""
    return f"{value[:70]!r} is not a holder's id: 1 to 64 of A-Z, a-z, 0-9, '.', '_', ':', '-'"
