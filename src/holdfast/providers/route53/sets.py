"""A name's RRsets as Route 53's record sets, and back (R12). Pure.

    answers      record sets of a name and type                         what a resolver is given
    -----------  -----------------------------------------------------  ------------------------------------------
    simple       one, with all addresses                                all addresses
    multivalue   one for each address, MultiValueAnswer                 up to eight of them
    weighted     one for each address, Weight, SetIdentifier = address  one of them, in proportion to its weight

Weights stand beside the addresses as `TYPE65280`, as on the embedded server, though no such record exists here:
the enactor counts capacity by it. A record set that is not as `answers` wants it (another routing policy, several
TTLs, a weight of 0) reads back with `TTL_ODD`, which no plan has: so it differs from any plan, its addresses are
still counted as served, and it is written anew.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import msgspec

from holdfast.model.configuration import Answers
from holdfast.model.records import TYPE_WEIGHT, NameRecords, RRset, Weighted
from holdfast.nameserver.weights import WEIGHT_DEFAULT, decode_weight, encode_weight
from holdfast.ports.route53 import RecordSet
from holdfast.providers.rendering import render

ADDRESS_TYPES: Final = ("A", "AAAA")
TTL_ODD: Final = -1
WEIGHT_MAX: Final = 255
SETS_MAX: Final = 100
"""Weighted or multivalue record sets of one name and type."""
VALUES_MAX: Final = 400
"""Values in one simple record set."""


def rendered(records: NameRecords, answers: Answers) -> tuple[RRset, ...]:
    """A name's RRsets; weights above 255 are cut to it (`check` refuses them)."""
    if answers is not Answers.WEIGHTED:
        return render(records, weights=False)
    fitting = msgspec.structs.replace(records, a=_fitting(records.a), aaaa=_fitting(records.aaaa))
    return render(fitting, weights=True)


def _fitting(weighted: tuple[Weighted, ...]) -> tuple[Weighted, ...]:
    return tuple(Weighted(w.address, min(w.weight, WEIGHT_MAX)) for w in weighted)


def count_max(answers: Answers) -> int:
    """Addresses of one family that a name can have."""
    return VALUES_MAX if answers is Answers.SIMPLE else SETS_MAX


def to_sets(rrsets: tuple[RRset, ...], answers: Answers) -> tuple[RecordSet, ...]:
    """The record sets that one name's RRsets mean."""
    weights = _weights(rrsets)
    found: list[RecordSet] = []
    for rrset in rrsets:
        if rrset.rtype not in ADDRESS_TYPES:
            continue
        plain = RecordSet(rrset.name, rrset.rtype, rrset.ttl, rrset.rdatas)
        if answers is Answers.SIMPLE:
            found.append(plain)
            continue
        for address in rrset.rdatas:
            weight = weights.get(address, WEIGHT_DEFAULT) if answers is Answers.WEIGHTED else None
            found.append(
                msgspec.structs.replace(
                    plain, values=(address,), identifier=address, weight=weight, multivalue=weight is None
                )
            )
    return tuple(found)


def to_rrsets(sets: tuple[RecordSet, ...], answers: Answers) -> tuple[RRset, ...]:
    """What the record sets of one name show, sorted by type; sets of other types are passed over."""
    found = [_shown(kind, answers) for rtype in ADDRESS_TYPES if (kind := _of_type(sets, rtype))]
    weights = tuple(
        sorted(
            {
                encode_weight(Weighted(address, s.weight))
                for s in sets
                if s.rtype in ADDRESS_TYPES and s.weight is not None
                for address in addresses(s)
            }
        )
    )
    if answers is Answers.WEIGHTED and weights:
        ttls = {rrset.ttl for rrset in found}
        found.append(RRset(sets[0].name, TYPE_WEIGHT, ttls.pop() if len(ttls) == 1 else TTL_ODD, weights))
    return tuple(found)


def _of_type(sets: tuple[RecordSet, ...], rtype: str) -> tuple[RecordSet, ...]:
    return tuple(s for s in sets if s.rtype == rtype)


def _shown(sets: tuple[RecordSet, ...], answers: Answers) -> RRset:
    one = sets[0]
    regular = len({s.ttl for s in sets}) == 1 and all(_regular(s, answers) for s in sets)
    shown = tuple(sorted({address for s in sets for address in addresses(s)}))
    return RRset(one.name, one.rtype, one.ttl if regular else TTL_ODD, shown)


def _regular(one: RecordSet, answers: Answers) -> bool:
    """Whether a set is as holdfast would have written it."""
    match answers:
        case Answers.SIMPLE:
            return not one.identifier
        case Answers.MULTIVALUE:
            return one.multivalue and addresses(one) == (one.identifier,)
        case Answers.WEIGHTED:
            return bool(one.weight) and addresses(one) == (one.identifier,)


def addresses(one: RecordSet) -> tuple[str, ...]:
    """The values of a set in canonical form; what is no address is left as it is."""
    return tuple(sorted(_canonical(value) for value in one.values))


def _canonical(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return value


def _weights(rrsets: tuple[RRset, ...]) -> dict[str, int]:
    kept = [decode_weight(rdata) for r in rrsets if r.rtype == TYPE_WEIGHT for rdata in r.rdatas]
    return {w.address: w.weight for w in kept if w is not None}
