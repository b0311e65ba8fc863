"""A plan whose chunks are not in the store: the publishing that we shipped until the laboratory searched it.

It writes the chunks, then the head with a compare on `newest` alone. A store that is restored from an older copy
in between has `newest` at the very revision of the copy, and one whose revisions begin anew comes by it by
coincidence (`recounting`): the compare holds, and the newest plan's chunks are gone with the old store. Nobody can
read that plan, so nobody supersedes it: a wedge (decisions/lab-findings.md, 1 and 8).
"""

from __future__ import annotations

import msgspec

from holdfast.documents.plans import chunk_batches, read_newest
from holdfast.documents.reading import Document
from holdfast.lab import production
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, documents, make_plans
from holdfast.lab.disasters import RECOUNTING, restores
from holdfast.lab.system import Scenario
from holdfast.lab.world.faults import Fault, Faults
from holdfast.model.codec import encode
from holdfast.model.plan import Plan
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.store import Commit, Compare, Put


async def publisher(plans: tuple[Plan, ...]) -> None:
    """Chunks first, the head last; nothing ties the two together."""
    for plan in plans:
        newest = await read_newest(KEYS)
        if not isinstance(newest, Document):
            continue
        for batch in chunk_batches(KEYS, plan):
            await Commit(puts=batch)
        head = KEYS.plan(plan.identity.generation)
        await Commit(
            compares=(Compare(KEYS.newest, newest.revision), Compare(head, 0)),
            puts=(Put(head, encode(plan.head)), Put(KEYS.newest, encode(plan.identity))),
        )
        await Idle(Rest.POLL)


def scenario(*, plans: int = 2, enactors: int = 1, recounting: bool = False) -> Scenario:
    """Shipped enactors under this publisher, and one restore (or loss) of the store."""
    chain = make_plans(plans)
    disasters = (RECOUNTING,) if recounting else restores(documents(chain[0]), ())
    faults = Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=disasters)
    found = production.scenario(plans=plans, enactors=enactors, faults=faults, transfer=True)
    flawed = Actor("publisher", "publisher", lambda: publisher(chain[1:]), environment=True)
    return msgspec.structs.replace(found, name="lost-chunks", actors=(flawed, *found.actors[1:]))
