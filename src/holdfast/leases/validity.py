"""Whether a call makes sense at all, before it costs anything."""

from __future__ import annotations

import ipaddress

from holdfast.leases.tokens import believable
from holdfast.model.lease import Ask, Establish, Listing, Place, bad_holder, bad_word


def wrong(ask: Ask, *, epoch: int) -> str:
    """Why a call makes no sense, for its caller; empty if it does. `epoch` is that of our tokens."""
    why = bad_word(ask.role)
    if isinstance(ask, Listing):
        return why
    why = why or bad_word(ask.name) or bad_holder(ask.holder)
    if why:
        return why
    token = ask.above if isinstance(ask, Establish) else ask.token
    if not believable(token, epoch=epoch):
        return f"token {token} was not granted by this service, whatever its store has been through"
    return _wrong_place(ask.place) if isinstance(ask, Establish) and ask.place is not None else ""


def _wrong_place(place: Place) -> str:
    if not (0 < place.port < 65536 and 0 <= place.weight < 65536 and (place.a or place.aaaa)):
        return "a place has an address, a port from 1 to 65535 and a weight from 0 to 65535"
    for address, version in ((place.a, 4), (place.aaaa, 6)):
        if address is not None and not _is_address(address, version):
            return f"{address[:70]!r} is no IPv{version} address in its canonical form"
    return bad_word(place.label) if place.label else ""


def _is_address(text: str, version: int) -> bool:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return False
    return parsed.version == version and str(parsed) == text
