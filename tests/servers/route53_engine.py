"""Route 53 as a state machine on values shaped by its own model. No I/O; time is passed in."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from servers.route53_rules import (
    BadInput,
    Key,
    Set,
    judge_change,
    judge_limits,
    judge_set,
    kept,
    key_of,
    list_position,
    name_of,
    written_name,
)

PAGE_MAX = 300


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, *messages: str) -> None:
        super().__init__(f"{code}: {'; '.join(messages)}")
        self.status = status
        self.code = code
        self.messages = messages


class Knobs(msgspec.Struct):
    """How the service behaves beside its rules; times in seconds."""

    pending_s: float = 0.0
    """Until a change is INSYNC ("generally within 60 seconds")."""
    busy_s: float = 0.0
    """How long a batch keeps its zone from the next one (PriorRequestNotComplete)."""
    per_s: float = 0.0
    """Requests a second and account; 0 is without limit."""
    denied: tuple[str, ...] = ()
    """Actions that the credentials may not do."""
    refuses_identical: bool = False
    """Whether DELETE and CREATE of the very same record set in one batch is refused: the vendor does not say."""


class HostedZone:
    """One hosted zone."""

    def __init__(self, identifier: str, name: str) -> None:
        self.identifier = identifier
        self.name = name
        self.sets: dict[Key, Set] = {}
        self.busy_until_s = 0.0
        self._ordered: list[Key] | None = None
        servers = [f"ns-{n}.awsdns-{n:02}.test." for n in (1, 2, 3, 4)]
        soa = f"{servers[0]} awsdns-hostmaster.amazon.test. 1 7200 900 1209600 86400"
        self.put({"Name": name, "Type": "NS", "TTL": 172800, "ResourceRecords": [{"Value": s} for s in servers]})
        self.put({"Name": name, "Type": "SOA", "TTL": 900, "ResourceRecords": [{"Value": soa}]})
        self.servers = [s.removesuffix(".") for s in servers]

    def put(self, one: Set) -> None:
        """Store a record set."""
        self.sets[key_of(one)] = kept(one)
        self._ordered = None

    def replace(self, sets: dict[Key, Set]) -> None:
        """A batch is through."""
        self.sets = sets
        self._ordered = None

    @property
    def ordered(self) -> list[Key]:
        """Keys in the order of a list."""
        if self._ordered is None:
            self._ordered = sorted(self.sets, key=list_position)
        return self._ordered


class Route53:
    """The service, for one account."""

    def __init__(
        self, zones: tuple[tuple[str, str], ...], now_s: Callable[[], float], knobs: Knobs | None = None
    ) -> None:
        self.knobs = Knobs() if knobs is None else knobs
        self.zones = {identifier: HostedZone(identifier, name) for identifier, name in zones}
        self._now_s = now_s
        self._asked: deque[float] = deque()
        self._changes: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        """Requests by operation, and refusals by code."""

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Answer one request.

        Raises:
            Refusal: with the error that the service answers.
        """
        self._count(operation)
        try:
            self._throttle()
            if operation in self.knobs.denied:
                raise Refusal(403, "AccessDenied", f"User is not authorized to perform: route53:{operation}")
            return self._answer(operation, parameters)
        except Refusal as refusal:
            self._count(refusal.code)
            raise

    def _answer(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "ChangeResourceRecordSets":
                return self._change(self._zone(parameters["HostedZoneId"]), parameters["ChangeBatch"])
            case "ListResourceRecordSets":
                return self._list(self._zone(parameters["HostedZoneId"]), parameters)
            case "GetChange":
                return self._get_change(parameters["Id"].removeprefix("/change/"))
            case "GetHostedZone":
                return self._get_zone(self._zone(parameters["Id"]))
            case _:
                raise Refusal(404, "InvalidAction", operation)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _throttle(self) -> None:
        """ "throttling"."""
        now_s = self._now_s()
        while self._asked and self._asked[0] <= now_s - 1.0:
            self._asked.popleft()
        if self.knobs.per_s and len(self._asked) >= self.knobs.per_s:
            raise Refusal(400, "Throttling", "Rate exceeded")
        self._asked.append(now_s)

    def _zone(self, identifier: str) -> HostedZone:
        zone = self.zones.get(identifier.removeprefix("/hostedzone/"))
        if zone is None:
            raise Refusal(404, "NoSuchHostedZone", f"No hosted zone found with ID: {identifier}")
        return zone

    # -- changing ------------------------------------------------------------------------------------------

    def _change(self, zone: HostedZone, batch: dict[str, Any]) -> dict[str, Any]:
        now_s = self._now_s()
        if now_s < zone.busy_until_s:
            text = "The request was rejected because Route 53 was still processing a prior request."
            raise Refusal(400, "PriorRequestNotComplete", text)
        changes = batch["Changes"]
        try:
            messages = judge_limits(changes)
            sets = dict(zone.sets)
            messages += self._judge(zone, changes, sets)
        except BadInput as error:
            raise Refusal(400, "InvalidInput", f"Invalid request: {error}") from error
        if messages:
            raise Refusal(400, "InvalidChangeBatch", *messages)
        zone.replace(sets)  # "atomic"
        zone.busy_until_s = now_s + self.knobs.busy_s
        identifier = f"C{len(self._changes) + 1:013}"
        self._changes[identifier] = now_s
        return self._get_change(identifier)

    def _judge(self, zone: HostedZone, changes: list[dict[str, Any]], sets: dict[Key, Set]) -> list[str]:
        """Make the changes in `sets`, one after the other; what is wrong with them."""
        messages: list[str] = []
        deleted: dict[Key, Set] = {}
        for change in changes:
            action, one = change["Action"], change["ResourceRecordSet"]
            wrong = judge_set(one, zone.name) or judge_change(action, one, sets, set(deleted), zone.name)
            key = key_of(one)
            if not wrong and self.knobs.refuses_identical and deleted.get(key) == kept(one) and action == "CREATE":
                wrong = f"The request contains an invalid set of changes for a resource record set {key}"
            if wrong:
                messages.append(wrong)
            elif action == "DELETE":
                deleted[key] = sets.pop(key)
            else:
                sets[key] = kept(one)
        return messages

    # -- reading -------------------------------------------------------------------------------------------

    def _list(self, zone: HostedZone, parameters: dict[str, Any]) -> dict[str, Any]:
        if "StartRecordType" in parameters and "StartRecordName" not in parameters:
            raise Refusal(400, "InvalidInput", "Type without name")
        items = min(int(parameters.get("MaxItems", PAGE_MAX)), PAGE_MAX)
        begin = 0
        if "StartRecordName" in parameters:
            start = list_position(
                (
                    name_of(parameters["StartRecordName"]),
                    parameters.get("StartRecordType", ""),
                    parameters.get("StartRecordIdentifier", ""),
                )
            )
            ordered = zone.ordered
            low, high = 0, len(ordered)
            while low < high:
                middle = (low + high) // 2
                low, high = (middle + 1, high) if list_position(ordered[middle]) < start else (low, middle)
            begin = low
        keys = zone.ordered[begin : begin + items]
        following = zone.ordered[begin + items : begin + items + 1]
        answer: dict[str, Any] = {
            "ResourceRecordSets": [zone.sets[k] for k in keys],
            "IsTruncated": bool(following),
        }
        for name, rtype, identifier in following:
            answer["NextRecordName"] = written_name(name)
            answer["NextRecordType"] = rtype
            if identifier:
                answer["NextRecordIdentifier"] = identifier
        answer["MaxItems"] = str(items)
        return answer

    def _get_change(self, identifier: str) -> dict[str, Any]:
        """ "pending"."""
        submitted_s = self._changes.get(identifier)
        if submitted_s is None:
            raise Refusal(404, "NoSuchChange", f"Could not find resource with ID: {identifier}")
        there = self._now_s() >= submitted_s + self.knobs.pending_s
        at = datetime.datetime.fromtimestamp(submitted_s, datetime.UTC).isoformat(timespec="milliseconds")
        status = "INSYNC" if there else "PENDING"
        info = {"Id": f"/change/{identifier}", "Status": status, "SubmittedAt": at.replace("+00:00", "Z")}
        return {"ChangeInfo": info}

    def _get_zone(self, zone: HostedZone) -> dict[str, Any]:
        return {
            "HostedZone": {
                "Id": f"/hostedzone/{zone.identifier}",
                "Name": f"{zone.name}.",
                "CallerReference": "fake",
                "Config": {"PrivateZone": False},
                "ResourceRecordSetCount": len(zone.sets),
            },
            "DelegationSet": {"NameServers": zone.servers},
        }
