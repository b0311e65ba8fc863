"""A name's records as RRsets: addresses with a weight above 0, and the weights where a server keeps them (R12)."""

from __future__ import annotations

from functools import lru_cache

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
        shares = _shares((*records.a, *records.aaaa))
        if shares:
            rrsets.append(RRset(records.name, TYPE_WEIGHT, records.ttl, shares))
    return tuple(rrsets)


# Names of a group have the same targets: an enactor renders 10,000 names on each pass, and finds them here.


@lru_cache(maxsize=4096)
def _shares(weighted: tuple[Weighted, ...]) -> tuple[str, ...]:
    return tuple(sorted(encode_weight(w) for w in weighted if w.weight > 0))


@lru_cache(maxsize=4096)
def _addresses(weighted: tuple[Weighted, ...]) -> tuple[str, ...]:
    return tuple(sorted({w.address for w in weighted if w.weight > 0}))
