"""From what `doctor` saw to what it says: pure rules, each a function from the evidence to findings."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.service.doctor_report import Answered, DoctorReport, Evidence, Failure, Finding, Grade, ServerSeen

TTL_LONG_S = 300
"""A TTL above this keeps clients on dead addresses for longer than most repairs take."""
NEGATIVE_TTL_LONG_S = 60
"""In October 2025 an empty name was remembered by caches after it had been filled again; a minute is bearable."""


def judge(evidence: Evidence) -> DoctorReport:
    """The report: findings, the worst first."""
    rules = (_reach, _lame, _count, _serials, _disagreement, _emptiness, _ttls, _negative, _truncation, _aliases)
    found = [finding for rule in (*rules, _wildcards, _fences) for finding in rule(evidence)]
    order = list(Grade)
    ttls = (*evidence.ttls("A"), *evidence.ttls("AAAA"), *(hop.ttl for hop in evidence.hops), evidence.end_ttl)
    return DoctorReport(
        evidence=evidence,
        findings=tuple(sorted(found, key=lambda f: order.index(f.grade))),
        failure=Failure(stale_s=max(ttls, default=0), emptiness_s=evidence.negative_ttl),
    )


def _at(server: ServerSeen) -> str:
    return f"{server.name} ({server.address})"


def _reach(evidence: Evidence) -> Iterator[Finding]:
    """Servers that do not answer, by UDP, by TCP or at all."""
    for server in evidence.servers:
        by_udp = [a for a in server.answers if not a.tcp]
        by_tcp = [a for a in server.answers if a.tcp]
        udp_out, tcp_out = (all(a.failure for a in answers) for answers in (by_udp, by_tcp))
        if udp_out and tcp_out:
            why = by_udp[0].failure if by_udp else "not asked"
            advice = "clients that pick it wait for their timeout: repair it or take it out of the NS records"
            yield Finding(Grade.ERROR, "unreachable", f"{_at(server)} does not answer: {why}", advice)
        elif tcp_out:
            advice = "open port 53 for TCP: large answers, transfers and holdfast's updates need it"
            yield Finding(Grade.ERROR, "tcp", f"{_at(server)} answers by UDP only: {by_tcp[0].failure}", advice)
        elif udp_out:
            text = f"{_at(server)} answers by TCP only: {by_udp[0].failure}"
            yield Finding(Grade.ERROR, "udp", text, "resolvers ask by UDP first")


def _lame(evidence: Evidence) -> Iterator[Finding]:
    """Servers that are listed for the zone and do not serve it."""
    for server in evidence.servers:
        soa = server.soa
        if soa.failure or (soa.authoritative and soa.rcode == "NOERROR" and server.serial is not None):
            continue
        how = soa.rcode if soa.rcode != "NOERROR" else "an answer without authority"
        text = f"{_at(server)} is lame: it is a name server of {evidence.zone} and answers {how}"
        yield Finding(Grade.ERROR, "lame", text, "load the zone there, or take the server out of the NS records")
    for name in evidence.without_address:
        text = f"{name} is a name server of {evidence.zone} and has no address"
        yield Finding(Grade.ERROR, "lame", text, "give it an A or AAAA record, or take it out of the NS records")


def _count(evidence: Evidence) -> Iterator[Finding]:
    addresses = {server.address for server in evidence.servers}
    if len(addresses) == 1:
        text = f"one name server address serves {evidence.zone}: {next(iter(addresses))}"
        advice = "a second one elsewhere keeps the name when this one is away"
        yield Finding(Grade.WARNING, "single-server", text, advice)


def _serials(evidence: Evidence) -> Iterator[Finding]:
    serials = {server.address: server.serial for server in evidence.servers if server.serial is not None}
    if len(set(serials.values())) > 1:
        each = ", ".join(f"{address} {serial}" for address, serial in serials.items())
        advice = "a laggard serves old data; ask again in a moment, then look at NOTIFY and transfers"
        yield Finding(Grade.WARNING, "serial", f"name servers are at different serials: {each}", advice)


def _disagreement(evidence: Evidence) -> Iterator[Finding]:
    """Servers (or UDP and TCP of one server) that give different answers."""
    for rtype in ("A", "AAAA"):
        said: dict[tuple[str, ...], list[str]] = {}
        for server, answer in _counting(evidence, rtype):
            # A truncated answer is a part of one: it disagrees with nobody.
            if not answer.truncated:
                said.setdefault((answer.rcode, answer.alias, *answer.addresses), []).append(server.address)
        if len(said) > 1:
            each = "; ".join(f"{_said(what)} from {', '.join(dict.fromkeys(who))}" for what, who in said.items())
            advice = "clients get one or the other: wait for the secondaries, or look for a server with other data"
            yield Finding(Grade.ERROR, "answers", f"name servers disagree on {rtype}: {each}", advice)


def _counting(evidence: Evidence, rtype: str) -> Iterator[tuple[ServerSeen, Answered]]:
    for server in evidence.servers:
        for answer in server.answers:
            if answer.rtype == rtype and answer.counts:
                yield server, answer


def _said(what: tuple[str, ...]) -> str:
    rcode, alias, *addresses = what
    if addresses:
        return " ".join(addresses)
    return f"alias {alias}" if alias else "no such name" if rcode == "NXDOMAIN" else "nothing"


def _emptiness(evidence: Evidence) -> Iterator[Finding]:
    empty = {rtype: not evidence.addresses(rtype) for rtype in ("A", "AAAA")}
    if not any(True for rtype in empty for _ in _counting(evidence, rtype)):
        return
    codes = {answer.rcode for rtype in empty for _, answer in _counting(evidence, rtype)}
    if all(empty.values()) and not evidence.hops:
        what = "the name does not exist" if codes == {"NXDOMAIN"} else "the name has no address in either family"
        advice = f"clients that asked remember it for up to {evidence.negative_ttl} s after it is filled"
        yield Finding(Grade.ERROR, "empty", what, advice)
    elif empty["AAAA"] and not evidence.hops:
        yield Finding(Grade.NOTE, "empty", "the name has no IPv6 address", "")
    elif empty["A"] and not evidence.hops:
        yield Finding(
            Grade.WARNING, "empty", "the name has no IPv4 address", "clients without IPv6 can't reach it"
        )


def _ttls(evidence: Evidence) -> Iterator[Finding]:
    for rtype in ("A", "AAAA"):
        ttls = evidence.ttls(rtype)
        if len(ttls) > 1:
            each = ", ".join(f"{t} s" for t in ttls)
            text = f"{rtype} has different TTLs: {each}"
            yield Finding(Grade.WARNING, "ttl", text, "name servers at different versions of the zone, or a cache")
        elif ttls and max(ttls) > TTL_LONG_S:
            text = f"{rtype} has a TTL of {max(ttls)} s: a dead address is used for that long after it is gone"
            yield Finding(Grade.WARNING, "ttl", text, "30 to 60 s suits a name that has to move")


def _negative(evidence: Evidence) -> Iterator[Finding]:
    remembered_s = evidence.negative_ttl
    if remembered_s > NEGATIVE_TTL_LONG_S:
        text = (
            f"a failure of this name would be remembered by clients for up to {remembered_s} s"
            f" (SOA TTL {evidence.soa_ttl} s, minimum {evidence.soa_minimum} s)"
        )
        yield Finding(Grade.WARNING, "negative-ttl", text, "lower the last number of the SOA, to 5 s or so")


def _truncation(evidence: Evidence) -> Iterator[Finding]:
    for rtype in ("A", "AAAA"):
        cut = sorted({s.address for s, a in _counting(evidence, rtype) if a.truncated})
        if cut:
            text = (
                f"the {rtype} answer does not fit a UDP packet at {', '.join(cut)}: every client asks again by TCP"
            )
            yield Finding(Grade.WARNING, "truncation", text, "fewer addresses at the name, or minimal responses")


def _aliases(evidence: Evidence) -> Iterator[Finding]:
    if evidence.hops_end:
        yield Finding(Grade.ERROR, "alias", evidence.hops_end, "the alias has to lead to a name with addresses")
    if evidence.hops:
        way = " -> ".join((evidence.name, *(hop.target for hop in evidence.hops)))
        text = f"the name is an alias: {way}; each name on the way has to work"
        advice = "holdfast keeps addresses, so it can keep the last name of the chain, not an alias"
        yield Finding(Grade.NOTE if len(evidence.hops) == 1 else Grade.WARNING, "alias", text, advice)


def _wildcards(evidence: Evidence) -> Iterator[Finding]:
    if evidence.wildcard:
        text = f"a wildcard answers beside this name: {' '.join(evidence.wildcard)}"
        advice = "if this name were removed, clients would get the wildcard's answer, not an error"
        yield Finding(Grade.NOTE, "wildcard", text, advice)


def _fences(evidence: Evidence) -> Iterator[Finding]:
    for fence in evidence.fences:
        if fence.unreadable:
            text = f"the TXT at {fence.owner} is no fence: {fence.unreadable}"
            advice = "enactors hold or repair it (R3); a wildcard of the zone may be answering in its place"
            yield Finding(Grade.WARNING, "fence", text, advice)
        elif fence.freezes:
            text = f"scope {fence.scope} is frozen ({fence.freezes}): holdfast writes nothing that it covers"
            yield Finding(Grade.NOTE, "fence", text, "`holdfast thaw` ends it")
