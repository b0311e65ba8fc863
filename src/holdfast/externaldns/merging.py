"""Clusters' names as endpoints and groups of the configuration. Pure.

A name is a group of its own, each address a target, with the check, floors and shares of the policy: from here on
it is a name like any other, through planner, fence and guardrails. A name whose deletion was asked for stays
until it is retired.
"""

from __future__ import annotations

import msgspec

from holdfast.config.apply import with_policy
from holdfast.externaldns.rules import Served, served
from holdfast.model.configuration import (
    Configuration,
    EndpointConfig,
    GroupConfig,
    StoredConfiguration,
    TargetConfig,
)
from holdfast.model.external import SOURCE, ClusterName, ClusterNames

WEIGHT = 100
LABEL = "default"


def merged(configuration: Configuration, names: ClusterNames) -> Configuration:
    """The configuration with the clusters' names as the document has them; the file's own stay as they are."""
    rules = served(configuration)
    kept = () if rules is None else tuple(n for n in names.names if not rules.refuses_name(n.name))
    endpoints = [e for e in configuration.endpoints if e.source != SOURCE]
    groups = [g for g in configuration.groups if g.source != SOURCE]
    taken = {g.name for g in groups}
    for name in kept:
        assert rules is not None, "without a policy no name is kept"
        if name.name not in taken:
            endpoints.append(_endpoint(name, rules))
            groups.append(_group(name, rules))
    return msgspec.structs.replace(
        configuration,
        endpoints=tuple(sorted(endpoints, key=lambda e: (e.name, e.zone))),
        groups=tuple(sorted(groups, key=lambda g: g.name)),
    )


def stored_with(stored: StoredConfiguration, names: ClusterNames) -> StoredConfiguration | None:
    """The next revision of the configuration document; None if nothing in it changes."""
    after = merged(stored.configuration, names)
    if after == stored.configuration:
        return None
    return msgspec.structs.replace(
        stored, revision=stored.revision + 1, applied=stored.of_file, configuration=after
    )


def _endpoint(name: ClusterName, rules: Served) -> EndpointConfig:
    return EndpointConfig(
        name=name.name, zone=rules.zone_of(name.name), group=name.name, ttl=name.ttl, source=SOURCE
    )


def _group(name: ClusterName, rules: Served) -> GroupConfig:
    targets = (*(_target(a, a, None) for a in name.a), *(_target(_v6_name(a), None, a) for a in name.aaaa))
    targets = tuple(sorted(targets, key=lambda t: t.name))
    return with_policy(GroupConfig(name.name, targets, rules.policy.check, source=SOURCE), rules.policy)


def _target(name: str, a: str | None, aaaa: str | None) -> TargetConfig:
    return TargetConfig(name=name, a=a, aaaa=aaaa, port=0, label=LABEL, weight=WEIGHT)


def _v6_name(address: str) -> str:
    """As `import` names it."""
    return f"v6-{address.replace(':', '-')}"
