"""RFC 2136: one signed UPDATE message, fence and data together, and what became of it (R0, R2-R6).

    write --- NOERROR ----------> read back: as written ------> Wrote
      |                                      otherwise -------> Blocked (offenders) | FenceMoved
      |------ reply lost -------> my fence or newer, my data -> Wrote(recovered)
      |                           pin still holds ------------> CouldNotAsk(maybe_applied)
      |                           otherwise ------------------> FenceMoved
      |------ NXRRSET, YXRRSET,   pin still holds ------------> Blocked (offenders) | CouldNotAsk
      |       SERVFAIL ---------> otherwise ------------------> FenceMoved
      '------ REFUSED, NOTAUTH -> Denied

Read-back asks the server by prerequisites, in one message that changes nothing: "the fence is exactly this, and
each of these RRsets too". The server compares what it stores, a thousand RRsets in a round trip, and no cache or
wildcard can answer instead. Only if that fails are the owners asked one by one, to name who differs.
Rejected: a query for each RRset written (several times the cost of the write itself, in the client), and a zone
transfer (the whole zone for each message). Not compared: the TTL, which no invariant rests on.

Nothing is ever sent twice here: a message in flight may land at any later time, and the fence then judges it.
"""

from __future__ import annotations

from holdfast.model.fence import EMPTY_FENCE, Fence, fence_owner
from holdfast.model.records import NameRecords, RRset
from holdfast.ports.dns import DeleteRRset, Rcode, Response, SetRRset, Update
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    Blocked,
    Capabilities,
    Denied,
    FencedWrite,
    FenceFound,
    FenceMoved,
    FenceReading,
    FenceUnreadable,
    Offender,
    PinFence,
    PinRepair,
    RRsetChange,
    Soa,
    WriteResult,
    Wrote,
    ZoneRRsets,
)
from holdfast.providers import packing, reading
from holdfast.providers.dialect import Dialect
from holdfast.providers.guards import as_written, fence_is, guards, pin
from holdfast.providers.proof import Interrupted, Proven, Refuted, prove_serial
from holdfast.providers.rendering import render

FENCE_TTL_S = 5
"""Enactors read the fence at the primary; for watchers behind a cache it is soon the true one."""


