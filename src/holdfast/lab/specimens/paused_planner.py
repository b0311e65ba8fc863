"""The paused planner, what R10 closes: it takes in its inputs, sleeps, and publishes them under a newer number.

It asks for the newest generation only when it publishes, and the transaction compares no more than that. So a
planner that slept for an hour makes the newest plan from the oldest inputs: 2025 again, one room to the left.
"""

from __future__ import annotations

from holdfast.documents.plans import publish_plan, read_newest
from holdfast.documents.reading import Document
from holdfast.lab.actor import Actor
from holdfast.lab.invariants import inputs_monotone
from holdfast.lab.system import Scenario
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.store import store_of
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.identity import NOTHING
from holdfast.model.keys import Keys
from holdfast.model.plan import Inputs, PlanHead, Section
from holdfast.model.records import NameRecords, Weighted
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.store import Commit, Compare, Entry, Get, Put

SCOPE = "paused"
KEYS = Keys(SCOPE)
ZONE = "test"


async def people(revisions: int) -> None:
    """Apply one configuration after another."""
    for revision in range(2, revisions + 1):
        await Commit(puts=(Put(KEYS.config, encode(revision)),))


async def planner() -> None:
    """Read the inputs, later the newest plan, and publish."""
    done = 0
    while True:
        entry = await Get(KEYS.config)
        revision = int(entry.value) if isinstance(entry, Entry) else 0
        if revision <= done:
            await Idle(Rest.POLL)
            continue
        newest = await read_newest(KEYS)
        parent = newest.value if isinstance(newest, Document) else None
        names = (NameRecords("a.test", ZONE, 30, (Weighted(f"10.0.{revision}.1", 1),), (), "one"),)
        section = Section(names)
        head = PlanHead(
            scope=SCOPE,
            incarnation=1,
            generation=(parent or NOTHING).generation + 1,
            parent=parent,
            zones=(ZONE,),
            inputs=Inputs(configuration_revision=revision, directives_revision=0, observations=()),
            sections=(section_ref(section),),
        )
        at = newest.revision if isinstance(newest, Document) else 0
        await publish_plan(KEYS, seal(head, (section,)), (Compare(KEYS.newest, at),))
        done = revision


def scenario(*, planners: int = 2, revisions: int = 2, faults: int = 0) -> Scenario:
    """Planners over a configuration that changes while they plan."""
    return Scenario(
        name="paused-planner",
        bounds=f"{planners} planners, {revisions} revisions of the configuration, {faults} faults",
        actors=(
            Actor("people", "people", lambda: people(revisions)),
            *(Actor(f"planner-{chr(97 + i)}", "planner", planner) for i in range(planners)),
        ),
        store=store_of([(KEYS.config, encode(1))]),
        zones=(),
        faults=Faults(total=faults),
        invariants=(inputs_monotone(KEYS),),
    )
