"""`doctor NAME`: what a name's DNS would do to its clients on a bad day. Needs no configuration, changes nothing.

    name --SOA, walking up--> zone --NS, addresses--> every name server --UDP and TCP--> evidence --> findings

With `server` that server is asked about everything, without recursion, and the zone's other name servers on the
same port; else a resolver finds the zone, and its name servers are asked on port 53 (or `port`).
"""

from __future__ import annotations

import asyncio
import secrets

import msgspec

from holdfast.config import names
from holdfast.model.fence import fence_owner, parse_fence
from holdfast.service.doctor_asking import NoReply, Place, Reply, Soa, ask, ask_fully, system_resolvers
from holdfast.service.doctor_findings import judge
from holdfast.service.doctor_report import (
    EXIT_TROUBLE,
    EXIT_USAGE,
    Answered,
    CannotExamine,
    DoctorReport,
    Evidence,
    FenceSeen,
    Hop,
    ServerSeen,
)

DNS_PORT = 53
HOPS_MAX = 8
SCOPES_GUESSED = ("holdfast", "imported", "default")


class _Guide(msgspec.Struct, frozen=True):
    """Whom to ask about anything, and where the zone's name servers listen."""

    places: tuple[Place, ...]
    recursion: bool
    port: int
    timeout_s: float

    async def ask(self, name: str, rtype: str) -> Reply | NoReply:
        return await ask_fully(self.places, name, rtype, recursion=self.recursion, timeout_s=self.timeout_s)

    def __str__(self) -> str:
        return ", ".join(str(p) for p in self.places)


async def examine(
    name: str,
    *,
    server: str = "",
    resolver: str = "",
    port: int | None = None,
    scopes: tuple[str, ...] = (),
    timeout_s: float = 3.0,
) -> DoctorReport | CannotExamine:
    """Examine a name. `scopes` are further scopes to look for a fence of; each question waits `timeout_s`."""
    domain = names.domain(name)
    if domain is None:
        return CannotExamine(f"`{name}` is no DNS name, such as www.example.org", EXIT_USAGE)
    guide = _guide(server, resolver, port, timeout_s)
    if isinstance(guide, CannotExamine):
        return guide
    soa = await _zone_of(guide, domain)
    if isinstance(soa, CannotExamine):
        return soa
    listed, without_address = await _name_servers(guide, soa.zone)
    if not guide.recursion:
        listed = (*listed, *((str(p), p) for p in guide.places if p not in [place for _, place in listed]))
    if not listed:
        text = (
            f"zone {soa.zone} has no name server with an address: {', '.join(without_address) or 'no NS records'}"
        )
        return CannotExamine(text, EXIT_TROUBLE)
    seen = await asyncio.gather(*(_see(label, place, domain, soa.zone, timeout_s) for label, place in listed))
    source = _best_source(guide, listed, seen)
    # A negative answer may carry a shortened TTL, and a resolver counts it down: the zone's own server knows.
    own = await source.ask(soa.zone, "SOA")
    if isinstance(own, Reply) and own.soa is not None and own.soa.zone == soa.zone:
        soa = own.soa
    chain = await _aliases(guide, source, domain, seen)
    asked = _scopes(domain, soa.zone, scopes)
    evidence = Evidence(
        name=domain,
        zone=soa.zone,
        soa_ttl=soa.ttl,
        soa_minimum=soa.minimum,
        servers=tuple(seen),
        without_address=without_address,
        hops=chain.hops,
        end=chain.end,
        end_ttl=chain.end_ttl,
        hops_end=chain.broken,
        wildcard=await _wildcard(source, domain, soa.zone),
        fences=await _fences(source, soa.zone, asked),
        scopes_asked=asked,
    )
    return judge(evidence)


def _guide(server: str, resolver: str, port: int | None, timeout_s: float) -> _Guide | CannotExamine:
    if server and resolver:
        return CannotExamine("--server and --resolver are both given: keep one", EXIT_USAGE)
    written = server or resolver
    if written:
        host, asked_port = names.split_endpoint(written, DNS_PORT)
        if not (names.address(host, 4) or names.address(host, 6)) or not 1 <= (asked_port or 0) <= 65535:
            return CannotExamine(f'`{written}` is no address and port, such as "192.0.2.53:53"', EXIT_USAGE)
        place = Place(host, asked_port or DNS_PORT)
        default = place.port if server else DNS_PORT
        return _Guide((place,), recursion=not server, port=port or default, timeout_s=timeout_s)
    places = system_resolvers()
    if isinstance(places, NoReply):
        return CannotExamine(f"{places.reason}; name one with --resolver or --server ADDRESS:PORT", EXIT_TROUBLE)
    return _Guide(places, recursion=True, port=port or DNS_PORT, timeout_s=timeout_s)


