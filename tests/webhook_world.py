"""The webhook on a store in memory, in virtual time, and ExternalDNS's side of it: its requests and its plan."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

import httpx

from holdfast.access.gate import Gate
from holdfast.externaldns.accepting import Accepted, Unacceptable
from holdfast.externaldns.adjusting import LeftOut
from holdfast.externaldns.contract import MEDIA_TYPE, Changes
from holdfast.externaldns.marks import Affix
from holdfast.externaldns.merging import merged
from holdfast.externaldns.writing import Narrow, Situation, situation, write_changes
from holdfast.model.codec import decode, encode
from holdfast.model.configuration import (
    Configuration,
    EndpointConfig,
    ExternalDns,
    GroupConfig,
    Mode,
    ProviderKind,
    StoredConfiguration,
    TargetConfig,
    ZoneConfig,
)
from holdfast.model.directives import Directives
from holdfast.model.external import ClusterNames
from holdfast.model.keys import Keys
from holdfast.ports.clock import Arm, Disarm, Fired, Idle
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk, Loop
from holdfast.ports.store import Commit, Get, Put
from holdfast.service.webhook.http import application
from holdfast.stores.memory import MemoryState

T = TypeVar("T")
KEYS = Keys("s")
ZONE = "example.com"
OWNER = "cluster-1"
POLICY = ExternalDns(domains=(ZONE,), delete_after_s=600.0, delete_share=0.1)
RULE = "kept.example.com"
"""The name that the file keeps."""


def configuration(policy: ExternalDns | None = POLICY, *, prefixes: tuple[str, ...] = ()) -> Configuration:
    """A file with one name of its own and room for a cluster's."""
    target = TargetConfig(name="t", a="192.0.2.1", aaaa=None, port=80, label="x")
    return Configuration(
        scope="s",
        mode=Mode.ENFORCE,
        zones=(ZoneConfig(ZONE, ProviderKind.MEMORY, ""),),
        groups=(GroupConfig(RULE, (target,), POLICY.check),),
        endpoints=(EndpointConfig(RULE, ZONE, RULE),),
        probers=(),
        allowed_prefixes=prefixes,
        external_dns=policy,
    )


class World:
    """The store, the clock and what was said; the desk of the HTTP side."""

    def __init__(self, stored: Configuration | None = None, affix: Affix | None = None) -> None:
        self.state = MemoryState()
        self.affix = affix or Affix()
        self.events: list[Event] = []
        self.now_s = 0.0
        self.timers: dict[str, float] = {}
        self.silent = ""
        self.out: list[LeftOut] = []
        self.put(KEYS.config, StoredConfiguration(1, "m:/f", "d", stored or configuration()))

    def put(self, key: str, value: object) -> None:
        self.state.apply(Commit(puts=(Put(key, encode(value)),)))

    def get(self, key: str, kind: type[T]) -> T:
        entry = self.state.apply(Get(key))
        assert entry is not None, key
        return decode(entry.value, kind)

    @property
    def stored(self) -> StoredConfiguration:
        return self.get(KEYS.config, StoredConfiguration)

    @property
    def names(self) -> ClusterNames:
        return self.get(KEYS.external_dns, ClusterNames)

    @property
    def words(self) -> Directives:
        return self.get(KEYS.words, Directives)

    def answer(self, operation: Any) -> Any:
        if isinstance(operation, Emit):
            return self.events.append(operation.event)
        if isinstance(operation, Arm):
            return self.timers.setdefault(operation.timer, self.now_s + operation.after_s) and None
        if isinstance(operation, Fired):
            return frozenset(t for t in operation.timers if self.timers.get(t, self.now_s + 1) <= self.now_s)
        if isinstance(operation, Disarm):
            for timer in operation.timers:
                self.timers.pop(timer, None)
            return None
        if self.silent:
            return CouldNotAsk(self.silent)
        return self.state.apply(operation)

    def run(self, loop: Loop[T]) -> T:
        result: Any = None
        while True:
            try:
                operation: Any = loop.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            result = self.answer(operation)

    def turn(self, loop: Loop[None]) -> None:
        """A loop for ever, up to its next rest."""
        result: Any = None
        operation: Any = loop.send(None)
        while not isinstance(operation, Idle):
            result = self.answer(operation)
            operation = loop.send(result)
        self.resting = loop

    async def situation(self) -> Situation | CouldNotAsk:
        return self.run(situation(KEYS))

    async def write(self, changes: Changes, narrow: Narrow) -> Accepted | Unacceptable | CouldNotAsk:
        return self.run(write_changes(KEYS, changes, self.affix, narrow))

    def left_out(self, found: tuple[LeftOut, ...]) -> None:
        self.out = list(found)

    def check(self) -> None:
        """What always holds: the configuration has exactly the document's names, none without an address."""
        stored = self.stored.configuration
        assert merged(stored, self.names) == stored
        assert all(group.targets for group in stored.groups)