class Rfc2136Provider:
    """One zone behind RFC 2136, as `dialect` speaks it. Implements `ports.provider.ZoneProvider`.

    Holds one thing between calls: whether the zone's serial was proved (or refuted) since the process started.
    """

    def __init__(self, zone: str, dialect: Dialect, *, transfer_from: int | None = None) -> None:
        self._zone = zone
        self._dialect = dialect
        self._transfer_from = dialect.transfer_from if transfer_from is None else transfer_from
        self._serial_proven = dialect.serial_by_construction
        self._serial_refuted = ""

    @property
    def zone(self) -> str:
        """The zone's name."""
        return self._zone

    @property
    def capabilities(self) -> Capabilities:
        """The dialect's; `serial_pin` turns false when the proof has failed here."""
        return self._dialect.capabilities(serial_pin=not self._serial_refuted)

    @property
    def managed_types(self) -> tuple[str, ...]:
        """A, AAAA, and the weights where the server keeps them."""
        return self._dialect.managed_types

    def render(self, records: NameRecords) -> tuple[RRset, ...]:
        """A name's records as RRsets here."""
        return render(records, weights=self._dialect.weights)

    def pack(self, changes: tuple[RRsetChange, ...]) -> tuple[tuple[RRsetChange, ...], ...]:
        """Split changes into messages; a name is never split."""
        limits = self.capabilities
        return packing.pack(
            changes,
            zone=self._zone,
            bytes_max=limits.bytes_per_message_max,
            rrsets_max=limits.rrsets_per_message_max,
        )

    async def read_fence(self, scope: str) -> FenceReading | CouldNotAsk:
        """The fence (R2)."""
        return await reading.read_fence(self._zone, scope)

    async def read_soa(self) -> Soa | CouldNotAsk:
        """The SOA, for a repair's pin."""
        return await reading.read_soa(self._zone)

    async def read_rrsets(self, names: tuple[str, ...]) -> ZoneRRsets | CouldNotAsk:
        """The managed types at the names; by a zone transfer from `transfer_from` names on."""
        return await reading.read_rrsets(self._zone, names, self.managed_types, transfer_from=self._transfer_from)

    async def prove_serial(self, scope: str) -> Proven | Refuted | Interrupted | Denied | CouldNotAsk:
        """R3: prove, once per process, that the serial can be pinned. A repair does it by itself if need be."""
        if self._serial_proven:
            return Proven()
        if self._serial_refuted:
            return Refuted(self._serial_refuted)
        proof = await prove_serial(self._zone, scope)
        if isinstance(proof, Proven):
            self._serial_proven = True
        elif isinstance(proof, Refuted):
            # holdfast: ignore[HF001] the proof pins its own record: made twice, it says the same
            self._serial_refuted = proof.why
        return proof

    async def write(self, scope: str, write: FencedWrite) -> WriteResult:
        """Send one message and find out what became of it; see the module's table."""
        impossible = self._impossible(write)
        if impossible:
            return Blocked(impossible)
        if isinstance(write.pin, PinRepair) and not self._serial_proven:
            return await self._prove_first(scope)
        response = await self._message(scope, write)
        if _is_fill(write):
            return await self._after_fill(scope, write, response)
        if isinstance(response, CouldNotAsk):
            return await self._after_silence(scope, write, response) if response.maybe_applied else response
        if reading.refused_for_good(response):
            return await self._after_denial(write, response.rcode)
        if response.rcode is Rcode.NOERROR:
            return await self._after_noerror(scope, write)
        return await self._after_refusal(scope, write, response.rcode)

    # -- before --------------------------------------------------------------------------------------------

    def _impossible(self, write: FencedWrite) -> tuple[Offender, ...]:
        """Changes that can't be in any message here: named before they spoil the others in theirs."""
        limit = self._dialect.rdatas_max
        room = self.capabilities.bytes_per_message_max
        offenders: dict[str, str] = {}
        for change in write.changes:
            count = 0 if change.after is None else len(change.after.rdatas)
            if change.rtype not in self.managed_types:
                offenders[change.name] = f"{change.rtype} is not a type that holdfast manages here"
            elif count > limit:
                offenders[change.name] = f"{count} {change.rtype} records, the server takes at most {limit}"
            elif packing.change_bytes(change, self._zone) > room:
                offenders[change.name] = f"{count} {change.rtype} records do not fit a message of {room} bytes"
        return tuple(Offender(name, why) for name, why in sorted(offenders.items()))

    async def _prove_first(self, scope: str) -> WriteResult:
        """A repair before the serial is proved: the proof moves the SOA, so the caller must read it again."""
        proof = await self.prove_serial(scope)
        match proof:
            case Refuted():
                return Denied(f"repair is refused (R3), its pin would hold nothing: {proof.why}")
            case Proven() | Interrupted():
                seen = await self.read_fence(scope)
                return seen if isinstance(seen, CouldNotAsk) else FenceMoved(seen)
            case Denied() | CouldNotAsk():
                return proof

    def _message(self, scope: str, write: FencedWrite) -> Update:
        changes: list[SetRRset | DeleteRRset] = []
        if write.fence_after is not None:
            owner = fence_owner(scope, self._zone)
            changes.append(SetRRset(RRset(owner, "TXT", FENCE_TTL_S, (write.fence_after.rdata(),))))
        changes.extend(
            DeleteRRset(change.name, change.rtype) if change.after is None else SetRRset(change.after)
            for change in write.changes
        )
        required = (*pin(scope, self._zone, write.pin), *guards(self._zone, write.changes))
        return Update(self._zone, required, tuple(changes))

    # -- after ---------------------------------------------------------------------------------------------

    async def _after_fill(self, scope: str, write: FencedWrite, response: Response | CouldNotAsk) -> WriteResult:
        """R3 with the store out: empty names were filled, the fence stays missing. Only the data are read back."""
        if isinstance(response, CouldNotAsk):
            return response
        if reading.refused_for_good(response):
            return Denied(f"the primary of {self._zone} answered {response.rcode.value} to an update")
        if response.rcode is not Rcode.NOERROR:
            seen = await self.read_fence(scope)
            return seen if isinstance(seen, CouldNotAsk) else FenceMoved(seen)
        differing = await self._differing(write.changes)
        if isinstance(differing, CouldNotAsk):
            return CouldNotAsk(f"written, but the read-back failed: {differing.reason}", maybe_applied=True)
        return Blocked(differing) if differing else Wrote(EMPTY_FENCE)

    async def _after_noerror(self, scope: str, write: FencedWrite) -> WriteResult:
        """R4: NOERROR is not "applied"."""
        expected = fence_wanted(write)
        same = await self.holds(scope, expected, write.changes)
        if isinstance(same, CouldNotAsk):
            return CouldNotAsk(f"written, but the read-back failed: {same.reason}", maybe_applied=True)
        if same:
            return Wrote(expected)
        seen = await self.read_fence(scope)
        if isinstance(seen, CouldNotAsk):
            return CouldNotAsk(f"written, but the read-back failed: {seen.reason}", maybe_applied=True)
        if seen != FenceFound(expected):
            return FenceMoved(seen)
        differing = await self._differing(write.changes)
        if isinstance(differing, CouldNotAsk):
            return CouldNotAsk(f"written, but the read-back failed: {differing.reason}", maybe_applied=True)
        # None differs any more: a foreign writer changed it and changed it back, or was healed by another enactor.
        return Blocked(differing) if differing else Wrote(expected)

    async def _after_silence(self, scope: str, write: FencedWrite, lost: CouldNotAsk) -> WriteResult:
        """R5: after a lost reply no identity is needed: my fence or a newer one, and my data, is done."""
        seen = await self.read_fence(scope)
        if isinstance(seen, CouldNotAsk):
            return lost
        done = await self._landed(scope, write, seen)
        if isinstance(done, CouldNotAsk):
            return lost
        if done is not None:
            return done
        return lost if self._pin_fence_holds(write, seen) else FenceMoved(seen)

    async def _after_denial(self, write: FencedWrite, rcode: Rcode) -> WriteResult:
        """PowerDNS answers REFUSED also where an address would stand beside a CNAME: then an owner is to blame."""
        if rcode is Rcode.REFUSED and write.changes:
            offenders = await reading.offenders_at(self._zone, tuple(sorted({c.name for c in write.changes})))
            if isinstance(offenders, tuple) and offenders:
                return Blocked(offenders)
        return Denied(
            f"the primary of {self._zone} answered {rcode.value} to an update: check the key (name, secret, clock)"
            f" and that it may update this zone"
        )

    async def _after_refusal(self, scope: str, write: FencedWrite, rcode: Rcode) -> WriteResult:
        """Lost the race, or an owner is in the way, or (SERVFAIL) perhaps another's fault: never bisect (R4)."""
        seen = await self.read_fence(scope)
        if isinstance(seen, CouldNotAsk):
            return CouldNotAsk(f"refused with {rcode.value}, and then: {seen.reason}")
        if not self._pin_fence_holds(write, seen):
            done = await self._landed(scope, write, seen)
            return done if isinstance(done, Wrote) else FenceMoved(seen)
        if isinstance(write.pin, PinRepair):
            soa = await self.read_soa()
            if isinstance(soa, CouldNotAsk) or soa != write.pin.soa:
                return soa if isinstance(soa, CouldNotAsk) else FenceMoved(seen)
        owners = tuple(sorted({c.name for c in write.changes} | {fence_owner(scope, self._zone)}))
        offenders = await reading.offenders_at(self._zone, owners)
        if isinstance(offenders, CouldNotAsk):
            return CouldNotAsk(f"refused with {rcode.value}, and then: {offenders.reason}")
        if offenders:
            return Blocked(offenders)
        return CouldNotAsk(
            f"the primary of {self._zone} answered {rcode.value}, but the fence is as pinned and no owner"
            f" stands in the way; nothing was applied"
        )

    async def _landed(self, scope: str, write: FencedWrite, seen: FenceReading) -> Wrote | CouldNotAsk | None:
        """Whether DNS shows what the message was to bring about (R5); None when it does not.

        Freezes must be as the message left them: a newer fence without mine is no acknowledged freeze (R8).
        """
        wanted = fence_wanted(write)
        if isinstance(write.pin, PinRepair) and self._pin_fence_holds(write, seen):
            return None  # a repair replaces what it pins, and damage may read as a newer fence
        if not isinstance(seen, FenceFound) or seen.fence.identity < wanted.identity:
            return None
        if (seen.fence.freezes, seen.fence.freeze_all) != (wanted.freezes, wanted.freeze_all):
            return None
        same = await self.holds(scope, seen.fence, write.changes)
        if isinstance(same, CouldNotAsk):
            return same
        return Wrote(seen.fence, recovered=True) if same else None

    def _pin_fence_holds(self, write: FencedWrite, seen: FenceReading) -> bool:
        if isinstance(write.pin, PinFence):
            return seen == FenceFound(write.pin.fence)
        pinned = write.pin.seen
        if isinstance(pinned, FenceUnreadable) and isinstance(seen, FenceFound):
            # A generation that jumped is a fence to whoever reads it alone; the enactor took it for damage (R3).
            return pinned.rdatas == (seen.fence.rdata(),)
        return seen == pinned

    async def holds(self, scope: str, fence: Fence, changes: tuple[RRsetChange, ...]) -> bool | CouldNotAsk:
        """Whether the fence is exactly this and the data exactly as wanted, by the server's own comparison.

        One message whatever the number of changes: also a cheap look, before a message, at whether another
        enactor of the same plan has written it already.
        """
        required = (fence_is(scope, self._zone, (fence.rdata(),)), *as_written(changes))
        response = await Update(self._zone, required, ())
        return (
            CouldNotAsk(response.reason) if isinstance(response, CouldNotAsk) else response.rcode is Rcode.NOERROR
        )

    async def in_sync(self, change: str) -> bool | CouldNotAsk:
        """A primary that answers has applied it; its secondaries follow in their own time (R18)."""
        return True

    async def _differing(self, changes: tuple[RRsetChange, ...]) -> tuple[Offender, ...] | CouldNotAsk:
        answers = await reading.ask_all(self._zone, tuple((c.name, c.rtype) for c in changes))
        if isinstance(answers, CouldNotAsk):
            return answers
        offenders: dict[str, str] = {}
        for change, answer in zip(changes, answers, strict=True):
            wanted = () if change.after is None else change.after.rdatas
            got = () if answer.rrset is None else answer.rrset.rdatas
            if not answer.authoritative:
                offenders[change.name] = reading.DELEGATED
            elif answer.alias:
                offenders[change.name] = reading.alias_text(answer.alias)
            elif got != wanted:
                offenders[change.name] = f"{change.rtype} reads {_listed(got)} after writing {_listed(wanted)}"
        return tuple(Offender(name, why) for name, why in sorted(offenders.items()))


def _is_fill(write: FencedWrite) -> bool:
    return isinstance(write.pin, PinRepair) and write.fence_after is None


def fence_wanted(write: FencedWrite) -> Fence:
    """The fence that holds after a write: the new one, or the pinned one. Not for a fill, which leaves none."""
    if write.fence_after is not None:
        return write.fence_after
    assert isinstance(write.pin, PinFence), "a fill leaves no fence"
    return write.pin.fence


def _listed(rdatas: tuple[str, ...]) -> str:
    return ", ".join(rdatas) if rdatas else "nothing"
