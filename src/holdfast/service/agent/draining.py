"""Waiting until DNS does not lead here any more: asked at a name server of the zone, not guessed from a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import dns.asyncquery
import dns.exception
import dns.message
import dns.rdatatype

from holdfast.config import names
from holdfast.model.lease import Place
from holdfast.service.agent.file import Drain

ASK_EVERY_S = 1.0
ASK_S = 3.0


async def leads_here(drain: Drain, place: Place) -> str:
    """The first of the names that is still answered with our address; empty if none is.

    A server that does not answer counts as still leading here: who can't know stays.
    """
    host, port = names.split_endpoint(drain.dns)
    for name in drain.names:
        for rdtype, address in (("A", place.a), ("AAAA", place.aaaa)):
            if address is None:
                continue
            try:
                reply = await dns.asyncquery.udp_with_fallback(
                    dns.message.make_query(name, rdtype), host, port=port or 53, timeout=ASK_S
                )
            except (dns.exception.DNSException, OSError) as error:
                return f"{name} (the name server does not answer: {type(error).__name__})"
            if any(item.to_text() == address for rrset in reply[0].answer for item in rrset):
                return name
    return ""


async def wait_until_out(drain: Drain, place: Place, *, say: Callable[[str], None]) -> bool:
    """Wait until no name leads here, and a little longer; False if `at_most_s` ended first."""
    if not drain.names:
        say(f"no names to ask for: waits {drain.linger_s:g} s")
        await asyncio.sleep(min(drain.linger_s, drain.at_most_s))
        return True
    told = ""
    try:
        async with asyncio.timeout(drain.at_most_s):
            while still := await leads_here(drain, place):
                if still != told:
                    told = still
                    say(f"still leads here: {still}")
                await asyncio.sleep(ASK_EVERY_S)
    except TimeoutError:
        say(f"gives up after {drain.at_most_s:g} s: {told} still leads here; velocity or a floor holds it back")
        return False
    say(f"no name leads here any more; waits {drain.linger_s:g} s for those that remember the old answer")
    await asyncio.sleep(drain.linger_s)
    return True
