"""Coming to know the newest plan: from the store, checked, and on the disk before anything of it is written."""

from __future__ import annotations

import msgspec

from holdfast.documents.plans import read_plan
from holdfast.enactor.distrust import foreign, refuse_plan
from holdfast.enactor.memory import Memory
from holdfast.enactor.settings import EnactorSettings
from holdfast.enactor.shelf import Shelf, put_plan
from holdfast.enactor.sight import Documents, Sight
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan
from holdfast.model.report import ZoneProgress
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk


class State(msgspec.Struct, frozen=True):
    """All that an enactor's loop carries from pass to pass: canonical values, nothing that grows by running."""

    plan: Plan | None
    memory: Memory
    shelf: Shelf = Shelf()
    former: Plan | None = None
    """The plan before, until all zones have gone on to the newer one: what a zone that refuses it is healed by."""
    documents: Documents = Documents()
    rejected: Identity | None = None
    trouble: str = ""
    """The last thing said about store or plan as a whole; said again only when it changes."""
    progress: tuple[ZoneProgress, ...] = ()
    laggards: tuple[str, ...] = ()
    saved: Memory | None = None
    """The memory as it lies on the disk."""
    reported: bool = False
    attempt: int = 0

    @property
    def identity(self) -> Identity | None:
        """Identity of the plan that is held."""
        return None if self.plan is None else self.plan.identity


async def say(state: State, settings: EnactorSettings, kind: str, text: str) -> State:
    """Emit something about the whole once; an empty text means that all is well again."""
    if text and text != state.trouble:
        await Emit(Event(kind=kind, actor=settings.enactor, text=text, plan=state.identity))
    return state if text == state.trouble else msgspec.structs.replace(state, trouble=text)


async def take(state: State, settings: EnactorSettings, identity: Identity) -> State:
    """Fetch a plan that the store names, check it (R9), save it, and hold it. On any failure the old one stays."""
    if identity in (state.identity, state.rejected):
        return state
    plan = await read_plan(Keys(settings.scope), identity, state.plan)
    if isinstance(plan, CouldNotAsk):
        return state
    if not isinstance(plan, Plan):
        why = "parts of it are missing from the store" if plan is None else f"{plan.key}: {plan.why}"
        return await say(state, settings, "plan.rejected", f"plan {identity} can't be read: {why}")
    unsigned = foreign(plan, settings.believes)
    if unsigned:
        state = await say(state, settings, "plan.foreign", f"plan {identity} is refused: {unsigned}")
        return msgspec.structs.replace(state, rejected=identity)
    refusal = refuse_plan(plan, settings.scope, state.memory.configuration, state.memory.directives)
    if refusal is not None:
        state = await say(state, settings, "plan.rejected", f"plan {identity} is refused (R9): {refusal}")
        return msgspec.structs.replace(state, rejected=identity)
    kept = await put_plan(plan, state.shelf)
    former = state.plan if state.former is None else state.former
    # Where nothing may be written, under a freeze say, no zone changes; `status` shows all the same who knows it.
    state = msgspec.structs.replace(state, plan=plan, former=former, rejected=None, reported=False)
    if isinstance(kept, Shelf):
        return await say(msgspec.structs.replace(state, shelf=kept), settings, "", "")
    # A full disk must not stop DNS: the plan is held in memory, and people are told what is missing.
    return await say(state, settings, "disk.failed", f"the plan can't be kept on the disk: {kept.reason}")


def behind(state: State, sight: Sight) -> bool:
    """Whether the store knows less than this enactor: lost, or restored from an old copy."""
    return (
        sight.reachable and state.identity is not None and (sight.newest is None or sight.newest < state.identity)
    )


def unbelieved(state: State, known: State) -> State:
    """The documents as they were `known` before this look: a store that has lost plans has lost words as well.

    Else the old copy would replace, on the very disk that has to make the store whole again, what the store lost.
    """
    memory = msgspec.structs.replace(
        state.memory,
        configuration=known.memory.configuration or state.memory.configuration,
        directives=known.memory.directives or state.memory.directives,
    )
    return msgspec.structs.replace(state, memory=memory, documents=known.documents)
