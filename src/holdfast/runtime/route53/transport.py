"""Answers `ports.route53` with aiohttp: one signed request each, in turn with the others of the account.

    operation --model--> XML --sign (now)--> HTTPS --> Route 53
                                                         |
    value <--read-- 200 | InvalidChangeBatch | refusal | Throttling, PriorRequestNotComplete, 5xx, silence

What is not known is said exactly: `maybe_applied` from the moment that a batch was sent until it is answered, also
where the answer is a 5xx. Questions that were throttled are asked again after the pause; batches never, for a
newer plan must be looked for before each (R1): the caller comes back, and waits for its turn here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

import aiohttp
import msgspec
import yarl

from holdfast.model.configuration import ZoneConfig
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.route53 import (
    Accepted,
    BatchRefused,
    ChangeRecordSets,
    GetHostedZone,
    HostedZone,
    InSync,
    ListRecordSets,
    NotAllowed,
    RecordPage,
    RecordSet,
    SetChange,
    Start,
)
from holdfast.providers.route53.names import from_api, to_api
from holdfast.runtime.route53 import wire
from holdfast.runtime.route53.credentials import CredentialSource, NoCredentials
from holdfast.runtime.route53.pacing import Pacer

CONNECT_S: Final = 5.0
READ_TRIES: Final = 5
AGAIN: Final = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"})
BUSY: Final = "PriorRequestNotComplete"
SERVER_FAULT: Final = 500
_TROUBLES: Final = (aiohttp.ClientError, OSError, TimeoutError)
_UNSENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Access(msgspec.Struct, frozen=True):
    """How one hosted zone is reached."""

    zone: str
    zone_id: str
    source: CredentialSource
    pacer: Pacer
    endpoint: str
    timeout_s: float


class Route53Transport:
    """All hosted zones of a process; zones with the same credentials share their turns.

    Raises:
        NoCredentials: those of a zone can't be had.
    """

    def __init__(self, zones: Iterable[ZoneConfig], environment: Mapping[str, str] = os.environ) -> None:
        pacers: dict[tuple[str, str, str], Pacer] = {}
        self._accesses: dict[str, Access] = {}
        for zone in zones:
            settings = zone.route53
            if settings is None:
                continue
            account = settings.credentials_file, settings.profile, settings.endpoint
            pacer = pacers.setdefault(account, Pacer(settings.requests_per_s))
            source = CredentialSource(settings, environment)
            source.get()
            self._accesses[zone.name] = Access(
                zone.name, settings.zone_id, source, pacer, settings.endpoint, zone.timeout_s
            )
        self._http: aiohttp.ClientSession | None = None
        wire.service()  # now, not while the event loop runs

    async def list_sets(self, op: ListRecordSets) -> RecordPage | CouldNotAsk:
        """`ports.route53.ListRecordSets`; asked again when it was asked too often."""
        found = await self.list_once(op)
        for _ in range(READ_TRIES - 1):
            if not (isinstance(found, CouldNotAsk) and found.reason.startswith(_ASKED_TOO_OFTEN)):
                break
            found = await self.list_once(op)
        return found

    async def list_once(self, op: ListRecordSets) -> RecordPage | CouldNotAsk:
        """The same, asked once."""
        start = op.start
        parameters: dict[str, Any] = {
            "StartRecordName": start.raw or to_api(start.name),
            "MaxItems": str(op.items_max),
        }
        if start.rtype:
            parameters["StartRecordType"] = start.rtype
        if start.identifier:
            parameters["StartRecordIdentifier"] = start.identifier
        found = await self._send(op.zone, "ListResourceRecordSets", "HostedZoneId", parameters)
        if isinstance(found, wire.Fault):
            return CouldNotAsk(f"Route 53 does not list {op.zone}: {found.code}: {found.text}")
        return found if isinstance(found, CouldNotAsk) else page_of(found)

    async def change_sets(self, op: ChangeRecordSets) -> Accepted | BatchRefused | NotAllowed | CouldNotAsk:
        """`ports.route53.ChangeRecordSets`."""
        changes = [change_of(change) for change in op.changes]
        parameters = {"ChangeBatch": {"Comment": "holdfast", "Changes": changes}}
        found = await self._send(op.zone, "ChangeResourceRecordSets", "HostedZoneId", parameters, changes=True)
        match found:
            case CouldNotAsk():
                return found
            case wire.Fault(code="InvalidChangeBatch"):
                return BatchRefused(found.messages)
            case wire.Fault(code=code) if code == BUSY:
                return CouldNotAsk(f"Route 53 was still at the batch before this one in {op.zone} ({BUSY})")
            case wire.Fault(status=status) if status >= SERVER_FAULT:
                return CouldNotAsk(f"Route 53 answered {status}: {found.text}", maybe_applied=True)
            case wire.Fault(code=code):
                return NotAllowed(code, found.text)
            case {"ChangeInfo": {"Id": str(change_id)}}:
                return Accepted(change_id.removeprefix("/change/"))
            case _:
                return CouldNotAsk("Route 53 answered a batch without a change's id", maybe_applied=True)

    async def in_sync(self, op: InSync) -> bool | CouldNotAsk:
        """`ports.route53.InSync`."""
        found = await self._ask(op.zone, "GetChange", "Id", {}, identifier=op.change_id)
        match found:
            case CouldNotAsk():
                return found
            case {"ChangeInfo": {"Status": str(status)}}:
                return status == "INSYNC"
            case wire.Fault(code=code):
                return CouldNotAsk(f"Route 53 does not tell of change {op.change_id}: {code}: {found.text}")
            case _:
                return CouldNotAsk(f"Route 53 answered without the status of change {op.change_id}")

    async def hosted_zone(self, op: GetHostedZone) -> HostedZone | NotAllowed | CouldNotAsk:
        """`ports.route53.GetHostedZone`."""
        found = await self._ask(op.zone, "GetHostedZone", "Id", {})
        match found:
            case CouldNotAsk():
                return found
            case wire.Fault(status=status) if status >= SERVER_FAULT:
                return CouldNotAsk(f"Route 53 answered {status}: {found.text}")
            case wire.Fault(code=code):
                return NotAllowed(code, found.text)
            case {"HostedZone": {"Name": str()}}:
                return _hosted_zone(found)
            case _:
                return CouldNotAsk("Route 53 answered without the hosted zone")

    async def close(self) -> None:
        """End all connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    # -- one request ---------------------------------------------------------------------------------------

    async def _ask(
        self, zone: str, operation: str, id_name: str, parameters: dict[str, Any], *, identifier: str = ""
    ) -> dict[str, Any] | wire.Fault | CouldNotAsk:
        """A question: again after a pause when it was asked too often."""
        found: dict[str, Any] | wire.Fault | CouldNotAsk = CouldNotAsk("never asked")
        for _ in range(READ_TRIES):
            found = await self._send(zone, operation, id_name, parameters, identifier=identifier)
            if not (isinstance(found, CouldNotAsk) and found.reason.startswith(_ASKED_TOO_OFTEN)):
                break
        return found

    async def _send(
        self,
        zone: str,
        operation: str,
        id_name: str,
        parameters: dict[str, Any],
        *,
        identifier: str = "",
        changes: bool = False,
    ) -> dict[str, Any] | wire.Fault | CouldNotAsk:
        """One request, when it is its turn."""
        access = self._accesses.get(zone)
        if access is None:
            return CouldNotAsk(f"no hosted zone is configured for {zone}")
        await access.pacer.turn()
        try:
            credentials = access.source.get()
        except NoCredentials as error:
            return CouldNotAsk(str(error))
        whole = {id_name: identifier or access.zone_id, **parameters}
        request = wire.request(operation, whole, credentials, access.endpoint)
        try:
            status, headers, body = await self._exchange(request, access.timeout_s)
        except _TROUBLES as error:
            said = " ".join(str(error).split()) or type(error).__name__
            maybe = changes and not isinstance(error, _UNSENT)
            return CouldNotAsk(f"Route 53 can't be asked about {zone}: {said}", maybe_applied=maybe)
        try:
            found = wire.answer(operation, status, headers, body)
        except ValueError as error:
            return CouldNotAsk(str(error), maybe_applied=changes)
        if isinstance(found, wire.Fault) and found.code in AGAIN:
            pause_s = access.pacer.throttled(_retry_after_s(headers))
            return CouldNotAsk(f"{_ASKED_TOO_OFTEN} ({found.code}): the next request goes out in {pause_s:.1f} s")
        access.pacer.answered()
        return found

    async def _exchange(self, request: wire.Request, timeout_s: float) -> tuple[int, dict[str, str], bytes]:
        if self._http is None:
            self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=timeout_s)
        url = yarl.URL(request.url, encoded=True)  # signed as it stands
        async with self._http.request(
            request.method,
            url,
            data=request.body or None,
            headers=request.headers,
            timeout=patience,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),  # botocore sends none
        ) as response:
            return response.status, dict(response.headers), await response.read()


