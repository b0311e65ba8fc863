"""What people look at: the scope as store and DNS show it now, as values."""

from __future__ import annotations

from typing import Any

import msgspec

from holdfast.documents.configuration import read_configuration
from holdfast.documents.freezes import freeze_id_of, read_freezes
from holdfast.documents.plans import read_newest_plan
from holdfast.documents.reading import Document, Garbled, read_all
from holdfast.documents.words import read_words
from holdfast.leases.members import roles
from holdfast.model.configuration import Configuration
from holdfast.model.directives import Directives
from holdfast.model.freeze import Freeze
from holdfast.model.identity import Identity
from holdfast.model.lease import Lease
from holdfast.model.observation import Observations, TargetState
from holdfast.model.plan import Plan
from holdfast.model.report import EnactorReport
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceFound, FenceUnreadable, ZoneProvider
from holdfast.service.leases.members import LeasesView, ask_service, leases_view
from holdfast.service.route53.record import warnings
from holdfast.service.scene import CannotOpen, Scene


class ZoneView(msgspec.Struct, frozen=True):
    """A zone: its fence as the primary shows it, and whether the data agree with the plan."""

    zone: str
    provider: str
    fence: Identity | None
    fence_text: str
    freezes: tuple[str, ...] = ()
    writer: str = ""
    note: str = ""
    """What a person should know of its provider: not verified against the live service."""


class NameView(msgspec.Struct, frozen=True):
    """A name: what the plan wants, and what the primary serves."""

    name: str
    tenure: str
    planned: tuple[str, ...]
    out: tuple[str, ...]
    served: tuple[str, ...]


class Status(msgspec.Struct, frozen=True):
    """Everything that `status` shows."""

    scope: str
    mode: str
    store: str
    configuration_revision: int
    origin: str
    plan: Identity | None
    zones: tuple[ZoneView, ...]
    names: tuple[NameView, ...]
    enactors: tuple[EnactorReport, ...]
    directives: Directives
    freezes: tuple[Freeze, ...]
    observers: tuple[str, ...]
    unhealthy: tuple[str, ...]
    held: tuple[str, ...]
    leases: LeasesView = LeasesView()
    """Targets that come from leases, and how far hosts are with their configuration."""
    foreign: str = ""
    """Why the newest plan is none that is believed here; empty if it is."""


async def stored_configuration(scene: Scene) -> Configuration:
    """The store's configuration; the file's while the store has none."""
    found = await scene.ask(read_configuration(scene.keys))
    return found.value.configuration if isinstance(found, Document) else scene.loaded.configuration


async def newest_plan(scene: Scene) -> Plan | None:
    """The newest plan; None when there is none.

    Raises:
        CannotOpen: the store does not answer, or the plan can't be read.
    """
    plan = await scene.ask(read_newest_plan(scene.keys))
    if isinstance(plan, CouldNotAsk):
        raise CannotOpen(_why(plan))
    return plan


async def status(scene: Scene, most: int = 200) -> Status:
    """Gather the status; parts that can't be had say so instead of failing the rest. `most` names at most."""
    keys = scene.keys
    document = await scene.ask(read_configuration(keys))
    store = "answers"
    if isinstance(document, (CouldNotAsk, Garbled)):
        store, document = _why(document), None
    plan = None
    if store == "answers":
        try:
            plan = await newest_plan(scene)
        except CannotOpen as error:
            store = str(error)
    words = await scene.ask(read_words(keys))
    freezes = await scene.ask(read_freezes(keys))
    reports = await scene.ask(read_all(keys.enactors, EnactorReport))
    observations = await scene.ask(read_all(keys.observations, Observations))
    configuration = scene.loaded.configuration if document is None else document.value.configuration
    seen = [d.value for d in _documents(observations)]
    return Status(
        scope=configuration.scope,
        mode=configuration.mode.value,
        store=store,
        configuration_revision=0 if document is None else document.value.revision,
        origin="" if document is None else document.value.origin,
        plan=None if plan is None else plan.identity,
        zones=await _zones(scene, configuration),
        names=await _names(scene, plan, most),
        enactors=tuple(d.value for d in _documents(reports)),
        directives=words.value if isinstance(words, Document) else Directives(),
        freezes=tuple(d.value for d in _documents(freezes)),
        observers=tuple(f"{o.observer}: {o.distrust}" if o.distrust else o.observer for o in seen),
        unhealthy=_unhealthy(seen),
        foreign=_foreign(scene, plan),
        held=() if plan is None else tuple(r.text for r in plan.head.reasons if r.kind in HELD),
        leases=await _leases(scene, configuration, seen),
    )


