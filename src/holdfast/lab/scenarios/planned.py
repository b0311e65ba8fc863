"""Invariants of plans as they are created: what R10 to R13 ask of each, read from store and fences alone."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.lab.alphabet import KEYS, SCOPE
from holdfast.lab.invariants import by_fault, fence_in
from holdfast.lab.library import Library
from holdfast.lab.system import Happened, Invariant, View
from holdfast.model.codec import decode
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.identity import Identity
from holdfast.model.observation import Observations
from holdfast.model.plan import PlanHead
from holdfast.model.records import NameRecords, Tenure

Judge = Callable[[View, PlanHead, Identity], str | None]


def each_plan(name: str, library: Library, judge: Judge) -> Invariant:
    """`judge` on each plan that a step creates; it sees the world as it was just before."""

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step) or before.store is after.store:
            return None
        for identity in set(library.take(after.store)) - set(library.take(before.store)):
            head = library.head(identity)
            broken = None if head is None else judge(before, head, identity)
            if broken:
                return f"plan {identity} {broken}, published by {step.by}"
        return None

    return Invariant(name, check)


def _serving(names: dict[str, NameRecords] | None) -> dict[str, dict[str, int]]:
    found = names or {}
    return {n: {w.address: w.weight for w in (*r.a, *r.aaaa) if w.weight > 0} for n, r in found.items()}


def observations_monotone() -> Invariant:
    """I9 before any plan: an observer's revisions never fall, also over its restarts and its namesakes (R10)."""

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step) or before.store is after.store:
            return None
        for key in after.store.keys(KEYS.observations):
            old, new = before.store.get(key), after.store.get(key)
            if old is None or new is None or old == new:
                continue
            was, now = decode(old, Observations).revision, decode(new, Observations).revision
            if now <= was:
                return f"{step.by} published {key} under revision {now}, it was at {was}"
        return None

    return Invariant("I9 inputs monotone", check)


def inputs_current(library: Library) -> Invariant:
    """I9: when a plan is created, configuration and words are those that the store has (R10)."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        config, words = before.store.get(KEYS.config), before.store.get(KEYS.words)
        here = 0 if config is None else decode(config, StoredConfiguration).revision
        said = 0 if words is None else decode(words, Directives).revision
        if head.inputs.configuration_revision != here:
            return f"is made from configuration {head.inputs.configuration_revision}, the store has {here}"
        if head.inputs.directives_revision != said:
            return f"is made from words {head.inputs.directives_revision}, the store has {said}"
        return None

    return each_plan("I9 inputs monotone", library, judge)


def inputs_above_ancestors(library: Library) -> Invariant:
    """I9 along the chain: no input is older than any ancestor's, also of an observer silent for a plan."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        mine = {o.observer: o.revision for o in head.inputs.observations}
        at = head.parent
        while at is not None and (ancestor := library.head(at)) is not None:
            for seen in ancestor.inputs.observations:
                if seen.revision > mine.get(seen.observer, seen.revision):
                    return f"is made from {seen.observer} at {mine[seen.observer]}, {at} from {seen.revision}"
            at = ancestor.parent
        return None

    return each_plan("I9 inputs monotone", library, judge)


def none_made(library: Library, why: str) -> Invariant:
    """I1: no plan is made at all."""
    return each_plan("I1 monotone", library, lambda before, head, identity: f"is made, though {why}")


def one_unapplied(library: Library) -> Invariant:
    """I4: at most one unapplied plan that removes per zone (R11)."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        for origin, zone in before.zones.items():
            fence = fence_in(zone, SCOPE)
            reached = 0 if fence is None else fence.identity.generation
            charged = {c.generation for c in head.ledger if c.zone == origin}
            if head.generation in charged and any(reached < g < head.generation for g in charged):
                return f"removes from {origin}, whose fence is at generation {reached}, beside {sorted(charged)}"
        return None

    return each_plan("I4 velocity", library, judge)


def refunds_are_applied(library: Library) -> Invariant:
    """I4: a charge is given back only after the zone's fence has reached it (R11)."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        parent = None if head.parent is None else library.head(head.parent)
        for charge in () if parent is None else parent.ledger:
            fence = fence_in(before.zones[charge.zone], SCOPE)
            if charge not in head.ledger and (fence is None or fence.identity.generation < charge.generation):
                return f"refunds {charge.amount} of generation {charge.generation}, which is not applied"
        return None

    return each_plan("I4 velocity", library, judge)


