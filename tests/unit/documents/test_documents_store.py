"""Documents over the memory store's engine: compare-and-set, lost answers, garbled bytes, and plans in chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from holdfast.documents.configuration import read_configuration, replace_configuration
from holdfast.documents.freezes import forget_freeze, freeze_id_of, read_freezes, record_freeze
from holdfast.documents.plans import (
    Chunks,
    publish_plan,
    read_incarnation,
    read_newest,
    read_plan,
    write_chunks,
)
from holdfast.documents.reading import Document, Garbled, absent
from holdfast.documents.words import CHANGE_ATTEMPTS, Refusal, change_words, read_words
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.configuration import Configuration, Mode, StoredConfiguration
from holdfast.model.directives import Directives, Word
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.keys import Keys
from holdfast.model.plan import Inputs, Plan, PlanHead, Section
from holdfast.model.records import NameRecords, Weighted
from holdfast.ports.operation import CouldNotAsk, Loop
from holdfast.ports.store import Commit, Committed, Get, GetMany, Lost, Put, Range
from holdfast.stores.memory import MemoryState

KEYS = Keys("s")


class Driver:
    """Runs a coroutine over a store; `meddle` runs before each conditional write, `lose` drops its answer."""

    def __init__(self) -> None:
        self.store = MemoryState()
        self.meddle: Callable[[], None] | None = None
        self.lose = False
        self.reads = 0

    def put(self, key: str, data: bytes) -> None:
        self.store.apply(Commit(puts=(Put(key, data),)))

    def run(self, loop: Loop[Any]) -> Any:
        answer: Any = None
        while True:
            try:
                answer = self._answer(loop.send(answer))
            except StopIteration as done:
                return done.value

    def _answer(self, op: object) -> object:
        if isinstance(op, Commit):
            if op.compares and self.meddle is not None:
                self.meddle()
            result = self.store.apply(op)
            if op.compares and self.lose:
                return CouldNotAsk("the connection broke", maybe_applied=True)
            return result
        self.reads += 1
        if isinstance(op, Get):
            return self.store.apply(op)
        if isinstance(op, GetMany):
            return self.store.apply(op)
        assert isinstance(op, Range), op
        return self.store.apply(op)


def drain(key: str) -> Callable[[Directives], Directives]:
    """A change that drains a target."""

    def change(directives: Directives) -> Directives:
        drained = tuple(sorted({*directives.drained, Word(key, "ada", "upgrade")}))
        return msgspec.structs.replace(directives, drained=drained)

    return change


def test_words_change_raises_the_revision_by_one() -> None:
    """The first word makes revision 1; saying it again writes nothing."""
    driver = Driver()
    first = driver.run(change_words(KEYS, drain("g/a")))
    assert isinstance(first, Document)
    assert (first.value.revision, len(first.value.drained)) == (1, 1)
    before = driver.store.revision
    assert driver.run(change_words(KEYS, drain("g/a"))) == first
    assert driver.store.revision == before


def test_two_people_who_change_words_at_once_both_succeed() -> None:
    """A lost race runs the change again on what the winner wrote."""
    driver = Driver()

    def somebody_else() -> None:
        driver.meddle = None
        driver.run(change_words(KEYS, drain("g/b")))

    driver.meddle = somebody_else
    driver.run(change_words(KEYS, drain("g/a")))
    found = driver.run(read_words(KEYS))
    assert [w.subject for w in found.value.drained] == ["g/a", "g/b"]
    assert found.value.revision == 2


def test_words_give_up_after_bounded_attempts() -> None:
    """Losing every race is an answer, not an endless loop."""
    driver = Driver()
    attempts: list[int] = []

    def always() -> None:
        attempts.append(1)
        driver.put(KEYS.words, encode(Directives(revision=len(attempts))))

    driver.meddle = always
    assert isinstance(driver.run(change_words(KEYS, drain("g/a"))), Lost)
    assert len(attempts) == CHANGE_ATTEMPTS


def test_a_refused_change_writes_nothing() -> None:
    """The change may say no; its sentence comes back."""
    driver = Driver()
    refusal = Refusal("generation 3 is not there")
    assert driver.run(change_words(KEYS, lambda _: refusal)) == refusal
    assert driver.store.revision == 0


def test_lost_answers_are_resolved_by_reading_back() -> None:
    """The transaction was applied and its answer lost: all writers here report it as done."""
    driver = Driver()
    driver.lose = True
    words = driver.run(change_words(KEYS, drain("g/a")))
    assert isinstance(words, Document)
    assert isinstance(driver.run(replace_configuration(KEYS, _stored(1), None)), Committed)
    assert isinstance(driver.run(record_freeze(KEYS, _freeze("abcd"))), Committed)
    assert isinstance(driver.run(publish_plan(KEYS, _plan(3), (absent(KEYS.newest),))), Committed)


def test_garbled_words_are_not_taken_for_none() -> None:
    """Unreadable bytes are their own outcome, and a change does not overwrite them."""
    driver = Driver()
    driver.put(KEYS.words, b"{not json")
    assert isinstance(driver.run(read_words(KEYS)), Garbled)
    assert isinstance(driver.run(change_words(KEYS, drain("g/a"))), Garbled)


def test_configuration_is_replaced_only_onto_what_was_read() -> None:
    """R10: applying onto a revision that somebody replaced meanwhile is lost."""
    driver = Driver()
    driver.run(replace_configuration(KEYS, _stored(1), None))
    read = driver.run(read_configuration(KEYS))
    assert isinstance(driver.run(replace_configuration(KEYS, _stored(2), read)), Committed)
    assert isinstance(driver.run(replace_configuration(KEYS, _stored(3), read)), Lost)


def test_freezes_are_listed_with_the_unreadable_among_them() -> None:
    """R8: an unreadable freeze is reported, because its id covers everything; forgetting is repeatable."""
    driver = Driver()
    driver.run(record_freeze(KEYS, _freeze("abcd")))
    assert isinstance(driver.run(record_freeze(KEYS, _freeze("abcd"))), Lost)
    driver.put(KEYS.freeze("efgh"), b"?")
    good, bad = driver.run(read_freezes(KEYS))
    assert (good.value.id, freeze_id_of(KEYS, bad.key)) == ("abcd", "efgh")
    for _ in range(2):
        assert isinstance(driver.run(forget_freeze(KEYS, "abcd")), Committed)


def test_a_plan_comes_back_whole_and_shared_sections_are_not_fetched() -> None:
    """R14: many chunks, then the head; a reader that holds a section by digest does not ask for it."""
    driver = Driver()
    plan = _plan(150)
    driver.run(publish_plan(KEYS, plan, (absent(KEYS.newest),)))
    newest = driver.run(read_newest(KEYS))
    assert newest.value == plan.identity
    assert driver.run(read_plan(KEYS, plan.identity)) == plan
    driver.reads = 0
    assert driver.run(read_plan(KEYS, plan.identity, plan)) == plan
    assert driver.reads == 1, "the head only"
    assert driver.run(read_incarnation(KEYS)) is None


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_store_that_loses_the_chunks_on_the_way_takes_no_head(at: int) -> None:
    """Restored from a copy after any of the writes: the newest is as in the copy, so only the chunks can tell."""
    driver = Driver()
    driver.run(publish_plan(KEYS, _plan(1), (absent(KEYS.newest),)))
    newest = driver.run(read_newest(KEYS))
    copy = driver.store.clone()
    loop = publish_plan(KEYS, _plan(250, generation=2), (newest.unchanged(),))
    answer: Any = None
    for _ in range(at):
        answer = driver._answer(loop.send(answer))
    later = copy.clone()
    later.revision = driver.store.revision
    driver.store = later
    while not isinstance(answer, Lost):
        answer = driver._answer(loop.send(answer))
    assert driver.run(read_newest(KEYS)) == newest


def test_chunks_that_a_twin_writes_again_are_there_all_the_same() -> None:
    """Two enactors that put one plan back side by side do not void each other's conditions without end."""
    driver = Driver()
    plan = _plan(150)
    twins = 3

    def twin() -> None:
        nonlocal twins
        if twins:
            twins -= 1
            driver.meddle, mine = None, driver.meddle
            assert isinstance(driver.run(write_chunks(KEYS, plan)), Chunks)
            driver.meddle = mine

    driver.meddle = twin
    assert isinstance(driver.run(publish_plan(KEYS, plan, (absent(KEYS.newest),))), Committed)
    assert twins == 0
    assert driver.run(read_plan(KEYS, plan.identity)) == plan