def _foreign(scene: Scene, plan: Plan | None) -> str:
    unsigned = "" if plan is None or scene.believes is None else scene.believes.refusal(plan.head)
    return f"plan {plan.identity} is refused: {unsigned}" if unsigned and plan is not None else ""


HELD = frozenset({"floor", "fail-open", "velocity", "hold-down", "kept", "never-empty", "distrust"})
"""Kinds of reasons that say what a limit held back."""


async def _leases(scene: Scene, configuration: Configuration, seen: list[Observations]) -> LeasesView:
    known = roles(configuration)
    leases = await scene.ask(read_all(scene.keys.leases, Lease)) if known else ()
    said = await ask_service(scene.service.leases, known)
    return leases_view(configuration, [d.value for d in _documents(leases)], seen, said)


def _unhealthy(seen: list[Observations]) -> tuple[str, ...]:
    down: dict[str, list[str]] = {}
    for observer in seen:
        for target in observer.targets:
            if target.state is TargetState.DOWN:
                down.setdefault(target.target, []).append(f"{observer.vantage}: {target.reason}")
    return tuple(f"{target} down ({'; '.join(why)})" for target, why in sorted(down.items()))


async def no_such_freeze(scene: Scene, freeze_id: str) -> str | None:
    """Why there is nothing to thaw under this id; None if there is, or if that can't be told for sure.

    A mistyped id would otherwise be "thawed" in every zone, with the freeze that was meant still in force.
    """
    found = await scene.ask(read_freezes(scene.keys))
    if isinstance(found, CouldNotAsk):
        return None
    in_force = {freeze_id_of(scene.keys, d.key) for d in found}
    for provider in scene.providers.values():
        reading = await scene.ask(provider.read_fence(scene.keys.scope))
        if isinstance(reading, (CouldNotAsk, FenceUnreadable)):
            return None
        if isinstance(reading, FenceFound):
            in_force.update(reading.fence.freezes)
    if freeze_id in in_force:
        return None
    return f"there is no freeze {freeze_id}; in force: {', '.join(sorted(in_force)) or 'none'}"


async def _zones(scene: Scene, configuration: Configuration) -> tuple[ZoneView, ...]:
    notes = warnings(configuration, scene.service.state)
    views = [await _zone(scene, z.name, z.provider.value) for z in configuration.zones]
    return tuple(msgspec.structs.replace(view, note=notes.get(view.zone, "")) for view in views)


async def _zone(scene: Scene, zone: str, kind: str) -> ZoneView:
    provider = scene.providers.get(zone)
    if provider is None:
        return ZoneView(zone, kind, None, "this file has no access to the zone")
    reading = await scene.ask(provider.read_fence(scene.keys.scope))
    if isinstance(reading, FenceFound):
        fence = reading.fence
        freezes = ("all",) if fence.freeze_all else fence.freezes
        return ZoneView(zone, kind, fence.identity, f"at {fence.identity}", freezes, fence.writer)
    return ZoneView(zone, kind, None, _why(reading))


async def _names(scene: Scene, plan: Plan | None, most: int) -> tuple[NameView, ...]:
    if plan is None:
        return ()
    names = [n for s in plan.sections for n in s.names][:most]
    served: dict[str, tuple[str, ...]] = {}
    for zone in sorted({n.zone for n in names}):
        provider = scene.providers.get(zone)
        if provider is not None:
            served.update(await _served(scene, provider, tuple(n.name for n in names if n.zone == zone)))
    return tuple(
        NameView(
            name=n.name,
            tenure=n.tenure.value,
            planned=tuple(f"{w.address}*{w.weight}" for w in (*n.a, *n.aaaa) if w.weight),
            out=tuple(w.address for w in (*n.a, *n.aaaa) if not w.weight),
            served=served.get(n.name, ()),
        )
        for n in names
    )


async def _served(scene: Scene, provider: ZoneProvider, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found = await scene.ask(provider.read_rrsets(names))
    if isinstance(found, CouldNotAsk):
        return dict.fromkeys(names, (f"could not ask: {found.reason}",))
    served: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    for rrset in found.rrsets:
        if rrset.rtype in ("A", "AAAA"):
            served[rrset.name] = (*served.get(rrset.name, ()), *rrset.rdatas)
    return served


def _documents(found: object) -> list[Document[Any]]:
    return [d for d in found if isinstance(d, Document)] if isinstance(found, tuple) else []


def _why(outcome: object) -> str:
    """Why something could not be read, in words."""
    if isinstance(outcome, CouldNotAsk):
        return f"could not ask: {outcome.reason}"
    if isinstance(outcome, Garbled):
        return f"{outcome.key} can't be read: {outcome.why}"
    return getattr(outcome, "why", "") or "missing"
