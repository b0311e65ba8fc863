"""What `doctor` saw and what it makes of it: values, text for people, JSON for programs."""

from __future__ import annotations

import enum

import msgspec

EXIT_GOOD = 0
EXIT_TROUBLE = 1
EXIT_USAGE = 64


class Grade(enum.Enum):
    """How bad a finding is. Only `ERROR` changes the exit code."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(msgspec.Struct, frozen=True):
    """One thing worth saying; `advice` is what to do about it, empty if nothing."""

    grade: Grade
    topic: str
    text: str
    advice: str = ""


class Answered(msgspec.Struct, frozen=True):
    """What one server said to one question. `failure` is why there was no answer at all."""

    rtype: str
    tcp: bool
    rcode: str = ""
    authoritative: bool = False
    truncated: bool = False
    addresses: tuple[str, ...] = ()
    ttl: int | None = None
    alias: str = ""
    failure: str = ""

    @property
    def counts(self) -> bool:
        """Whether this is an authoritative word on the name."""
        return not self.failure and self.authoritative and self.rcode in ("NOERROR", "NXDOMAIN")


class ServerSeen(msgspec.Struct, frozen=True):
    """One address of one name server of the zone."""

    name: str
    address: str
    serial: int | None
    soa: Answered
    answers: tuple[Answered, ...]

    def answer(self, rtype: str, *, tcp: bool) -> Answered | None:
        """Its answer to one question."""
        return next((a for a in self.answers if a.rtype == rtype and a.tcp is tcp), None)


class FenceSeen(msgspec.Struct, frozen=True):
    """TXT at a fence's owner. `plan` is empty if it is no fence that this program can read."""

    scope: str
    owner: str
    plan: str = ""
    generation: int = 0
    writer: str = ""
    freezes: str = ""
    unreadable: str = ""


class Hop(msgspec.Struct, frozen=True):
    """One alias on the way from the name to its addresses."""

    owner: str
    target: str
    ttl: int


class Evidence(msgspec.Struct, frozen=True):
    """Everything that was asked and answered, before any opinion."""

    name: str
    zone: str
    soa_ttl: int
    soa_minimum: int
    servers: tuple[ServerSeen, ...]
    without_address: tuple[str, ...] = ()
    """Name servers whose addresses could not be found."""
    hops: tuple[Hop, ...] = ()
    end: tuple[str, ...] = ()
    """Addresses at the end of the chain of aliases, as far as they are known here."""
    end_ttl: int = 0
    hops_end: str = ""
    """Why the chain of aliases leads nowhere; empty if it does not."""
    wildcard: tuple[str, ...] = ()
    """What a name that cannot exist beside this one is answered with."""
    fences: tuple[FenceSeen, ...] = ()
    scopes_asked: tuple[str, ...] = ()

    @property
    def negative_ttl(self) -> int:
        """Seconds that "there is nothing" is remembered: min(SOA TTL, SOA minimum), RFC 2308 section 5."""
        return min(self.soa_ttl, self.soa_minimum)

    def addresses(self, rtype: str) -> tuple[str, ...]:
        """All addresses that any server gives."""
        found = {a for s in self.servers for x in s.answers if x.rtype == rtype for a in x.addresses}
        return tuple(sorted(found))

    def ttls(self, rtype: str) -> tuple[int, ...]:
        """All TTLs that servers give."""
        found = {x.ttl for s in self.servers for x in s.answers if x.rtype == rtype and x.counts}
        return tuple(sorted(t for t in found if t is not None))


class Failure(msgspec.Struct, frozen=True):
    """How a failure of this name would look from outside, in seconds."""

    stale_s: int
    """A wrong or dead address is kept by caches this long after DNS is right again."""
    emptiness_s: int
    """An empty answer is remembered this long after DNS is right again."""


class DoctorReport(msgspec.Struct, frozen=True):
    """The result of `doctor`. `exit_code` is 1 if anything is an error."""

    evidence: Evidence
    findings: tuple[Finding, ...]
    failure: Failure

    @property
    def exit_code(self) -> int:
        """Suggestion for the command."""
        return EXIT_TROUBLE if any(f.grade is Grade.ERROR for f in self.findings) else EXIT_GOOD


class CannotExamine(msgspec.Struct, frozen=True):
    """There is nothing to report on: bad input (64), or nobody answered (1)."""

    text: str
    exit_code: int


def json_of(report: DoctorReport) -> str:
    """The whole report for programs."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def text_of(report: DoctorReport) -> str:
    """The report for a terminal."""
    evidence = report.evidence
    lines = [f"{evidence.name} in zone {evidence.zone}", *_address_lines(evidence)]
    lines += [f"  alias {hop.owner} -> {hop.target} (TTL {hop.ttl} s)" for hop in evidence.hops]
    if evidence.end:
        lines.append(f"        {' '.join(evidence.end)}  TTL {evidence.end_ttl} s")
    lines.append("  name servers")
    lines += [f"    {_server_line(server)}" for server in evidence.servers]
    lines += [f"    {name}  no address found" for name in evidence.without_address]
    lines += [f"  {_fence_line(fence)}" for fence in evidence.fences]
    if not evidence.fences:
        lines.append(f"  no fence of holdfast (asked for scopes {', '.join(evidence.scopes_asked)})")
    lines += ["", "findings" if report.findings else "findings: none"]
    for finding in report.findings:
        lines.append(f"  {finding.grade.value:<8} {finding.text}")
        if finding.advice:
            lines.append(f"           {finding.advice}")
    failure = report.failure
    lines += [
        "",
        "if this name failed",
        f"  a wrong or dead address would be used for up to {failure.stale_s} s after DNS is right again",
        f"  a failure of this name would be remembered by clients for up to {failure.emptiness_s} s",
    ]
    return "\n".join(lines)


def _address_lines(evidence: Evidence) -> list[str]:
    lines = []
    for rtype in ("A", "AAAA"):
        addresses = evidence.addresses(rtype)
        ttls = "/".join(str(t) for t in evidence.ttls(rtype))
        ttl = f"  TTL {ttls} s" if ttls and addresses else ""
        lines.append(f"  {rtype:<5} {' '.join(addresses) or 'none'}{ttl}")
    return lines


def _server_line(server: ServerSeen) -> str:
    serial = "no serial" if server.serial is None else f"serial {server.serial}"
    ways = (("UDP", server.answer("A", tcp=False)), ("TCP", server.answer("A", tcp=True)))
    shown = "  ".join(f"{way} {_verdict(answer)}" for way, answer in ways)
    return f"{server.name} {server.address}  {serial}  {shown}"


def _verdict(answer: Answered | None) -> str:
    if answer is None:
        return "not asked"
    if answer.failure:
        return f"failed: {answer.failure}"
    return "ok" if answer.counts else f"{answer.rcode}{'' if answer.authoritative else ', not authoritative'}"


def _fence_line(fence: FenceSeen) -> str:
    if fence.unreadable:
        return f"fence of scope {fence.scope}: unreadable ({fence.unreadable})"
    frozen = f"frozen by {fence.freezes}" if fence.freezes else "not frozen"
    return f"fence of scope {fence.scope}: plan {fence.plan}, written by {fence.writer}, {frozen}"
