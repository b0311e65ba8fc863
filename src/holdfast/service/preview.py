"""What the newest plan would still change in DNS: for `plan`, and before a thaw."""

from __future__ import annotations

import msgspec

from holdfast.enactor.difference import Coverage, difference, names_of
from holdfast.model.identity import Identity
from holdfast.ports.operation import CouldNotAsk
from holdfast.service.scene import Scene
from holdfast.service.views import newest_plan


class NameChange(msgspec.Struct, frozen=True):
    """One name: what DNS serves and what it would serve."""

    zone: str
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class Preview(msgspec.Struct, frozen=True):
    """The difference between plan and DNS; `reasons` are the plan's own, limits that held something back too."""

    plan: Identity | None
    changes: tuple[NameChange, ...]
    reasons: tuple[str, ...]
    troubles: tuple[str, ...] = ()


async def preview(scene: Scene) -> Preview:
    """Compare the newest plan with what the primaries serve; writes nothing."""
    plan = await newest_plan(scene)
    if plan is None:
        return Preview(plan=None, changes=(), reasons=())
    changes: list[NameChange] = []
    troubles: list[str] = []
    for zone, provider in scene.providers.items():
        names = names_of(plan, zone)
        if not names:
            continue
        seen = await scene.ask(provider.read_rrsets(tuple(n.name for n in names)))
        if isinstance(seen, CouldNotAsk):
            troubles.append(f"{zone}: {seen.reason}")
            continue
        found = difference(
            names, seen, render=provider.render, managed_types=provider.managed_types, frozen=Coverage()
        )
        by_name: dict[str, NameChange] = {}
        for change in found.changes:
            old = by_name.get(change.name, NameChange(zone, change.name, (), ()))
            by_name[change.name] = NameChange(
                zone,
                change.name,
                (*old.before, *(change.before.rdatas if change.before else ())),
                (*old.after, *(change.after.rdatas if change.after else ())),
            )
        changes.extend(by_name.values())
        troubles.extend(f"{o.name} {o.why}" for o in found.aliases)
    return Preview(
        plan=plan.identity,
        changes=tuple(changes),
        reasons=tuple(f"{r.kind} {r.subject}: {r.text}" for r in plan.head.reasons),
        troubles=tuple(troubles),
    )
