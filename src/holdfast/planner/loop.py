"""The planner's loop: read, judge, decide, publish; nothing else.

    documents -> fences -> may I plan? -> parent -> timers -> verdicts -> decision -> one transaction (R10)
         |          |           |            |                               |             |
      store out   not all    stands down   unreadable                     nothing        lost: look again
         `----------+-----------+------------+------> rest, and tell people once why

Fences are read at each poll. A pass that a hint woke goes on with the fences it knows unless a removal waits for
one: a fence only rises, so what is remembered can only be too low, which holds a removal back and never lets one
through; a plan that should have stood down is refused by the DNS servers. This is what makes a withdrawal a
matter of milliseconds.

Rejected: reacting to enactors' reports. They are hints for people (and wake us); fences are the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import msgspec

from holdfast.documents.plans import publish_plan
from holdfast.documents.reading import Document
from holdfast.model.codec import encode
from holdfast.model.configuration import Mode
from holdfast.model.keys import Keys
from holdfast.model.plan import ObserverRevision, Plan
from holdfast.planner import events
from holdfast.planner.decide import decide
from holdfast.planner.desk import Desk
from holdfast.planner.inputs import ignored, usable
from holdfast.planner.ledger import holds, refund_timers
from holdfast.planner.situation import Decision, Situation, Standing
from holdfast.planner.stance import stance
from holdfast.planner.view import (
    Trouble,
    View,
    believed,
    read_documents,
    read_parent,
    read_rollback,
    read_standings,
    sign_anew,
    unchanged,
)
from holdfast.ports.clock import ATTEMPT_MAX, Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.events import Emit, Event
from holdfast.ports.judgement import HealthRules
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import ZoneProvider
from holdfast.ports.signing import BelievesPlans, SignsPlans, signed
from holdfast.ports.store import Lost, Put


class Planner(msgspec.Struct, frozen=True):
    """What does not change while a planner runs. `providers` may be a live mapping: it is asked by zone."""

    scope: str
    name: str
    providers: Mapping[str, ZoneProvider]
    rules: HealthRules
    desk: Desk
    signs: SignsPlans | None = None
    believes: BelievesPlans | None = None
    """Plans that none of these keys signed are no parents and are not rolled back to; None believes all."""

    @property
    def keys(self) -> Keys:
        """Keys of the scope."""
        return Keys(self.scope)


async def run(planner: Planner) -> NoReturn:
    """Plan for one scope, for ever."""
    view, hinted = View(), False
    while True:
        view, rest = await plan_once(planner, view, hinted=hinted)
        hinted = await Idle(rest, hints=_hints(planner.keys, waiting=rest is Rest.RETRY), attempt=view.attempt)


def _hints(keys: Keys, *, waiting: bool) -> tuple[str, ...]:
    """While a removal waits for a fence, an enactor's report is worth a look."""
    hints = (keys.newest, keys.config, keys.words, keys.observations)
    return (*hints, keys.enactors) if waiting else hints


async def plan_once(planner: Planner, view: View, *, hinted: bool) -> tuple[View, Rest]:
    """One pass: the view after it, and how to rest."""
    ready = await _look(planner, view, hinted=hinted)
    if isinstance(ready, _Stopped):
        return await _stop(planner, ready.view, ready.trouble)
    view = msgspec.structs.replace(ready, trouble="")
    view, fired = await _timers(planner, view)
    view = await _judge(planner, view, fired)
    decision = decide(_situation(planner, view, fired), planner.desk)
    view = await _tell(planner, view, decision)
    if decision.plan is None:
        attempt = min(view.attempt + 1, ATTEMPT_MAX) if decision.waiting else 0
        return msgspec.structs.replace(view, attempt=attempt), Rest.RETRY if decision.waiting else Rest.POLL
    return await _publish(planner, view, decision, decision.plan)


class _Stopped(msgspec.Struct, frozen=True):
    view: View
    trouble: Trouble


async def _look(planner: Planner, view: View, *, hinted: bool) -> View | _Stopped:
    """Everything that a decision needs from outside but time."""
    keys = planner.keys
    read = await read_documents(keys, view)
    if isinstance(read, Trouble):
        return _Stopped(view, read)
    view = read
    if view.configuration is None:
        return _Stopped(view, Trouble("planner.waits", "no configuration is applied yet: `holdfast apply FILE`"))
    newest = None if view.newest is None else view.newest.value
    zones = _zones(view)
    if not hinted or tuple(s.zone for s in view.standings) != zones or _waits_for_fence(view):
        standings = await read_standings(planner.scope, zones, newest, planner.providers)
        view = msgspec.structs.replace(view, standings=standings)
    own = None if view.incarnation is None else view.incarnation.value
    stands = stance(newest, own, view.standings)
    if stands.stands_down:
        return _Stopped(view, Trouble("planner.stands_down", stands.stands_down))
    parent = believed(await read_parent(keys, view), planner.believes)
    if isinstance(parent, Trouble):
        return _Stopped(view, parent)
    view = msgspec.structs.replace(view, parent=parent)
    rollback = believed(await read_rollback(keys, view, view.directives.rollback), planner.believes)
    if isinstance(rollback, Trouble):
        return _Stopped(view, rollback)
    return msgspec.structs.replace(view, rollback=rollback)


def _zones(view: View) -> tuple[str, ...]:
    """Zones of the configuration and of the parent: where fences count."""
    assert view.configuration is not None
    configured = {zone.name for zone in view.configuration.value.configuration.zones}
    return tuple(sorted(configured.union(() if view.parent is None else view.parent.head.zones)))


