"""The kill switch's values: what a freeze covers, and by whom and why it was set (R8)."""

from __future__ import annotations

import fnmatch

import msgspec


class Selector(msgspec.Struct, frozen=True):
    """What a freeze covers: a glob over zones and a glob over names; both `*` is the whole scope."""

    zone: str = "*"
    name: str = "*"

    def covers_zone(self, zone: str) -> bool:
        """Whether anything in `zone` is covered: then the zone's fence carries the freeze's id."""
        return fnmatch.fnmatchcase(zone, self.zone)

    def covers(self, zone: str, name: str) -> bool:
        """Whether writes to `name` in `zone` are forbidden."""
        return self.covers_zone(zone) and fnmatch.fnmatchcase(name, self.name)

    def __str__(self) -> str:
        if self.zone == "*" and self.name == "*":
            return "scope"
        return f"zone {self.zone}" if self.name == "*" else f"name {self.name} in zone {self.zone}"


class Freeze(msgspec.Struct, frozen=True):
    """A freeze as the store and every enactor's disk keep it.

    `until_s` is Unix time for the *timer of the service* that then thaws it; writers never read it (R8).
    """

    id: str
    selector: Selector
    reason: str
    by: str
    until_s: int | None = None
