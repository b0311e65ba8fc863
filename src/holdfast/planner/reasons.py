"""Reasons: why a plan says something else than its parent, in sentences for `history` and `plan`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.plan import ExplicitAct, Plan, Reason
from holdfast.model.records import NameRecords, Tenure
from holdfast.planner.limits import Case
from holdfast.planner.sections import order
from holdfast.planner.situation import Situation

REASONS_MAX: Final = 200
"""More would make the head outgrow a store's request (R14); the rest is counted."""
LISTED: Final = 5
"""Names spelled out in a summary."""


def bounded(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The first reasons, and how many more there are."""
    every = tuple(reasons)
    if len(every) <= REASONS_MAX:
        return every
    more = Reason(kind="more", subject="", text=f"and {len(every) - REASONS_MAX} more reasons like these")
    return (*every[:REASONS_MAX], more)


def member_reasons(case: Case, weights: Mapping[str, int]) -> tuple[Reason, ...]:
    """One for each member of a pool whose weight moves."""
    zone = case.pool[0]
    if not any(cohort.held for cohort in case.cohorts):
        return ()
    return tuple(
        Reason(
            kind=m.kind,
            subject=m.subject,
            text=f"{m.subject}: weight {m.now} -> {weights[m.subject]} in {zone}, {m.text}",
        )
        for m in case.members
        if weights[m.subject] != m.now
    )


def name_reasons(parent: Plan | None, drafts: tuple[NameRecords, ...]) -> tuple[Reason, ...]:
    """Names that came, went, or changed their tenure, group or TTL: one sentence for each kind."""
    before = {} if parent is None else {order(r): r for section in parent.sections for r in section.names}
    kinds: dict[str, list[str]] = {}
    for draft in drafts:
        old = before.pop(order(draft), None)
        if old is not draft and (what := _what(old, draft)):
            kinds.setdefault(what, []).append(draft.name)
    if before:
        kinds["let go of by `release`; DNS keeps what they have"] = sorted(r.name for r in before.values())
    return tuple(
        Reason(kind="configuration", subject=names[0], text=_listed(names, what)) for what, names in kinds.items()
    )


def _what(old: NameRecords | None, new: NameRecords) -> str:
    if old is None:
        return "new"
    if old.tenure is not new.tenure:
        return {
            Tenure.MANAGED: "managed again",
            Tenure.ORPHANED: "gone from the configuration and kept as they are; `retire` or `release` ends that",
            Tenure.RETIRED: "retired: addresses are removed",
        }[new.tenure]
    if old.group != new.group:
        return f"moved to group {new.group}"
    return f"TTL now {new.ttl}" if old.ttl != new.ttl else ""


def _listed(names: list[str], what: str) -> str:
    shown = ", ".join(names[:LISTED])
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{len(names)} names {what}: {shown}{more}" if len(names) > 1 else f"{shown} {what}"


def explicit_acts(situation: Situation) -> tuple[ExplicitAct, ...]:
    """The words in force, which exempt what they name from velocity and from the enactors' distrust (R9, R11).

    A parent's words on targets are named again until every zone is seen at the parent: an enactor that is still
    catching up meets the removal in this plan, not in that one.
    """
    acts = {*_drains_and_retired(situation.directives), *_removals(situation.configuration)}
    parent = situation.parent
    if parent is not None and any(not s.known or s.fence != parent.identity for s in situation.standings):
        acts.update(act for act in parent.head.explicit if act.act in ("remove-target", "lower-weight"))
    return tuple(sorted(acts))


def _drains_and_retired(directives: Directives) -> Iterable[ExplicitAct]:
    for word in directives.drained:
        yield ExplicitAct("drain", word.subject, f"{word.by}: {word.reason}")
    for word in directives.retired:
        yield ExplicitAct("retire", word.subject, f"{word.by}: {word.reason}")


def _removals(stored: StoredConfiguration) -> Iterable[ExplicitAct]:
    """Words of the configuration's revision: by target key, and by address for targets that are gone."""
    named = frozenset(stored.removed_by_word)
    configured = {
        f"{group.name}/{target.name}"
        for group in (stored.configuration.groups if named else ())
        for target in group.targets
    }
    why = f"by word with revision {stored.revision} of the configuration"
    for key in stored.removed_by_word:
        yield ExplicitAct("lower-weight" if key in configured else "remove-target", key, why)
    for address in stored.removed_addresses:
        yield ExplicitAct("remove-target", address, why)
