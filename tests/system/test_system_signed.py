"""Signed plans end to end: a plan altered in the store's file is refused by every process; the names stay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import msgspec
from quickstart_world import ADDRESSES, NAME, SCOPE, quickstart

from holdfast.config.store_address import StoreSettings
from holdfast.documents.plans import read_newest_plan
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan, Section
from holdfast.ports.store import Commit, Committed, Put
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.ports import register_store
from holdfast.stores.opening import open_store
from servers.process import HOST

KEYS = Keys(SCOPE)
SERVICE = ('signing_key = "planner.key"', 'plan_keys = ["planner.key.pub"]')
LONG_S = 90.0
"""For a machine that does much else besides."""
EVIL = "127.0.0.66"


async def alter(file: Path) -> Identity:
    """As somebody with the file would: an address changed, digests and hash made to fit, the pointer moved."""
    store = open_store(StoreSettings(path=str(file)))
    answers = Answers()
    register_store(answers, store)
    try:
        plan = await drive(read_newest_plan(KEYS), answers)
        assert isinstance(plan, Plan)
        forged = above(plan, tuple(redirected(section) for section in plan.sections))
        puts = [
            Put(KEYS.chunk(forged.identity.generation, forged.identity.hash, index), encode(section))
            for index, section in enumerate(forged.sections)
        ]
        puts += [
            Put(KEYS.plan(forged.identity.generation), encode(forged.head)),
            Put(KEYS.newest, encode(forged.identity)),
        ]
        assert isinstance(await store.commit(Commit(puts=tuple(puts))), Committed)
        return forged.identity
    finally:
        await store.close()


def redirected(section: Section) -> Section:
    """The same names, one address another."""
    return msgspec.json.decode(encode(section).replace(ADDRESSES[1].encode(), EVIL.encode()), type=Section)


def above(plan: Plan, sections: tuple[Section, ...]) -> Plan:
    """The altered plan under its own generation, with the signature that it had, and a hash above the old one: a
    lower one would look like an old copy of the store, and the enactors would put their own plan back."""
    refs = tuple(section_ref(s) for s in sections)
    tries = (
        seal(msgspec.structs.replace(plan.head, sections=refs, planner=f"planner{number}"), sections)
        for number in range(1000)
    )
    return next(one for one in tries if one.identity > plan.identity)


def test_a_plan_altered_in_the_store_is_refused_and_the_names_stay(tmp_path: Path) -> None:
    """Every enactor and the planner refuse it and say so; status, doctor, metrics show it; adopt is the way on."""
    with quickstart(tmp_path, store_lines=SERVICE) as world:
        world.ok("keys", "new", "planner.key")
        world.demo_up(LONG_S)
        head = msgspec.json.decode(world.ok("status", "--format", "json"))
        assert head["foreign"] == ""
        forged = asyncio.run(alter(world.store))
        everybody = {"enactor-a", "enactor-b", "enactor-c", "planner"}
        world.until(lambda: {r.actor for r in world.events("plan.foreign")} == everybody, "all refuse it", LONG_S)
        assert all("its signature" in r.text and "does not hold" in r.text for r in world.events("plan.foreign"))
        world.steady(1.0, lambda answer: answer == frozenset(ADDRESSES))
        assert world.fence() != forged
        assert f"NOT BELIEVED: plan {forged} is refused: its signature" in world.ok("status")
        examined = world.run("doctor", "--store", world.file.name)
        assert (examined.code, "signature: plan" in examined.out) == (1, True)
        metrics = httpx.get(f"http://{HOST}:{world.metrics_port}/metrics").text
        assert 'holdfast_plans_foreign_total{actor="enactor-a"} 1.0' in metrics
        world.ok("adopt", "--reason", "the plan was forged")
        world.ok("drain", f"{NAME}/left-2", "--reason", "does it go on")
        world.until_answers(*(a for a in ADDRESSES if a != ADDRESSES[1]), within_s=LONG_S)
        assert "NOT BELIEVED" not in world.ok("status")
        assert "PRIVATE KEY" not in "".join(r.text for r in world.events())


def test_a_process_with_a_bad_key_does_not_start(tmp_path: Path) -> None:
    """One line, exit 1: a key open to others, and no key at all."""
    with quickstart(tmp_path, store_lines=SERVICE) as world:
        said = world.run("planner", world.file.name)
        assert (said.code, "planner.key" in said.err, "Traceback" in said.err) == (1, True, False)
        world.ok("keys", "new", "planner.key")
        (tmp_path / "planner.key").chmod(0o644)
        said = world.run("planner", world.file.name)
        assert (said.code, f"chmod 600 {tmp_path / 'planner.key'}" in said.err) == (1, True)
