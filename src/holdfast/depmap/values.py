"""What a map holds: services, what they need, and where each statement came from."""

from __future__ import annotations

import enum

import msgspec


class Phase(enum.Enum):
    """When a need counts."""

    RUN = "run"
    """While it serves. It can start without."""
    BOOT = "boot"
    """To start. Once it serves it can go on without."""
    BOTH = "both"


class Basis(enum.Enum):
    """How well founded a statement is; a better one replaces a worse one."""

    ASSUMED = "assumed"
    """Nothing says so: the cautious reading of a bare edge."""
    INFERRED = "inferred"
    """Read from how calls went."""
    DECLARED = "declared"
    """A file for some other purpose says so."""
    SAID = "said"
    """The user's own map says so."""


RANK = {Basis.ASSUMED: 0, Basis.INFERRED: 1, Basis.DECLARED: 2, Basis.SAID: 3}


class Plane(enum.Enum):
    """What a service is for: serving users, or changing what serves them."""

    DATA = "data"
    CONTROL = "control"


class Evidence(msgspec.Struct, frozen=True, order=True):
    """Who says so: a source, a place in it, and what it says in words."""

    source: str
    where: str
    says: str


class Service(msgspec.Struct, frozen=True):
    """Something that is up or down. `weight` is its criticality (any unit); `start_s` how long a start takes."""

    name: str
    kind: str = "service"
    weight: float = 1.0
    plane: Plane = Plane.DATA
    owner: str = ""
    region: str = ""
    code: str = ""
    """What it runs, with its version: all that run the same can fall by one bug."""
    config: str = ""
    """Which configuration it has taken, with its version."""
    kept_by: str = ""
    """The automation that keeps it (for a DNS name: who writes its records)."""
    start_s: float = 1.0
    fails: bool = True
    """Whether it can fail by itself; a mere gate of a fault tree can't."""
    evidence: tuple[Evidence, ...] = ()


class Need(msgspec.Struct, frozen=True):
    """`of` needs `at_least` of the services in `on`. A soft need is known and takes nothing down."""

    of: str
    on: tuple[str, ...]
    at_least: int = 1
    hard: bool = True
    phase: Phase = Phase.RUN
    basis: Basis = Basis.DECLARED
    group: str = ""
    """Name of a k-of-n group; empty for a single dependency."""
    evidence: tuple[Evidence, ...] = ()


class Coverage(msgspec.Struct, frozen=True):
    """What one source contributed, and what in it could not be used."""

    source: str
    kind: str
    services: int
    dependencies: int
    lonely: int
    """Services of this source that it names no dependency for, in either direction."""
    warnings: tuple[str, ...] = ()


class Map(msgspec.Struct, frozen=True):
    """Services by name and their needs, both sorted."""

    services: tuple[Service, ...]
    needs: tuple[Need, ...]
    coverage: tuple[Coverage, ...] = ()