_ASKED_TOO_OFTEN: Final = "Route 53 was asked too often"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The answer's own hint, in seconds."""
    written = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    return float(written) if written.isdigit() else None


def change_of(change: SetChange) -> dict[str, Any]:
    """One change, by the model's names and in its order: botocore writes them as they come."""
    one = change.record_set
    written: dict[str, Any] = {"Name": to_api(one.name), "Type": one.rtype}
    if one.identifier:
        written["SetIdentifier"] = one.identifier
    if one.weight is not None:
        written["Weight"] = one.weight
    if one.multivalue:
        written["MultiValueAnswer"] = True
    written["TTL"] = one.ttl
    written["ResourceRecords"] = [{"Value": value} for value in one.values]
    return {"Action": change.action.value, "ResourceRecordSet": written}


def page_of(found: dict[str, Any]) -> RecordPage | CouldNotAsk:
    """One page of a list, as the model has it."""
    try:
        sets = tuple(_record_set(one) for one in found["ResourceRecordSets"])
        following = None
        if found["IsTruncated"]:
            raw = found["NextRecordName"]
            following = Start(from_api(raw), found["NextRecordType"], found.get("NextRecordIdentifier", ""), raw)
    except KeyError as error:
        return CouldNotAsk(f"Route 53 answered a list without {error}")
    return RecordPage(sets, following)


