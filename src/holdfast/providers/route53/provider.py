"""Route 53: one change batch, fence and data together, and what became of it (R0, R2-R5, R8).

    owners looked at --- an alias, a delegation -----------------> Blocked (offenders), nothing sent
      |
    batch ---- accepted ------> read back: as written -----------> Wrote (with the change, for `in_sync`)
      |                                    otherwise ------------> Blocked | FenceMoved
      |------- InvalidChange-   pin still holds -----------------> Blocked (offenders) | CouldNotAsk
      |        Batch ---------> otherwise -----------------------> FenceMoved | Wrote(recovered)
      |------- reply lost ----> my fence or newer, my data ------> Wrote(recovered)
      |                         pin still holds -----------------> CouldNotAsk(maybe_applied)
      |                         otherwise -----------------------> FenceMoved
      |------- throttled, PriorRequestNotComplete ---------------> CouldNotAsk: nothing was applied
      '------- AccessDenied, no such zone ... -------------------> Denied

An unchanged value can't be pinned here: each batch deletes the fence exactly as it was pinned and creates it with
another sequence number, so each batch voids the pins of all others, and enactors take turns. `UPSERT` of the
fence would defeat all that, and is not in this file.

What this engine can't give is stated (`CAPABILITIES`): no serial to pin, so a repair that arrives very late is a
gap (its signature is good for minutes, not hours); guards against aliases and delegations that are looked at
before the batch, not in it (of aliases Route 53 itself refuses addresses beside a CNAME); no filling of empty
names without a fence.
"""

from __future__ import annotations

from typing import Final

from holdfast.model.configuration import Answers
from holdfast.model.fence import Fence
from holdfast.model.records import TYPE_WEIGHT, NameRecords, RRset
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    Blocked,
    Capabilities,
    Denied,
    FenceAbsent,
    FencedWrite,
    FenceFound,
    FenceMoved,
    FenceReading,
    FenceUnreadable,
    Fencing,
    Offender,
    PinFence,
    RRsetChange,
    Soa,
    WriteResult,
    Wrote,
    ZoneRRsets,
)
from holdfast.ports.route53 import (
    Accepted,
    BatchRefused,
    ChangeRecordSets,
    InSync,
    ListRecordSets,
    NotAllowed,
    RecordSet,
    SetChange,
    Start,
)
from holdfast.providers.route53 import batch, listing, sets

CAPABILITIES: Final = Capabilities(
    fencing=Fencing.TRANSACTION,
    weights=False,
    pins_unchanged=False,
    rrsets_per_message_max=batch.RECORDS_MAX,
    bytes_per_message_max=batch.CHARACTERS_MAX,
    serial_pin=False,
    create_only=True,
    guards=False,
    propagates=True,
)
WEIGHTED: Final = Capabilities(
    **{field: getattr(CAPABILITIES, field) for field in Capabilities.__struct_fields__ if field != "weights"},
    weights=True,
)


