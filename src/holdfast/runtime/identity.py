"""Which process of a DNS server a connection has reached: `id.server CH TXT` (RFC 4892), asked on it first.

PowerDNS keeps updates apart by a lock of its process. Several processes on one PostgreSQL or MySQL database have
no such lock: two updates that ask for one fence are both answered NOERROR (figures: docs/facts/dns-fencing.md).
So with PowerDNS one address has to be one process, unless the configuration names those that updates may go to.

    `server_ids`   a connection reaches         updates
    none given     always the same id           go
    none given     a new id                     go: a restart under another name looks like this
    none given     an id again, after another   are refused until we start again: several share the address
    given          one of them                  go
    given          another, or one without id   are refused there; another connection is tried
"""

from __future__ import annotations

from typing import Final

import dns.exception
import dns.message
import dns.rdatatype

from holdfast.runtime.channel import Channel

CENSUS: Final = 8
"""Connections by which a start looks for several: two behind a balancer that draws stay unseen 1 time in 128."""
_QUESTION: Final = dns.message.make_query("id.server.", "TXT", "CH", flags=0).to_wire()


async def ask_identity(channel: Channel, *, timeout_s: float) -> str:
    """What the server at the other end calls itself; empty if it does not say.

    Raises:
        Broken: the connection.
    """
    (wire,) = await channel.exchange([lambda id_: id_.to_bytes(2, "big") + _QUESTION[2:]], timeout_s=timeout_s)
    try:
        message = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        return ""
    texts = [r for rrset in message.answer if rrset.rdtype == dns.rdatatype.TXT for r in rrset]
    return b"".join(texts[0].strings).decode("ascii", "replace") if texts else ""


class Watch:
    """The table at the top, for one address."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.wanted = wanted
        self._seen: list[str] = []
        self._several = ""

    def met(self, identity: str) -> str:
        """A new connection reached this process: why it can't be used; empty if it can."""
        if self.wanted:
            if identity in self.wanted:
                return ""
            return f"reached server {identity or '(without an id)'}, and server_ids has {', '.join(self.wanted)}"
        if identity and identity in self._seen[:-1] and identity != self._seen[-1]:
            self._several = several((self._seen[-1], identity))
        if identity and (not self._seen or identity != self._seen[-1]):
            self._seen.append(identity)
        return ""

    @property
    def refusal(self) -> str:
        """Why no update may be sent; empty if one may."""
        return self._several


def several(identities: tuple[str, ...]) -> str:
    """What is wrong with an address that several processes answer, and what to do."""
    return (
        f"several PowerDNS processes answer there ({', '.join(sorted(set(identities)))}): over one database their"
        " updates are not kept apart, and two enactors could both win; give the address of one process, or name it"
        " by server_ids in [[zone]] (docs/configuration.md)"
    )