def _hosted_zone(found: dict[str, Any]) -> HostedZone:
    zone = found["HostedZone"]
    return HostedZone(
        name=from_api(zone["Name"]),
        record_sets=int(zone.get("ResourceRecordSetCount", 0)),
        private=bool(zone.get("Config", {}).get("PrivateZone", False)),
        name_servers=tuple(sorted(found.get("DelegationSet", {}).get("NameServers", ()))),
    )


_KNOWN: Final = frozenset(
    {"Name", "Type", "TTL", "ResourceRecords", "SetIdentifier", "Weight", "MultiValueAnswer", "AliasTarget"}
)


def _record_set(one: dict[str, Any]) -> RecordSet:
    return RecordSet(
        name=from_api(one["Name"]),
        rtype=one["Type"],
        ttl=int(one.get("TTL", 0)),
        values=tuple(sorted(record["Value"] for record in one.get("ResourceRecords", ()))),
        identifier=one.get("SetIdentifier", ""),
        weight=one.get("Weight"),
        multivalue=bool(one.get("MultiValueAnswer", False)),
        other=_other(one),
    )


def _other(one: dict[str, Any]) -> str:
    """What a record set has beside what holdfast keeps."""
    if "AliasTarget" in one:
        return f"an alias to {from_api(one['AliasTarget']['DNSName'])}"
    more = sorted(key for key in one if key not in _KNOWN)
    if more:
        return f"a record set with {', '.join(more)}"
    plain = "SetIdentifier" in one and "Weight" not in one and not one.get("MultiValueAnswer")
    return "a record set of another routing policy" if plain else ""
