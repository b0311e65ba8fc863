"""What the primary holds, by authoritative answers only (R2): the fence, the SOA, the managed RRsets.

A wildcard of the zone may answer in place of what does not exist. Where that would mislead (text at an absent
fence, an alias at a name that is free) the wildcard itself is asked for, and if it says the same, the server
is asked by a prerequisite, which looks at what is stored and knows no wildcards.
"""

from __future__ import annotations

from holdfast.model.fence import fence_owner, parse_fence
from holdfast.model.records import RRset
from holdfast.ports.dns import (
    Answer,
    Ask,
    AskMany,
    Existence,
    Prerequisite,
    Rcode,
    Response,
    Transfer,
    Update,
    ZoneContent,
)
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    FenceAbsent,
    FenceFound,
    FenceReading,
    FenceUnreadable,
    Offender,
    Soa,
    ZoneRRsets,
)

QUESTIONS_MAX = 1_000
"""Questions pipelined at once: bounds what waits in buffers on both sides."""

DELEGATED = "is at or below a delegation (the primary answers with a referral)"


def unusable(answer: Answer, what: str) -> CouldNotAsk | None:
    """R2: why an answer counts for nothing; None when it is authoritative and says yes or no."""
    if answer.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return CouldNotAsk(f"the primary answered {answer.rcode.value} to a question for {what}")
    if not answer.authoritative:
        return CouldNotAsk(f"the primary's answer for {what} is not authoritative")
    return None


# -- fence and SOA ------------------------------------------------------------------------------------------


async def read_fence(zone: str, scope: str) -> FenceReading | CouldNotAsk:
    """The fence. Text that is no fence is told apart from a wildcard's, which stands for absence (R2)."""
    owner = fence_owner(scope, zone)
    answer = await Ask(zone, owner, "TXT")
    if isinstance(answer, CouldNotAsk):
        return answer
    bad = unusable(answer, f"{owner} TXT")
    if bad is not None:
        return bad
    if answer.rrset is None:
        # An alias can only come from a wildcard, or keeps the repair from landing: its guard then names it.
        return FenceAbsent(f"CNAME {answer.alias}" if answer.alias else "")
    reading = interpret_fence(answer.rrset.rdatas)
    if isinstance(reading, FenceFound):
        return reading
    return await _wildcard_or_unreadable(zone, owner, reading)


def interpret_fence(rdatas: tuple[str, ...]) -> FenceFound | FenceUnreadable:
    """One TXT record of one character-string in our grammar, or why it is no fence (R6)."""
    if len(rdatas) != 1:
        return FenceUnreadable(rdatas, f"{len(rdatas)} TXT records where one is expected")
    text = rdatas[0]
    if len(text) < 2 or text[0] != '"' or text[-1] != '"' or '"' in text[1:-1]:
        return FenceUnreadable(rdatas, "not one character-string")
    fence = parse_fence(text[1:-1])
    return FenceUnreadable(rdatas, "not a fence's text") if fence is None else FenceFound(fence)


async def _wildcard_or_unreadable(zone: str, owner: str, reading: FenceUnreadable) -> FenceReading | CouldNotAsk:
    wildcard = await Ask(zone, f"*.{zone}", "TXT")
    if isinstance(wildcard, CouldNotAsk):
        return wildcard
    if wildcard.rrset is None or wildcard.rrset.rdatas != reading.rdatas:
        return reading
    there = await stored(zone, owner, "TXT")
    if isinstance(there, CouldNotAsk):
        return there
    return reading if there else FenceAbsent(" ".join(reading.rdatas))


async def stored(zone: str, name: str, rtype: str) -> bool | CouldNotAsk:
    """Whether an RRset is really there, wildcards aside: by a prerequisite in a message that changes nothing."""
    response = await Update(zone, (Prerequisite(Existence.RRSET_ABSENT, name, rtype),), ())
    if isinstance(response, CouldNotAsk):
        return CouldNotAsk(response.reason)
    if response.rcode in (Rcode.NOERROR, Rcode.YXRRSET):
        return response.rcode is Rcode.YXRRSET
    return CouldNotAsk(f"the primary answered {response.rcode.value} to a prerequisite on {name} {rtype}")


async def read_soa(zone: str) -> Soa | CouldNotAsk:
    """The SOA, exactly."""
    answer = await Ask(zone, zone, "SOA")
    if isinstance(answer, CouldNotAsk):
        return answer
    bad = unusable(answer, f"{zone} SOA")
    if bad is not None:
        return bad
    if answer.rrset is None:
        return CouldNotAsk(f"the primary has no SOA for {zone}")
    rdata = answer.rrset.rdatas[0]
    return Soa(serial=int(rdata.split(" ")[2]), rdata=rdata)


# -- data ---------------------------------------------------------------------------------------------------


async def read_rrsets(
    zone: str, names: tuple[str, ...], types: tuple[str, ...], *, transfer_from: int
) -> ZoneRRsets | CouldNotAsk:
    """Managed RRsets at the names: one transfer for many, else a question for each; questions if it is refused."""
    if len(names) >= transfer_from:
        content = await Transfer(zone)
        if not isinstance(content, CouldNotAsk):
            return from_transfer(zone, content, names, types)
    return await _by_questions(zone, names, types)


