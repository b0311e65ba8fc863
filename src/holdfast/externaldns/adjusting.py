"""`/adjustendpoints`: wished records in the form in which they are kept, so that ExternalDNS sees no change. Pure.

can't be kept, and the name is not kept     left out; said
can't be kept, and the name is kept         what is kept stands in its place: the wish would empty the name
                                            (an ingress whose balancer got a host name: A goes, CNAME comes)
A and AAAA of a name with different TTLs    the lower one
without a TTL                               the one that is kept, else that of the policy
provider-specific properties                left out: none is kept, and ExternalDNS compares them
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from holdfast.externaldns.contract import Endpoint
from holdfast.externaldns.rules import FAMILIES, Served, addresses_of, is_mark, name_of, refused
from holdfast.model.external import ClusterName, ClusterNames


class LeftOut(msgspec.Struct, frozen=True):
    """A record that is not kept, and why."""

    name: str
    rtype: str
    why: str


class Adjusted(msgspec.Struct, frozen=True):
    """What to plan with."""

    endpoints: tuple[Endpoint, ...]
    left_out: tuple[LeftOut, ...] = ()


def adjust(wished: Iterable[Endpoint], kept: ClusterNames, rules: Served) -> Adjusted:
    """The table at the top. Applied to its own result it changes nothing."""
    good: list[Endpoint] = []
    left: list[LeftOut] = []
    lost: list[Endpoint] = []
    for endpoint in wished:
        why = "" if is_mark(endpoint) else refused(endpoint, rules)
        if why:
            left.append(LeftOut(name_of(endpoint), endpoint.record_type, why))
            lost.append(endpoint)
        else:
            good.append(endpoint)
    ttls = _ttls(good, {n.name: n.ttl for n in kept.present}, rules.policy.ttl)
    adjusted = [_adjusted(endpoint, ttls) for endpoint in good]
    return Adjusted((*adjusted, *_standing(lost, good, kept)), tuple(left))


def _ttls(endpoints: Iterable[Endpoint], kept: dict[str, int], default: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for endpoint in endpoints:
        if endpoint.record_type in FAMILIES and endpoint.record_ttl:
            name = name_of(endpoint)
            found[name] = min(endpoint.record_ttl, found.get(name, endpoint.record_ttl))
    names = {name_of(e) for e in endpoints}
    return {name: found.get(name) or kept.get(name, default) for name in names}


def _adjusted(endpoint: Endpoint, ttls: dict[str, int]) -> Endpoint:
    if endpoint.record_type not in FAMILIES:
        return endpoint
    name = name_of(endpoint)
    return msgspec.structs.replace(
        endpoint, dns_name=name, targets=addresses_of(endpoint), record_ttl=ttls[name], provider_specific=None
    )


def _standing(lost: Iterable[Endpoint], good: Iterable[Endpoint], kept: ClusterNames) -> Iterator[Endpoint]:
    wished = {name_of(e) for e in good}
    names = {n.name: n for n in kept.present}
    for endpoint in {name_of(e): e for e in lost}.values():
        name = name_of(endpoint)
        if name in names and name not in wished:
            for found in endpoints_of(names[name]):
                yield msgspec.structs.replace(found, labels=endpoint.labels)


def endpoints_of(name: ClusterName) -> Iterator[Endpoint]:
    """A kept name as records."""
    for rtype, addresses in (("A", name.a), ("AAAA", name.aaaa)):
        if addresses:
            yield Endpoint(dns_name=name.name, targets=addresses, record_type=rtype, record_ttl=name.ttl)


def records(kept: ClusterNames, rules: Served) -> tuple[Endpoint, ...]:
    """What `GET /records` answers: names that nobody asked to delete, and the marks as they were written."""
    found = [e for name in kept.present if not rules.refuses_name(name.name) for e in endpoints_of(name)]
    marks = (
        Endpoint(dns_name=m.name, targets=(m.text,), record_type="TXT", record_ttl=m.ttl)
        for m in kept.marks
        if not rules.refuses_name(m.of or m.name)
    )
    return (*found, *marks)