class Route53Provider:
    """One hosted zone. Implements `ports.provider.ZoneProvider`; holds nothing between calls."""

    def __init__(self, zone: str, answers: Answers = Answers.SIMPLE) -> None:
        self._zone = zone
        self._answers = answers

    @property
    def zone(self) -> str:
        """The zone's name."""
        return self._zone

    @property
    def capabilities(self) -> Capabilities:
        """See the module."""
        return WEIGHTED if self._answers is Answers.WEIGHTED else CAPABILITIES

    @property
    def managed_types(self) -> tuple[str, ...]:
        """A, AAAA, and the weights of weighted record sets as `TYPE65280`."""
        return ("A", "AAAA", TYPE_WEIGHT) if self._answers is Answers.WEIGHTED else ("A", "AAAA")

    def render(self, records: NameRecords) -> tuple[RRset, ...]:
        """A name's records as RRsets here."""
        return sets.rendered(records, self._answers)

    def pack(self, changes: tuple[RRsetChange, ...]) -> tuple[tuple[RRsetChange, ...], ...]:
        """Split changes into batches within 1,000 records and 32,000 characters; a name is never split."""
        return batch.pack(changes)

    async def read_fence(self, scope: str) -> FenceReading | CouldNotAsk:
        """The fence, by the API (R2): DNS may show an older one."""
        found = await listing.fence_sets(self._zone, scope)
        return found if isinstance(found, CouldNotAsk) else listing.read_as_fence(found)

    async def read_soa(self) -> Soa | CouldNotAsk:
        """The SOA as it is listed. Its serial does not move by itself here, and pins nothing."""
        page = await ListRecordSets(self._zone, Start(self._zone, "SOA"), 1)
        if isinstance(page, CouldNotAsk):
            return page
        found = [s for s in page.sets if (s.name, s.rtype) == (self._zone, "SOA") and s.values]
        if not found:
            return CouldNotAsk(f"the hosted zone of {self._zone} lists no SOA: is zone_id that of another zone?")
        rdata = found[0].values[0]
        fields = rdata.split()
        return Soa(serial=int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else 0, rdata=rdata)

    async def read_rrsets(self, names: tuple[str, ...]) -> ZoneRRsets | CouldNotAsk:
        """The managed types at the names, and who can't be written."""
        seen = await self._look(names)
        if isinstance(seen, CouldNotAsk):
            return seen
        aliases = listing.offenders_of(self._zone, names, seen)
        return ZoneRRsets(self._rrsets(seen, frozenset(names)), aliases)

    async def write(self, scope: str, write: FencedWrite) -> WriteResult:
        """Send one batch and find out what became of it; see the module's table."""
        impossible = self._impossible(write)
        if impossible:
            return Blocked(impossible)
        after = batch.fence_wanted(write)
        if after is None:
            return Denied(f"{self._zone}: without a fence nothing is written on Route 53 (R3): it pins no serial")
        names = tuple(sorted({c.name for c in write.changes}))
        seen = await self._look(names)
        if isinstance(seen, CouldNotAsk):
            return CouldNotAsk(seen.reason)
        offenders = listing.offenders_of(self._zone, names, seen)
        if offenders:
            return Blocked(offenders)
        pinned = await self._pinned(scope, write)
        if not isinstance(pinned, tuple):
            return pinned
        changes = batch.data_changes(write.changes, seen, self._answers)
        if not batch.fits(changes):
            return Blocked((_too_much(names, changes),))
        fence = batch.fence_changes(scope, self._zone, pinned, after)
        answer = await ChangeRecordSets(self._zone, (*fence, *changes))
        match answer:
            case Accepted(change_id=change):
                return await self._after_accepted(scope, write, after, change)
            case BatchRefused(messages=messages):
                return await self._after_refusal(scope, write, after, messages)
            case NotAllowed(code=code, text=text):
                return Denied(f"Route 53 refuses changes to {self._zone}: {code}: {text}")
            case CouldNotAsk(maybe_applied=True):
                return await self._after_silence(scope, write, after, answer)
            case CouldNotAsk():
                return answer

    async def in_sync(self, change: str) -> bool | CouldNotAsk:
        """Whether all of Route 53's name servers show a change."""
        return await InSync(self._zone, change)

    async def holds(self, scope: str, fence: Fence, changes: tuple[RRsetChange, ...]) -> bool | CouldNotAsk:
        """Whether the fence is exactly this and the data as wanted; pages of 300 record sets, the fence last.

        The fence is read after the data here: still this one, so nobody who takes part wrote between.
        """
        differing = await self._differing(changes)
        if isinstance(differing, CouldNotAsk):
            return differing
        seen = await self.read_fence(scope)
        return seen if isinstance(seen, CouldNotAsk) else seen == FenceFound(fence) and not differing

    # -- before --------------------------------------------------------------------------------------------

    def _impossible(self, write: FencedWrite) -> tuple[Offender, ...]:
        """Changes that can't be in any batch: named before they spoil the others in theirs."""
        limit = sets.count_max(self._answers)
        offenders: dict[str, str] = {}
        for change in write.changes:
            count = 0 if change.after is None else len(change.after.rdatas)
            if change.rtype not in self.managed_types:
                offenders[change.name] = f"{change.rtype} is not a type that holdfast manages here"
            elif change.rtype != TYPE_WEIGHT and count > limit:
                how = f"Route 53 takes at most {limit} as {self._answers.value} answers"
                offenders[change.name] = f"{count} {change.rtype} records, {how}"
        return tuple(Offender(name, why) for name, why in sorted(offenders.items()))

    async def _look(self, names: tuple[str, ...]) -> tuple[RecordSet, ...] | CouldNotAsk:
        return await listing.sets_at(self._zone, listing.with_ancestors(names, self._zone))

    def _rrsets(self, seen: tuple[RecordSet, ...], names: frozenset[str]) -> tuple[RRset, ...]:
        by_name: dict[str, list[RecordSet]] = {}
        for s in seen:
            if s.name in names:
                by_name.setdefault(s.name, []).append(s)
        return tuple(r for name in sorted(by_name) for r in sets.to_rrsets(tuple(by_name[name]), self._answers))

    async def _pinned(self, scope: str, write: FencedWrite) -> tuple[RecordSet, ...] | WriteResult:
        """The fence's record sets that the batch deletes exactly: as pinned; for a repair, as read now."""
        if isinstance(write.pin, PinFence):
            return (batch.fence_set(scope, self._zone, write.pin.fence),)
        if isinstance(write.pin.seen, FenceAbsent):
            return ()
        found = await listing.fence_sets(self._zone, scope)
        if isinstance(found, CouldNotAsk):
            return found
        rdatas = tuple(sorted(value for s in found for value in s.values))
        if rdatas != write.pin.seen.rdatas or any(s.other for s in found):
            return FenceMoved(listing.read_as_fence(found))
        return found

    # -- after ---------------------------------------------------------------------------------------------

    async def _after_accepted(self, scope: str, write: FencedWrite, after: Fence, change: str) -> WriteResult:
        """R4: accepted is not "applied" until it was read."""
        differing = await self._differing(write.changes)
        if isinstance(differing, CouldNotAsk):
            return CouldNotAsk(f"accepted, but the read-back failed: {differing.reason}", maybe_applied=True)
        seen = await self.read_fence(scope)
        if isinstance(seen, CouldNotAsk):
            return CouldNotAsk(f"accepted, but the read-back failed: {seen.reason}", maybe_applied=True)
        if seen == FenceFound(after):
            # Still mine, so nobody who takes part wrote in between: what differs is a foreign writer's.
            return Blocked(differing) if differing else Wrote(after, change=change)
        if not differing and _follows(seen, after) and isinstance(seen, FenceFound):
            return Wrote(seen.fence, change=change)
        return FenceMoved(seen)

    async def _after_refusal(
        self, scope: str, write: FencedWrite, after: Fence, messages: tuple[str, ...]
    ) -> WriteResult:
        """Lost the race, or an owner has come in the way: the fence tells which; never bisect (R4)."""
        why = "; ".join(messages[:3])
        seen = await self.read_fence(scope)
        if isinstance(seen, CouldNotAsk):
            return CouldNotAsk(f"refused ({why}), and then: {seen.reason}")
        if not _pin_holds(write, seen):
            done = await self._landed(write, after, seen)
            return done if isinstance(done, Wrote) else FenceMoved(seen)
        names = tuple(sorted({c.name for c in write.changes}))
        found = await self._look(names)
        if isinstance(found, CouldNotAsk):
            return CouldNotAsk(f"refused ({why}), and then: {found.reason}")
        offenders = listing.offenders_of(self._zone, names, found)
        if offenders:
            return Blocked(offenders)
        return CouldNotAsk(
            f"Route 53 refused the batch, but the fence is as pinned and no owner is in the way: {why}"
        )

    async def _after_silence(self, scope: str, write: FencedWrite, after: Fence, lost: CouldNotAsk) -> WriteResult:
        """R5: my fence or a newer one, and my data, is done."""
        seen = await self.read_fence(scope)
        if isinstance(seen, CouldNotAsk):
            return lost
        if _pin_holds(write, seen):
            return lost  # it may still arrive
        done = await self._landed(write, after, seen)
        if isinstance(done, CouldNotAsk):
            return lost
        return FenceMoved(seen) if done is None else done

    async def _landed(self, write: FencedWrite, after: Fence, seen: FenceReading) -> Wrote | CouldNotAsk | None:
        """Whether the zone shows what the batch was to bring about (R5); None when it does not."""
        if not isinstance(seen, FenceFound) or not _follows(seen, after):
            return None
        differing = await self._differing(write.changes)
        if isinstance(differing, CouldNotAsk):
            return differing
        return None if differing else Wrote(seen.fence, recovered=True)

    async def _differing(self, changes: tuple[RRsetChange, ...]) -> tuple[Offender, ...] | CouldNotAsk:
        """Names whose data are not as wanted."""
        if not changes:
            return ()
        names = tuple(sorted({c.name for c in changes}))
        seen = await listing.sets_at(self._zone, names)
        if isinstance(seen, CouldNotAsk):
            return seen
        there = {(r.name, r.rtype): r for r in self._rrsets(seen, frozenset(names))}
        offenders: dict[str, str] = {}
        for change in changes:
            got = there.get((change.name, change.rtype))
            if got != change.after:
                offenders[change.name] = (
                    f"{change.rtype} reads {_listed(got)} after writing {_listed(change.after)}"
                )
        return tuple(Offender(name, why) for name, why in sorted(offenders.items()))


