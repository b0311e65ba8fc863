"""A store that lost its history lost configuration and words with it: a disk that has the plan has them."""

from __future__ import annotations

import msgspec
import pytest
from enactor_world import KEYS, World, configuration, enactor, names, plan

from holdfast.model.codec import decode, encode
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives, Word
from holdfast.ports.store import Commit, Get, Range
from holdfast.stores.memory import MemoryState

RECORDS = names(("api", ("10.0.0.1", "10.0.0.2")))
OLD_CONFIGURATION = configuration()
NEW_CONFIGURATION = msgspec.structs.replace(OLD_CONFIGURATION, revision=2, origin="newer")
OLD_WORDS = Directives(revision=1)
NEW_WORDS = Directives(revision=2, drained=(Word("web/t4", "ann", "kernel"),))


def settled() -> World:
    """Plan 1 is applied; configuration and words are both at revision 2, and on the enactor's disk."""
    world = World()
    world.put(KEYS.incarnation, 1)
    world.put(KEYS.config, NEW_CONFIGURATION)
    world.put(KEYS.words, NEW_WORDS)
    world.publish(plan(1, RECORDS))
    enactor(world).rest()
    return world


def stored(world: World) -> tuple[StoredConfiguration, Directives]:
    """Configuration and words in the store."""
    config, words = world.store.apply(Get(KEYS.config)), world.store.apply(Get(KEYS.words))
    assert config is not None
    assert words is not None
    return decode(config.value, StoredConfiguration), decode(words.value, Directives)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("old_copy", [False, True])
def test_the_disks_documents_come_back_with_its_plan(restarted: bool, old_copy: bool) -> None:
    """Deleted or restored from an old copy, running or started again: the disk's newer documents win; said."""
    world = settled()
    actor = enactor(world)
    actor.rest()
    world.store = MemoryState()
    if old_copy:
        world.put(KEYS.config, OLD_CONFIGURATION)
        world.put(KEYS.words, OLD_WORDS)
    if restarted:
        actor.crash()
        actor = enactor(world)
        actor.rest()
    else:
        actor.again()
    assert stored(world) == (NEW_CONFIGURATION, NEW_WORDS)
    text = world.text("store.reseeded")
    assert f"{KEYS.config} at revision 2" in text
    assert f"{KEYS.words} at revision 2" in text
    assert world.store.apply(Range(KEYS.enactors)), "its report is in the new store too"


def test_newer_documents_in_the_store_are_left_alone() -> None:
    """A person who applied and spoke in the new store before the enactor came has the last word."""
    world = settled()
    world.store = MemoryState()
    config = msgspec.structs.replace(NEW_CONFIGURATION, revision=3, origin="person")
    words = Directives(revision=3)
    world.put(KEYS.config, config)
    world.put(KEYS.words, words)
    enactor(world).rest()
    assert stored(world) == (config, words)
    assert "at revision" not in world.text("store.reseeded")


def test_an_unreadable_document_is_left_alone() -> None:
    """It may be of a newer version: only what is absent or older is put back."""
    world = settled()
    world.store = MemoryState()
    world.put(KEYS.config, {"format": 99})
    enactor(world).rest()
    entry = world.store.apply(Get(KEYS.config))
    assert entry is not None
    assert entry.value == encode({"format": 99})
    assert f"{KEYS.words} at revision 2" in world.text("store.reseeded")


def test_nothing_is_overwritten_that_was_not_read() -> None:
    """The reseed compares what it read: a word that comes in between makes it lose, and look again."""
    world = settled()
    world.store = MemoryState()
    said = Directives(revision=1, drained=(Word("web/t3", "bob", "disk"),))
    actor = enactor(world)
    actor.until(lambda op: isinstance(op, Commit) and any(p.key == KEYS.incarnation for p in op.puts))
    world.put(KEYS.words, said)
    actor.step()
    assert world.kinds().count("store.reseeded") == 0
