"""Small scopes for the planner's tests: short names for long values."""

from __future__ import annotations

from holdfast.model.configuration import (
    Check,
    Configuration,
    EndpointConfig,
    GroupConfig,
    Limits,
    Mode,
    ProviderKind,
    StoredConfiguration,
    TargetConfig,
    ZoneConfig,
)
from holdfast.model.directives import Directives
from holdfast.model.identity import Identity
from holdfast.model.observation import Health, Verdict, Verdicts
from holdfast.model.plan import Plan
from holdfast.model.records import NameRecords
from holdfast.planner.situation import Situation, Standing

ZONE = "z.test"


def target(
    name: str, address: str, *, label: str = "l1", weight: int = 100, aaaa: str | None = None
) -> TargetConfig:
    """A target of weight 100 in label l1, unless told."""
    return TargetConfig(name=name, a=address, aaaa=aaaa, port=80, label=label, weight=weight)


def group(name: str, *targets: TargetConfig, floor: float = 0.0, fail_open: float = 0.0) -> GroupConfig:
    """A group without floors, unless told."""
    return GroupConfig(name=name, targets=targets, check=Check(), floor_share=floor, fail_open_share=fail_open)


def four(name: str = "g", *, floor: float = 0.0, fail_open: float = 0.0) -> GroupConfig:
    """Four targets of weight 100, two in each label."""
    return group(
        name,
        target("a", "192.0.2.1"),
        target("b", "192.0.2.2"),
        target("c", "192.0.2.3", label="l2"),
        target("d", "192.0.2.4", label="l2"),
        floor=floor,
        fail_open=fail_open,
    )


def stored(
    *groups: GroupConfig,
    names: tuple[tuple[str, str], ...] = (("www.z.test", "g"),),
    revision: int = 1,
    limits: Limits | None = None,
    prefixes: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    removed_addresses: tuple[str, ...] = (),
) -> StoredConfiguration:
    """A configuration; names are (name, group), their zone is what follows the first dot."""
    endpoints = tuple(sorted((n.split(".", 1)[1], n, g) for n, g in names))
    zones = sorted({ZONE, *(zone for zone, _, _ in endpoints)})
    configuration = Configuration(
        scope="s",
        mode=Mode.ENFORCE,
        zones=tuple(ZoneConfig(name=z, provider=ProviderKind.MEMORY, server="") for z in zones),
        groups=groups,
        endpoints=tuple(EndpointConfig(name=n, zone=z, group=g) for z, n, g in endpoints),
        probers=(),
        allowed_prefixes=prefixes,
        limits=Limits() if limits is None else limits,
    )
    return StoredConfiguration(
        revision=revision,
        origin="test",
        digest=str(revision),
        configuration=configuration,
        removed_by_word=removed,
        removed_addresses=removed_addresses,
    )


def verdicts(configuration: StoredConfiguration, **health: str) -> Verdicts:
    """HEALTHY for every target but those named: `g_a="unhealthy"` is target g/a."""
    keys = sorted(f"{g.name}/{t.name}" for g in configuration.configuration.groups for t in g.targets)
    word = {key.replace("_", "/", 1): Health(value) for key, value in health.items()}
    return Verdicts(tuple(Verdict(key, word.get(key, Health.HEALTHY), "2 of 3 say so") for key in keys))


def applied(plan: Plan | None, *zones: str) -> tuple[Standing, ...]:
    """Every zone stands at this plan."""
    identity: Identity | None = None if plan is None else plan.identity
    return tuple(Standing(zone, identity) for zone in sorted(zones or (ZONE,)))


def situation(
    configuration: StoredConfiguration,
    parent: Plan | None = None,
    *,
    judged: Verdicts | None = None,
    directives: Directives | None = None,
    standings: tuple[Standing, ...] | None = None,
    fired: frozenset[str] = frozenset(),
    rollback: Plan | None = None,
) -> Situation:
    """All healthy, the parent applied everywhere, no words, unless told."""
    zones = tuple(z.name for z in configuration.configuration.zones)
    return Situation(
        configuration=configuration,
        directives=Directives() if directives is None else directives,
        verdicts=verdicts(configuration) if judged is None else judged,
        observers=(),
        parent=parent,
        incarnation=1,
        standings=applied(parent, *zones) if standings is None else standings,
        fired=fired,
        rollback=rollback,
        planner="p1",
    )


def records(plan: Plan) -> dict[str, NameRecords]:
    """Records by name."""
    return {r.name: r for section in plan.sections for r in section.names}


def served(plan: Plan, name: str = "www.z.test") -> str:
    """What a name serves: last address parts with weight above 0, `1 2 3`; weights other than 100 shown."""
    r = records(plan)[name]
    return " ".join(
        w.address.rsplit(".", 1)[-1].rsplit(":", 1)[-1] + ("" if w.weight == 100 else f"*{w.weight}")
        for w in (*r.a, *r.aaaa)
        if w.weight > 0
    )
