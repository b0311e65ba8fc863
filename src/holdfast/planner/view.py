"""What a planner's loop knows between two passes: canonical values only, so that a loop with nothing to do rests
with the same view as before ("What exhaustive search asks", docs/protocol.md). And how its documents are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from holdfast.documents.plans import read_head, read_plan
from holdfast.documents.reading import Document, Garbled, interpret
from holdfast.model.codec import head_hash
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives, RollbackWord
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.model.observation import Observations, Verdicts
from holdfast.model.plan import Plan
from holdfast.planner.situation import Standing
from holdfast.planner.stance import standing
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import ZoneProvider
from holdfast.ports.signing import BelievesPlans, SignsPlans
from holdfast.ports.store import ABSENT, Compare, Entry, GetMany, Range

T = TypeVar("T")


class Trouble(msgspec.Struct, frozen=True):
    """Why this pass ends early: the kind of its event, and a sentence. `retry` when asking again soon may help."""

    kind: str
    text: str
    retry: bool = False


class View(msgspec.Struct, frozen=True):
    """See the module. Documents keep their store revision: the creation of a plan compares them (R10)."""

    configuration: Document[StoredConfiguration] | None = None
    words: Document[Directives] | None = None
    newest: Document[Identity] | None = None
    incarnation: Document[int] | None = None
    parent: Plan | None = None
    rollback: Plan | None = None
    observations: tuple[Document[Observations], ...] = ()
    standings: tuple[Standing, ...] = ()
    verdicts: Verdicts = Verdicts(verdicts=())
    told: frozenset[str] = frozenset()
    """Texts of what is held back now and was told already."""
    trouble: str = ""
    armed: tuple[str, ...] = ()
    attempt: int = 0
    signed: bool = False
    """Whether this process has signed a plan."""

    @property
    def directives(self) -> Directives:
        """People's words; none said is the empty document."""
        return Directives() if self.words is None else self.words.value


async def read_documents(keys: Keys, view: View) -> View | Trouble:
    """The scope's documents in one snapshot, then the observations. What did not change is not decoded again."""
    entries = await GetMany((keys.newest, keys.config, keys.words, keys.incarnation))
    if isinstance(entries, CouldNotAsk):
        return _store_silent(entries)
    found = await Range(keys.observations)
    if isinstance(found, CouldNotAsk):
        return _store_silent(found)
    newest = _again(entries[0], view.newest, Identity)
    configuration = _again(entries[1], view.configuration, StoredConfiguration)
    words = _again(entries[2], view.words, Directives)
    incarnation = _again(entries[3], view.incarnation, int)
    for document in (newest, configuration, words, incarnation):
        if isinstance(document, Garbled):
            return Trouble(
                "planner.waits", f"{document.key} in the store can't be read ({document.why}); plans wait"
            )
    assert not isinstance(newest, Garbled)
    assert not isinstance(configuration, Garbled)
    assert not isinstance(words, Garbled)
    assert not isinstance(incarnation, Garbled)
    held = {document.key: document for document in view.observations}
    observations = (_again(entry, held.get(entry.key), Observations) for entry in found)
    return msgspec.structs.replace(
        view,
        newest=newest,
        configuration=configuration,
        words=words,
        incarnation=incarnation,
        # A garbled observation is a silent observer: unknown, which withdraws nothing.
        observations=tuple(o for o in observations if isinstance(o, Document)),
    )


def _again(entry: Entry | None, held: Document[T] | None, kind: type[T]) -> Document[T] | Garbled | None:
    if entry is None:
        return None
    if held is not None and held.revision == entry.revision:
        return held
    return interpret(entry, kind)


def _store_silent(asked: CouldNotAsk) -> Trouble:
    return Trouble("planner.waits", f"the store does not answer: {asked.reason}", retry=True)


async def read_standings(
    scope: str, zones: tuple[str, ...], newest: Identity | None, providers: Mapping[str, ZoneProvider]
) -> tuple[Standing, ...]:
    """The fence of every zone; a zone that nobody here serves is not known."""
    standings: list[Standing] = []
    for zone in zones:
        provider = providers.get(zone)
        if provider is None:
            standings.append(Standing(zone=zone, fence=None, known=False))
        else:
            standings.append(standing(zone, await provider.read_fence(scope), newest))
    return tuple(standings)


async def read_parent(keys: Keys, view: View) -> Plan | Trouble | None:
    """The newest plan; the one in memory when it is still the newest."""
    if view.newest is None:
        return None
    identity = view.newest.value
    if view.parent is not None and view.parent.identity == identity:
        return view.parent
    plan = await read_plan(keys, identity, view.parent)
    if isinstance(plan, CouldNotAsk):
        return _store_silent(plan)
    if isinstance(plan, Plan):
        return plan
    why = "parts of it are missing" if plan is None else f"{plan.key}: {plan.why}"
    return Trouble(
        "planner.waits",
        f"the newest plan {identity} can't be read from the store ({why}). Nothing is planned until the store is"
        " restored, or `holdfast adopt` makes a plan of what DNS serves; enactors go on with the plans they hold",
    )


async def read_rollback(keys: Keys, view: View, word: RollbackWord | None) -> Plan | Trouble | None:
    """The plan that a rollback names; None when there is no rollback, or the plan is gone (`decide` refuses)."""
    if word is None:
        return None
    if view.rollback is not None and view.rollback.identity.generation == word.generation:
        return view.rollback
    head = await read_head(keys, word.generation)
    if isinstance(head, CouldNotAsk):
        return _store_silent(head)
    if head is None or isinstance(head, Garbled):
        return None
    identity = Identity(head.value.incarnation, head.value.generation, head_hash(head.value))
    plan = await read_plan(keys, identity, view.parent)
    if isinstance(plan, CouldNotAsk):
        return _store_silent(plan)
    return plan if isinstance(plan, Plan) else None


def believed(plan: Plan | Trouble | None, believes: BelievesPlans | None) -> Plan | Trouble | None:
    """The plan, if a key that we believe signed it: what we make from another's plan we would vouch for."""
    unsigned = believes.refusal(plan.head) if believes is not None and isinstance(plan, Plan) else ""
    if not unsigned:
        return plan
    assert isinstance(plan, Plan), "only a plan is foreign"
    return Trouble(
        "plan.foreign",
        f"plan {plan.identity} is refused: {unsigned}. Nothing is planned on it; enactors go on with the plans"
        " they hold. Find out who wrote it into the store; then `holdfast adopt` makes a signed plan of what DNS"
        " serves",
    )


def sign_anew(view: View, signs: SignsPlans | None) -> bool:
    """Whether a plan is due for its signature's sake: once in a process, if no key or another signed the newest.

    So enactors have a plan to believe when keys are set up first, and when they are changed. Once only: else two
    planners with a key each would sign over each other for ever.
    """
    if signs is None or view.parent is None or view.signed:
        return False
    signature = view.parent.head.signature
    return signature is msgspec.UNSET or signature.key != signs.key


def unchanged(key: str, document: Document[T] | None) -> Compare:
    """The condition that a document is still as it was read, or still absent."""
    return Compare(key, ABSENT) if document is None else document.unchanged()
