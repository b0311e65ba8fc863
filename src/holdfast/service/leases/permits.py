"""Which token may make which call. Pure: one table for leases, one for configuration documents.

establish, renew, release    lease over ROLE/NAME
list                         read over ROLE, or lease over it
publish                      publish over the document's selector
poll                         follow over each selector that the host names (access/grants.py)
status                       read over `config`
"""

from __future__ import annotations

from holdfast.access.grants import Role, follows
from holdfast.access.tokens import Token
from holdfast.model import delivery
from holdfast.model.lease import Ask, Listing, lease_key


def lease_refusal(caller: Token, ask: Ask) -> str:
    """Why this call is not permitted; empty if it is."""
    if isinstance(ask, Listing):
        return "" if caller.may(Role.LEASE, ask.role) else caller.refusal(Role.READ, ask.role)
    return caller.refusal(Role.LEASE, lease_key(ask.role, ask.name))


def delivery_refusal(caller: Token, ask: delivery.Ask) -> str:
    """Why this call is not permitted; empty if it is."""
    match ask:
        case delivery.Publish():
            return caller.refusal(Role.PUBLISH, ask.selector)
        case delivery.Poll(host=host):
            missing = follows(caller.grants, name=host.name, role=host.role, group=host.group)
            return caller.refusal(Role.FOLLOW, missing) if missing else ""
        case delivery.Status():
            return caller.refusal(Role.READ, "config")