async def _zone_of(guide: _Guide, name: str) -> Soa | CannotExamine:
    """The SOA of the zone that a name lies in: its own, or that of the closest ancestor which has one."""
    labels = name.split(".")
    said: list[str] = []
    for depth in range(len(labels)):
        candidate = ".".join(labels[depth:])
        reply = await guide.ask(candidate, "SOA")
        if isinstance(reply, NoReply):
            return CannotExamine(f"{guide} does not answer: {reply.reason}", EXIT_TROUBLE)
        believed = reply.rcode in ("NOERROR", "NXDOMAIN") and (guide.recursion or reply.authoritative)
        # The zone of an alias' *target* may stand in the same answer: only an ancestor of the name counts.
        if believed and reply.soa is not None and names.within(candidate, reply.soa.zone) and reply.soa.zone:
            return reply.soa
        said.append(reply.rcode if believed or guide.recursion else f"{reply.rcode} without authority")
    what = ", ".join(dict.fromkeys(said))
    return CannotExamine(f"no zone found for {name}: {guide} answers {what}; is the name right?", EXIT_TROUBLE)


async def _name_servers(guide: _Guide, zone: str) -> tuple[tuple[tuple[str, Place], ...], tuple[str, ...]]:
    """Name servers of a zone with their addresses, and those that have none."""
    reply = await guide.ask(zone, "NS")
    found = reply.find(zone, "NS") if isinstance(reply, Reply) else None
    listed: list[tuple[str, Place]] = []
    without: list[str] = []
    for server in () if found is None else found.rdatas:
        addresses: list[str] = []
        for rtype in ("A", "AAAA"):
            answer = await guide.ask(server, rtype)
            rrset = answer.find(server, rtype) if isinstance(answer, Reply) else None
            addresses += () if rrset is None else rrset.rdatas
        listed += [(server, Place(address, guide.port)) for address in addresses]
        if not addresses:
            without.append(server)
    return tuple(listed), tuple(without)


async def _see(label: str, place: Place, name: str, zone: str, timeout_s: float) -> ServerSeen:
    """Everything from one server: SOA, and both families by both transports."""
    questions = [(zone, "SOA", False), *((name, rtype, tcp) for rtype in ("A", "AAAA") for tcp in (False, True))]
    replies = await asyncio.gather(
        *(ask(place, n, rtype, tcp=tcp, recursion=False, timeout_s=timeout_s) for n, rtype, tcp in questions)
    )
    soa, *answers = (_answered(n, rtype, tcp, r) for (n, rtype, tcp), r in zip(questions, replies, strict=True))
    first = replies[0]
    own = isinstance(first, Reply) and first.soa is not None and first.soa.zone == zone and first.find(zone, "SOA")
    serial = first.soa.serial if own and isinstance(first, Reply) and first.soa is not None else None
    return ServerSeen(name=label, address=str(place), serial=serial, soa=soa, answers=tuple(answers))


def _answered(name: str, rtype: str, tcp: bool, reply: Reply | NoReply) -> Answered:
    if isinstance(reply, NoReply):
        return Answered(rtype, tcp, failure=reply.reason)
    own, alias = reply.find(name, rtype), reply.find(name, "CNAME")
    return Answered(
        rtype=rtype,
        tcp=tcp,
        rcode=reply.rcode,
        authoritative=reply.authoritative,
        truncated=reply.truncated,
        addresses=() if own is None or rtype == "SOA" else own.rdatas,
        ttl=None if own is None else own.ttl,
        alias="" if alias is None else alias.rdatas[0],
    )


def _best_source(guide: _Guide, listed: tuple[tuple[str, Place], ...], seen: list[ServerSeen]) -> _Guide:
    """The name servers that serve the zone, to ask them the rest; the guide itself if there is none."""
    good = tuple(place for (_, place), server in zip(listed, seen, strict=True) if server.serial is not None)
    return _Guide(good, recursion=False, port=guide.port, timeout_s=guide.timeout_s) if good else guide


class _Chain(msgspec.Struct, frozen=True):
    hops: tuple[Hop, ...] = ()
    end: tuple[str, ...] = ()
    end_ttl: int = 0
    broken: str = ""