class Cluster:
    """ExternalDNS in front of a webhook: requests with its headers, plans by the rules of its `plan/plan.go`."""

    def __init__(self, world: World, owner: str = OWNER, *, gate: Gate | None = None) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(application(world, gate)), base_url="http://127.0.0.1:8888"
        )
        self.owner = owner

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request with the contract's media type."""
        given = {"Accept": MEDIA_TYPE, **({} if body is None else {"Content-Type": MEDIA_TYPE})}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        return await self.http.request(method, path, content=content, headers={**given, **headers})

    async def records(self) -> list[dict[str, Any]]:
        found = (await self.send("GET", "/records")).json()
        assert isinstance(found, list)
        return found

    async def sync(self, wished: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], httpx.Response | None]:
        """One reconciliation: records, adjust, plan, apply. The answer is None when there was nothing to apply."""
        current = await self.records()
        owners = {m["dnsName"]: m["targets"][0] for m in current if m["recordType"] == "TXT"}
        have = {(r["dnsName"], r["recordType"]): r for r in current if r["recordType"] != "TXT"}
        adjusted = (await self.send("POST", "/adjustendpoints", list(wished))).json()
        want = {(r["dnsName"], r["recordType"]): r for r in adjusted}
        mine = f"external-dns/owner={self.owner},"

        def owned(key: tuple[str, str]) -> bool:
            return mine in owners.get(f"{key[1].lower()}-{key[0]}", "")

        changes: dict[str, Any] = {"create": [], "updateOld": [], "updateNew": [], "delete": []}
        for key, new in want.items():
            if key not in have:
                changes["create"] += [self._mine(new), self.mark(key, new)]
            elif owned(key) and self._differs(have[key], new):
                changes["updateOld"] += [self._mine(have[key]), self.mark(key, new)]
                changes["updateNew"] += [self._mine(new), self.mark(key, new)]
        for key, old in have.items():
            if key not in want and owned(key):
                changes["delete"] += [self._mine(old), self.mark(key, old)]
        changes = {name: part for name, part in changes.items() if part}
        return changes, await self.send("POST", "/records", changes) if changes else None

    def _mine(self, record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "labels": {**record.get("labels", {}), "owner": self.owner}}

    def mark(self, key: tuple[str, str], record: dict[str, Any]) -> dict[str, Any]:
        """The ownership record that the registry puts beside a record."""
        resource = record.get("labels", {}).get("resource", "service/default/shop")
        text = f'"heritage=external-dns,external-dns/owner={self.owner},external-dns/resource={resource}"'
        labels = {"ownedRecord": key[0]}
        name = f"{key[1].lower()}-{key[0]}"
        return {"dnsName": name, "recordType": "TXT", "targets": [text], "labels": labels}

    @staticmethod
    def _differs(old: dict[str, Any], new: dict[str, Any]) -> bool:
        ttl = new.get("recordTTL", 0)
        return (
            sorted(old["targets"]) != sorted(new["targets"])
            or (ttl > 0 and ttl != old.get("recordTTL", 0))
            or bool(new.get("providerSpecific"))
        )


def wish(name: str, *targets: str, rtype: str = "A", ttl: int = 0, **more: Any) -> dict[str, Any]:
    """A record that a cluster's resources ask for."""
    labels = {"resource": f"ingress/default/{name.split('.')[0]}"}
    return {"dnsName": name, "recordType": rtype, "targets": list(targets), "labels": labels,
            **({"recordTTL": ttl} if ttl else {}), **more}  # fmt: skip