def _waits_for_fence(view: View) -> bool:
    """Whether a removal is not seen applied yet, as far as the fences that are remembered tell."""
    parent = view.parent
    if parent is None:
        return True
    fences = {s.zone: s.fence for s in view.standings}
    return any(not holds(fences.get(c.zone), c.generation, parent) for c in parent.head.ledger)


async def _stop(planner: Planner, view: View, trouble: Trouble) -> tuple[View, Rest]:
    """Say once why nothing is planned, and rest."""
    if trouble.text != view.trouble:
        await Emit(events.trouble(trouble.kind, planner.name, trouble.text))
    attempt = min(view.attempt + 1, ATTEMPT_MAX) if trouble.retry else 0
    view = msgspec.structs.replace(view, trouble=trouble.text, attempt=attempt)
    return view, Rest.RETRY if trouble.retry else Rest.POLL


async def _timers(planner: Planner, view: View) -> tuple[View, frozenset[str]]:
    """Arm what matters now, forget what no longer does, and ask which have fired."""
    assert view.configuration is not None
    stored = view.configuration.value
    serving = planner.desk.serving(stored, view.directives, view.parent, view.rollback)
    observations = usable(tuple(o.value for o in view.observations), view.parent)
    wanted = {
        *planner.rules.timers(stored.configuration, observations, serving),
        *refund_timers(view.parent, _applied(view), stored.configuration.limits.window_s),
    }
    names = tuple(sorted({timer.name for timer in wanted}))
    gone = tuple(name for name in view.armed if name not in names)
    if gone:
        await Disarm(gone)
    for timer in sorted(wanted):
        if timer.name not in view.armed:
            await Arm(timer.name, timer.after_s)
    fired = await Fired(names) if names else frozenset()
    return msgspec.structs.replace(view, armed=names), fired


async def _judge(planner: Planner, view: View, fired: frozenset[str]) -> View:
    """Ask health for its verdicts, and tell which changed."""
    assert view.configuration is not None
    stored = view.configuration.value
    serving = planner.desk.serving(stored, view.directives, view.parent, view.rollback)
    observations = usable(tuple(o.value for o in view.observations), view.parent)
    verdicts = planner.rules.judge(stored.configuration, observations, serving, fired)
    if verdicts == view.verdicts:
        return view
    for event in events.verdicts_changed(planner.name, view.verdicts, verdicts):
        await Emit(event)
    return msgspec.structs.replace(view, verdicts=verdicts)


def _situation(planner: Planner, view: View, fired: frozenset[str]) -> Situation:
    assert view.configuration is not None
    newest = None if view.newest is None else view.newest.value
    own = None if view.incarnation is None else view.incarnation.value
    observations = usable(tuple(o.value for o in view.observations), view.parent)
    return Situation(
        configuration=view.configuration.value,
        directives=view.directives,
        verdicts=view.verdicts,
        observers=tuple(sorted(ObserverRevision(o.observer, o.revision) for o in observations)),
        parent=view.parent,
        incarnation=stance(newest, own, view.standings).incarnation,
        standings=_applied(view),
        fired=fired,
        rollback=view.rollback,
        planner=planner.name,
        sign_anew=sign_anew(view, planner.signs),
    )


def _applied(view: View) -> tuple[Standing, ...]:
    """What is applied. In `mode = "observe"` nothing is ever written, so a published plan counts as applied:
    else the first removal would hold all later ones back, and observing would show less than enforcing does.
    """
    assert view.configuration is not None
    if view.configuration.value.configuration.mode is Mode.ENFORCE or view.parent is None:
        return view.standings
    identity = view.parent.identity
    return tuple(Standing(s.zone, identity) if s.known and s.fence is None else s for s in view.standings)


async def _tell(planner: Planner, view: View, decision: Decision) -> View:
    """What is held back now, each once until it changes."""
    told: dict[str, Event] = {r.text: events.held_back(planner.name, r) for r in decision.held}
    if decision.refused:
        told[decision.refused] = events.trouble("planner.waits", planner.name, decision.refused)
    for text in ignored(tuple(o.value for o in view.observations), view.parent):
        told[text] = events.trouble("observations.ignored", planner.name, text)
    for text, event in told.items():
        if text not in view.told:
            await Emit(event)
    return msgspec.structs.replace(view, told=frozenset(told))


async def _publish(planner: Planner, view: View, decision: Decision, plan: Plan) -> tuple[View, Rest]:
    """R10: the plan is created only if parent, configuration and words are what it was made from."""
    keys, plan = planner.keys, signed(plan, planner.signs)
    conditions = (
        unchanged(keys.newest, view.newest),
        unchanged(keys.config, view.configuration),
        unchanged(keys.words, view.words),
        unchanged(keys.incarnation, view.incarnation),
    )
    incarnation = plan.identity.incarnation
    puts = () if view.incarnation is not None else (Put(keys.incarnation, encode(incarnation)),)
    result = await publish_plan(keys, plan, conditions, puts, planner.desk.encoder.bytes_of)
    if isinstance(result, CouldNotAsk):
        return await _stop(
            planner, view, Trouble("planner.waits", f"the store does not answer: {result.reason}", retry=True)
        )
    if isinstance(result, Lost):
        await Emit(events.plan_lost(planner.name, plan))
        return msgspec.structs.replace(view, attempt=0), Rest.TURN
    await Emit(events.plan_created(planner.name, plan, decision.names_changed))
    view = msgspec.structs.replace(
        view,
        newest=Document(key=keys.newest, value=plan.identity, revision=result.revision),
        incarnation=view.incarnation
        or Document(key=keys.incarnation, value=incarnation, revision=result.revision),
        parent=plan,
        signed=planner.signs is not None,
        attempt=0,
    )
    return view, Rest.RETRY if decision.waiting else Rest.POLL
