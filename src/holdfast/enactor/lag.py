"""R18: after a write every name server of the zone is asked for the fence; one that lags is an event.

The primary's order is the order of the protocol; secondaries only follow, and a client may ask any of them.
"""

from __future__ import annotations

from holdfast.model.fence import fence_owner, parse_fence
from holdfast.model.identity import Identity
from holdfast.ports.dns import Ask, Servers
from holdfast.ports.operation import CouldNotAsk


async def laggards(zone: str, scope: str, written: Identity) -> tuple[str, ...]:
    """Servers that do not show the written identity or a newer one, each with what it shows; sorted."""
    servers = await Servers(zone)
    if isinstance(servers, CouldNotAsk):
        return ()
    found: list[str] = []
    for server in servers:
        answer = await Ask(zone=zone, name=fence_owner(scope, zone), rtype="TXT", server=server)
        if isinstance(answer, CouldNotAsk):
            found.append(f"{server} does not answer ({answer.reason})")
            continue
        texts = () if answer.rrset is None else answer.rrset.rdatas
        fences = [f for f in (parse_fence(t.strip('"')) for t in texts) if f is not None]
        if len(fences) != 1:
            found.append(f"{server} has no fence")
        elif fences[0].identity < written:
            found.append(f"{server} is at {fences[0].identity}")
    return tuple(sorted(found))
