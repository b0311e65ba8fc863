"""Weighted answers: weights kept beside the addresses in a private type, and an answer's order drawn by them.

A weight travels through standard UPDATE as `TYPE65280` at the owner name (`model.records`): `<weight as
u16><address bytes>`. An address without one counts with `WEIGHT_DEFAULT`, so that a foreign client's plain A
still answers. Weight 0 is absent from answers to the public; signed questions see everything.

The order is a weighted shuffle without replacement (Efraimidis and Spirakis): each place is drawn among those
left, in proportion to their weights. So the first address of many answers follows the weights exactly, which is
what a client that takes the first sees; and all are there, for a client that tries the next.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from holdfast.model.records import RRset, Weighted

WEIGHT_MAX: Final = 0xFFFF
WEIGHT_DEFAULT: Final = 1

T = TypeVar("T")


def encode_weight(weighted: Weighted) -> str:
    """Rdata of `TYPE65280` in the unknown-type form of RFC 3597.

    Raises:
        ValueError: no address, or a weight outside 0..65535.
    """
    if not 0 <= weighted.weight <= WEIGHT_MAX:
        raise ValueError(f"weight {weighted.weight} is not within 0..{WEIGHT_MAX}")
    data = weighted.weight.to_bytes(2, "big") + ipaddress.ip_address(weighted.address).packed
    return f"\\# {len(data)} {data.hex()}"


def decode_weight(rdata: str) -> Weighted | None:
    """A weight and its address; None when the rdata are not ours."""
    parts = rdata.split(" ", 2)
    try:
        data = bytes.fromhex(parts[2]) if parts[0] == "\\#" else b""
        return Weighted(str(ipaddress.ip_address(data[2:])), int.from_bytes(data[:2], "big"))
    except (ValueError, IndexError):
        return None


def weights_of(kept: RRset | None, addresses: Sequence[str]) -> tuple[int, ...]:
    """The weight of each address by the `TYPE65280` RRset beside it; without one, all alike.

    All zero would be an empty answer to everybody: then all count alike (I2 goes before weights).
    """
    known: dict[str, int] = {}
    for rdata in () if kept is None else kept.rdatas:
        weighted = decode_weight(rdata)
        if weighted is not None:
            known[weighted.address] = weighted.weight
    weights = tuple(known.get(_compressed(address), WEIGHT_DEFAULT) for address in addresses)
    return weights if any(weights) else (WEIGHT_DEFAULT,) * len(addresses)


def _compressed(address: str) -> str:
    return address if ":" not in address else str(ipaddress.ip_address(address))


def draw(items: Sequence[T], weights: Sequence[int], uniform: Callable[[], float], *, most: int) -> list[T]:
    """At most `most` items in weighted random order; `uniform` gives numbers in [0, 1). Weight 0 never comes."""
    if len(items) == 1:
        return list(items) if weights[0] > 0 else []
    # The smallest of exponential waiting times with rate w comes first with probability w / sum of w.
    waits = [(-math.log(1.0 - uniform()) / weight, place) for place, weight in enumerate(weights) if weight > 0]
    waits.sort()
    return [items[place] for _, place in waits[:most]]
