"""A name's records as RRsets: addresses with a weight above 0, and the weights where a server keeps them (R12)."""

from __future__ import annotations

from holdfast.model.records import TYPE_WEIGHT, NameRecords, RRset, Weighted
from holdfast.nameserver.weights import encode_weight


def render(records: NameRecords, *, weights: bool) -> tuple[RRset, ...]:
    """RRsets of a name, sorted by type. Weight 0 is absent everywhere; an empty RRset is absent.

    Without weights any weight above 0 is the same: present (`check` warns).
    """
    rrsets = [
        RRset(records.name, rtype, records.ttl, _addresses(weighted))
        for rtype, weighted in (("A", records.a), ("AAAA", records.aaaa))
        if _addresses(weighted)
    ]
    if weights:
        shares = tuple(sorted(encode_weight(w) for w in (*records.a, *records.aaaa) if w.weight > 0))
        if shares:
            rrsets.append(RRset(records.name, TYPE_WEIGHT, records.ttl, shares))
    return tuple(rrsets)


def _addresses(weighted: tuple[Weighted, ...]) -> tuple[str, ...]:
    return tuple(sorted({w.address for w in weighted if w.weight > 0}))