def serves_at_least(library: Library, capacity: int) -> Invariant:
    """I4: each plan serves this much at each of its names."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        for name, weights in _serving(library.names(identity)).items():
            if sum(weights.values()) < capacity:
                return f"serves {sum(weights.values())} at {name}, at least {capacity} has to stay"
        return None

    return each_plan("I4 velocity", library, judge)


def keeps(library: Library, addresses: frozenset[str]) -> Invariant:
    """I4 at its root: what never failed stays in each plan, at each name."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        for name, weights in _serving(library.names(identity)).items():
            gone = sorted(addresses - set(weights))
            if gone:
                return f"withdraws {gone} at {name}, which never failed"
        return None

    return each_plan("I4 velocity", library, judge)


def families_stay(library: Library) -> Invariant:
    """I2 by address family (R12): a family that the parent serves at a name is served by the child as well."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        old = {} if head.parent is None else library.names(head.parent) or {}
        for name, now in (library.names(identity) or {}).items():
            was = old.get(name)
            for family, had, has in (("A", was and was.a, now.a), ("AAAA", was and was.aaaa, now.aaaa)):
                gone = any(w.weight for w in had or ()) and not any(w.weight for w in has)
                if gone and now.tenure is not Tenure.RETIRED:
                    return f"leaves {name} without any {family}"
        return None

    return each_plan("I2 never empty", library, judge)


def adds_before_it_removes(library: Library) -> Invariant:
    """I4: an address that moves leaves only once what takes its place is applied (R11)."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        if head.parent is None:
            return None
        old, new = _serving(library.names(head.parent)), _serving(library.names(identity))
        for name, weights in new.items():
            gone, come = set(old.get(name, {})) - set(weights), set(weights) - set(old.get(name, {}))
            applied = all(
                f is not None and f.identity >= head.parent
                for f in (fence_in(z, SCOPE) for z in before.zones.values())
            )
            if gone and (come or not applied):
                return f"takes {sorted(gone)} from {name} before what takes their place is applied"
        return None

    return each_plan("I4 velocity", library, judge)


def rollback_holds(library: Library) -> Invariant:
    """R13 (as I9: people's word is an input): under a rollback plans have the older content, or there are none."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        data = before.store.get(KEYS.words)
        word = None if data is None else decode(data, Directives).rollback
        if word is None:
            return None
        known = {i.generation: i for i in library.take(before.store)}
        if word.generation not in known:
            return f"is made although generation {word.generation}, which people rolled back to, is gone"
        wanted = _serving(library.names(known[word.generation]))
        lacking = [n for n, w in _serving(library.names(identity)).items() if not set(wanted.get(n, {})) <= set(w)]
        return f"lacks addresses of generation {word.generation} at {lacking}" if lacking else None

    return each_plan("I9 inputs monotone", library, judge)


def lost_ledger_is_spent(library: Library) -> Invariant:
    """I4: a plan without a parent, for a zone that has a fence, has the zone's budget spent (R11)."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        fenced = {o for o, z in before.zones.items() if fence_in(z, SCOPE) is not None}
        unspent = fenced - {c.zone for c in head.ledger}
        return (
            f"has budget in {sorted(unspent)}, whose ledger is lost" if head.parent is None and unspent else None
        )

    return each_plan("I4 velocity", library, judge)


def stands_down_under_fences(library: Library) -> Invariant:
    """I1: no plan is made while a fence is above the store's newest: the store has lost its history ("Words")."""

    def judge(before: View, head: PlanHead, identity: Identity) -> str | None:
        for origin, zone in before.zones.items():
            fence = fence_in(zone, SCOPE)
            if fence is not None and (head.parent is None or fence.identity > head.parent):
                return f"is made although the fence of {origin} is at {fence.identity}"
        return None

    return each_plan("I1 monotone", library, judge)