async def _aliases(guide: _Guide, source: _Guide, name: str, seen: list[ServerSeen]) -> _Chain:
    """Follow a chain of aliases to its end."""
    if not any(answer.alias for server in seen for answer in server.answers):
        return _Chain()
    hops: list[Hop] = []
    at = name
    while len(hops) < HOPS_MAX:
        # Out of the zone its own servers know nothing of a name; the guide may.
        asked = [await source.ask(at, "A"), *([await guide.ask(at, "A")] if source is not guide else [])]
        aliases = [reply.find(at, "CNAME") for reply in asked if isinstance(reply, Reply)]
        alias = next((a for a in aliases if a is not None), None)
        if alias is None:
            return await _chain_end(guide, at, tuple(hops), asked[-1])
        hops.append(Hop(owner=at, target=alias.rdatas[0], ttl=alias.ttl))
        at = alias.rdatas[0]
        if any(hop.owner == at for hop in hops):
            return _Chain(tuple(hops), broken=f"the alias leads back to {at}")
    return _Chain(tuple(hops), broken=f"the alias goes on after {HOPS_MAX} names")


async def _chain_end(guide: _Guide, at: str, hops: tuple[Hop, ...], four: Reply | NoReply) -> _Chain:
    """The addresses at the end of a chain, or why there are none; neither if nobody here can know."""
    six = await guide.ask(at, "AAAA")
    sets = [reply.find(at, rtype) for reply, rtype in ((four, "A"), (six, "AAAA")) if isinstance(reply, Reply)]
    found = [rrset for rrset in sets if rrset is not None]
    if found:
        addresses = tuple(address for rrset in found for address in rrset.rdatas)
        return _Chain(hops, end=addresses, end_ttl=max(rrset.ttl for rrset in found))
    if isinstance(four, NoReply) or (not guide.recursion and not four.authoritative):
        return _Chain(hops)
    what = "does not exist" if four.rcode == "NXDOMAIN" else f"has no addresses ({four.rcode})"
    return _Chain(hops, broken=f"the alias ends at {at}, which {what}")


async def _wildcard(source: _Guide, name: str, zone: str) -> tuple[str, ...]:
    """What a sibling that nobody can have made is answered with."""
    parent = name.partition(".")[2] if name != zone else zone
    sibling = f"holdfast-doctor-{secrets.token_hex(6)}.{parent}"
    if len(sibling) > names.NAME_LENGTH_MAX:
        return ()
    found: list[str] = []
    for rtype in ("A", "AAAA"):
        reply = await source.ask(sibling, rtype)
        for rrset in reply.rrsets if isinstance(reply, Reply) else ():
            found += rrset.rdatas
    return tuple(dict.fromkeys(found))


def _scopes(name: str, zone: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """Scopes to look for: those given, and what people call them after names."""
    guessed = (*SCOPES_GUESSED, zone.split(".")[0], name.split(".")[0], zone.replace(".", "-"))
    return tuple(dict.fromkeys(s for s in (*given, *guessed) if names.scope(s) is not None))


async def _fences(source: _Guide, zone: str, scopes: tuple[str, ...]) -> tuple[FenceSeen, ...]:
    replies = await asyncio.gather(*(source.ask(fence_owner(scope, zone), "TXT") for scope in scopes))
    found: list[FenceSeen] = []
    for scope, reply in zip(scopes, replies, strict=True):
        owner = fence_owner(scope, zone)
        rrset = reply.find(owner, "TXT") if isinstance(reply, Reply) else None
        if rrset is not None:
            found.append(_fence(scope, owner, rrset.rdatas))
    # A wildcard TXT of the zone answers for every scope that was guessed: that is no sign of holdfast.
    garbled = {fence.unreadable for fence in found if fence.unreadable}
    if len(found) == len(scopes) and len(garbled) == 1:
        return ()
    return tuple(found)


def _fence(scope: str, owner: str, rdatas: tuple[str, ...]) -> FenceSeen:
    fence = parse_fence(rdatas[0].removeprefix('"').removesuffix('"')) if len(rdatas) == 1 else None
    if fence is None:
        return FenceSeen(scope=scope, owner=owner, unreadable=" ".join(rdatas)[:200])
    return FenceSeen(
        scope=scope,
        owner=owner,
        plan=str(fence.identity),
        generation=fence.identity.generation,
        writer=fence.writer,
        freezes="all" if fence.freeze_all else "+".join(fence.freezes),
    )