def _too_much(names: tuple[str, ...], changes: tuple[SetChange, ...]) -> Offender:
    """More stands at these names than the plan was compared with: the last waits, or it never fits."""
    if len(names) > 1:
        return Offender(names[-1], "does not fit the batch beside the others, and waits for the next pass")
    records, characters = batch.cost_of(changes)
    why = f"needs {records} records and {characters} characters, a batch has room for {batch.ROOM[0]} and"
    return Offender(
        names[0], f"{why} {batch.ROOM[1]} (an update counts twice): fewer targets, or one family a name"
    )


def _follows(seen: FenceReading, mine: Fence) -> bool:
    """Whether a fence is mine or newer, with my freezes: without them it is no acknowledged freeze (R8)."""
    if not isinstance(seen, FenceFound) or seen.fence.identity < mine.identity:
        return False
    return (seen.fence.freezes, seen.fence.freeze_all) == (mine.freezes, mine.freeze_all)


def _pin_holds(write: FencedWrite, seen: FenceReading) -> bool:
    if isinstance(write.pin, PinFence):
        return seen == FenceFound(write.pin.fence)
    pinned = write.pin.seen
    if isinstance(pinned, FenceUnreadable) and isinstance(seen, FenceFound):
        # A generation that jumped is a fence to whoever reads it alone; the enactor took it for damage (R3).
        return pinned.rdatas == (seen.fence.rdata(),)
    return type(seen) is type(pinned) and getattr(seen, "rdatas", ()) == getattr(pinned, "rdatas", ())


def _listed(rrset: RRset | None) -> str:
    return "nothing" if rrset is None else ", ".join(rrset.rdatas)
