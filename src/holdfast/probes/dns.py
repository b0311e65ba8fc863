"""The DNS probe: one query over UDP, by TCP if truncated; well if it answers with at least one record."""

from __future__ import annotations

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from holdfast.model.configuration import Check
from holdfast.probes.outcome import NotWell, Outcome
from holdfast.probes.tcp import local_address


async def probe_dns(address: str, port: int, check: Check, source: str) -> Outcome:
    """Ask `check.query_name` (the root if empty) for `check.query_type`.

    Raises:
        NotWell: with the reason.
        OSError: when the query can't be sent.
    """
    name = check.query_name or "."
    bound = local_address(source, address)
    try:
        query = dns.message.make_query(name, check.query_type)
        reply, _ = await dns.asyncquery.udp_with_fallback(
            query, address, timeout=check.timeout_s, port=port, source=None if bound is None else bound[0]
        )
    except dns.exception.Timeout:
        raise NotWell(f"timeout after {check.timeout_s:g} s") from None
    except dns.exception.DNSException as error:
        raise NotWell(f"not a DNS reply: {str(error) or type(error).__name__}") from error
    if reply.rcode() != dns.rcode.NOERROR:
        raise NotWell(f"{dns.rcode.to_text(reply.rcode())} for {name} {check.query_type}, wanted NOERROR")
    wanted = dns.rdatatype.from_text(check.query_type)
    if not any(rrset.rdtype == wanted for rrset in reply.answer):
        raise NotWell(f"no {check.query_type} record of {name} in the answer")
    return Outcome(True, "answered")