def test_a_missing_or_altered_chunk_is_told_apart() -> None:
    """Missing: None (cleaned up, restored). Altered: garbled, by its digest."""
    driver = Driver()
    plan = _plan(3)
    driver.run(publish_plan(KEYS, plan, (absent(KEYS.newest),)))
    chunk = KEYS.chunk(1, plan.identity.hash, 1)
    driver.put(chunk, encode(Section(names=())))
    assert isinstance(driver.run(read_plan(KEYS, plan.identity)), Garbled)
    driver.store.apply(Commit(deletes=(chunk,)))
    assert driver.run(read_plan(KEYS, plan.identity)) is None


def _stored(revision: int) -> StoredConfiguration:
    empty = Configuration(scope="s", mode=Mode.ENFORCE, zones=(), groups=(), endpoints=(), probers=())
    return StoredConfiguration(revision=revision, origin="test", digest=str(revision), configuration=empty)


def _freeze(id_: str) -> Freeze:
    return Freeze(id=id_, selector=Selector(), reason="test", by="ada")


def _plan(sections: int, generation: int = 1) -> Plan:
    made = tuple(
        Section(
            names=(
                NameRecords(
                    f"n{i:03d}.z.test", "z.test", ttl=30, a=(Weighted("192.0.2.1", 1),), aaaa=(), group="g"
                ),
            )
        )
        for i in range(sections)
    )
    head = PlanHead(
        scope="s",
        incarnation=1,
        generation=generation,
        parent=None,
        zones=("z.test",),
        inputs=Inputs(1, 0, ()),
        sections=tuple(section_ref(section) for section in made),
    )
    return seal(head, made)