def from_transfer(zone: str, content: ZoneContent, names: tuple[str, ...], types: tuple[str, ...]) -> ZoneRRsets:
    """The managed RRsets of a transfer, with aliases and delegated names among those asked."""
    wanted, kinds = frozenset(names), frozenset(types)
    cuts = frozenset(r.name for r in content.rrsets if r.rtype == "NS" and r.name != zone)
    offenders = [
        Offender(r.name, alias_text(r.rdatas[0]))
        for r in content.rrsets
        if r.rtype == "CNAME" and r.name in wanted
    ]
    delegated = frozenset(name for name in wanted if cuts and _below_cut(name, zone, cuts))
    offenders.extend(Offender(name, DELEGATED) for name in delegated)
    found = tuple(r for r in content.rrsets if r.rtype in kinds and r.name in wanted and r.name not in delegated)
    return ZoneRRsets(found, tuple(sorted(offenders, key=lambda o: o.name)))


def _below_cut(name: str, zone: str, cuts: frozenset[str]) -> bool:
    while name not in (zone, ""):
        if name in cuts:
            return True
        name = name.partition(".")[2]
    return False


def alias_text(target: str) -> str:
    """What an offender that is an alias is called."""
    return f"is a CNAME to {target}"


async def _by_questions(zone: str, names: tuple[str, ...], types: tuple[str, ...]) -> ZoneRRsets | CouldNotAsk:
    questions = tuple((name, rtype) for name in sorted(frozenset(names)) for rtype in types)
    answers = await ask_all(zone, questions)
    if isinstance(answers, CouldNotAsk):
        return answers
    rrsets: list[RRset] = []
    aliases: dict[str, str] = {}
    delegated: set[str] = set()
    for (name, _), answer in zip(questions, answers, strict=True):
        if not answer.authoritative:
            delegated.add(name)
        elif answer.rrset is not None:
            rrsets.append(answer.rrset)
        elif answer.alias:
            aliases[name] = answer.alias
    own = await _not_by_wildcard(zone, aliases) if aliases else aliases
    if isinstance(own, CouldNotAsk):
        return own
    offenders = [Offender(name, alias_text(target)) for name, target in own.items()]
    offenders.extend(Offender(name, DELEGATED) for name in delegated)
    return ZoneRRsets(
        tuple(sorted(rrsets, key=lambda r: (r.name, r.rtype))), tuple(sorted(offenders, key=lambda o: o.name))
    )


async def ask_all(zone: str, questions: tuple[tuple[str, str], ...]) -> tuple[Answer, ...] | CouldNotAsk:
    """Answers that count, in order. A referral (not authoritative) is let through only where the primary shows
    itself authoritative for the zone in the same breath; then it is a delegation, not a lost zone.
    """
    found: list[Answer] = []
    for start in range(0, len(questions), QUESTIONS_MAX):
        batch = questions[start : start + QUESTIONS_MAX]
        answers = await AskMany(zone, ((zone, "SOA"), *batch))
        for (name, rtype), answer in zip(((zone, "SOA"), *batch), answers, strict=True):
            if isinstance(answer, CouldNotAsk):
                return answer
            referral = (name, rtype) != (zone, "SOA") and answer.rcode is Rcode.NOERROR and answer.rrset is None
            bad = unusable(answer, f"{name} {rtype}")
            if bad is not None and not (referral and not answer.authoritative):
                return bad
            found.append(answer)
        del found[start]  # the SOA of this batch, which only vouched for the others
    return tuple(found)


async def _not_by_wildcard(zone: str, aliases: dict[str, str]) -> dict[str, str] | CouldNotAsk:
    """Aliases that no wildcard explains; an explained name is free, or its guard refuses the write."""
    sources = sorted({source for name in aliases for source in _wildcards(name, zone)})
    answers = await ask_all(zone, tuple((source, "CNAME") for source in sources))
    if isinstance(answers, CouldNotAsk):
        return answers
    targets = {s: a.rrset.rdatas[0] for s, a in zip(sources, answers, strict=True) if a.rrset is not None}
    return {
        name: target
        for name, target in aliases.items()
        if all(targets.get(source) != target for source in _wildcards(name, zone))
    }


def _wildcards(name: str, zone: str) -> tuple[str, ...]:
    """Wildcard owners that could answer for a name, nearest first."""
    sources: list[str] = []
    while name not in (zone, ""):
        name = name.partition(".")[2]
        sources.append(f"*.{name}")
    return tuple(sources)


async def offenders_at(zone: str, owners: tuple[str, ...]) -> tuple[Offender, ...] | CouldNotAsk:
    """R4: which owners can't be written, by asking each; one that a wildcard hides is asked by prerequisite."""
    answers = await ask_all(zone, tuple((owner, "CNAME") for owner in owners))
    if isinstance(answers, CouldNotAsk):
        return answers
    found: list[Offender] = []
    suspects: dict[str, str] = {}
    for owner, answer in zip(owners, answers, strict=True):
        if not answer.authoritative:
            found.append(Offender(owner, DELEGATED))
        elif answer.rrset is not None:
            suspects[owner] = answer.rrset.rdatas[0]
    certain = await _not_by_wildcard(zone, suspects) if suspects else suspects
    if isinstance(certain, CouldNotAsk):
        return certain
    for owner, target in suspects.items():
        there = owner in certain or await stored(zone, owner, "CNAME")
        if isinstance(there, CouldNotAsk):
            return there
        if there:
            found.append(Offender(owner, alias_text(target)))
    return tuple(sorted(found, key=lambda o: o.name))


def refused_for_good(response: Response) -> bool:
    """Whether the server will not take updates from us: configuration, not a race."""
    return response.rcode in (Rcode.REFUSED, Rcode.NOTAUTH, Rcode.NOTIMP, Rcode.NOTZONE, Rcode.FORMERR)
