"""R10: a file's configuration replaces only what this file was last applied as."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.config.apply import Applied, ApplyResult, BadWord, LastApplied, NotMine, Unchanged, apply, preview
from holdfast.config.difference import text
from holdfast.documents.reading import Garbled
from holdfast.model.codec import decode, encode
from holdfast.model.configuration import (
    Check,
    Configuration,
    EndpointConfig,
    GroupConfig,
    Mode,
    StoredConfiguration,
    TargetConfig,
)
from holdfast.model.directives import Directives, Word
from holdfast.model.keys import Keys
from holdfast.ports.operation import CouldNotAsk, Loop
from holdfast.ports.store import Commit, Get, Put
from holdfast.stores.memory import MemoryState

KEYS = Keys("s")
T = TypeVar("T")


def _configuration(*, ttl: int = 30, targets: str = "ab", weight: int = 100) -> Configuration:
    made = tuple(
        TargetConfig(name=t, a=f"192.0.2.{ord(t)}", aaaa=None, port=80, label="x", weight=weight) for t in targets
    )
    return Configuration(
        scope="s",
        mode=Mode.ENFORCE,
        zones=(),
        groups=(GroupConfig(name="g", targets=made, check=Check()),),
        endpoints=(EndpointConfig(name="n.example", zone="example", group="g", ttl=ttl),),
        probers=(),
    )


def _run(loop: Loop[T], state: MemoryState, before_commit: Any = None) -> T:
    """Drive a coroutine on a memory store; `before_commit` is called once, before the first commit."""
    result: Any = None
    while True:
        try:
            operation: Any = loop.send(result)
        except StopIteration as stop:
            value: T = stop.value
            return value
        if isinstance(operation, Commit) and before_commit is not None:
            before_commit, hook = None, before_commit
            hook()
        result = state.apply(operation)


def _put(state: MemoryState, key: str, value: object) -> None:
    state.apply(Commit(puts=(Put(key, encode(value)),)))


def _stored(state: MemoryState) -> StoredConfiguration:
    entry = state.apply(Get(KEYS.config))
    assert entry is not None
    return decode(entry.value, StoredConfiguration)


def _from_file(
    state: MemoryState, wanted: Configuration, last: LastApplied | None, *, origin: str = "m:/f", **more: Any
) -> ApplyResult:
    return _run(apply(KEYS, wanted, origin=origin, last_applied=last, **more), state)


def test_empty_store_takes_the_file() -> None:
    """Into an empty store a file is applied, with its origin, at revision 1."""
    state = MemoryState()
    result = _from_file(state, _configuration(), None)
    assert isinstance(result, Applied)
    assert (result.last.incarnation, result.last.revision) == (0, 1)
    assert _stored(state).origin == "m:/f"
    assert _stored(state).configuration == _configuration()


def test_own_revision_is_replaced_and_foreign_is_not() -> None:
    """A file goes onto its own revision; a file that has not seen the newest change is told whose it is."""
    state = MemoryState()
    first = _from_file(state, _configuration(), None)
    assert isinstance(first, Applied)
    second = _from_file(state, _configuration(ttl=60), first.last)
    assert isinstance(second, Applied)
    assert _stored(state).revision == 2
    stale = _from_file(state, _configuration(ttl=5), first.last, origin="other:/f")
    assert isinstance(stale, NotMine)
    assert (stale.origin, stale.revision) == ("m:/f", 2)
    assert stale.configuration == _configuration(ttl=60)
    assert "ttl 60 -> 5" in text(stale.changes)
    assert "apply --force" in str(stale)
    forced = _from_file(state, _configuration(ttl=5), None, origin="other:/f", force=True)
    assert isinstance(forced, Applied)
    assert (_stored(state).revision, _stored(state).origin) == (3, "other:/f")


def test_same_content_is_unchanged_whoever_asks() -> None:
    """The same content is not written again, and from then on the asking file may go on from it."""
    state = MemoryState()
    _from_file(state, _configuration(), None)
    same = _from_file(state, _configuration(), None, origin="other:/f")
    assert isinstance(same, Unchanged)
    assert _stored(state).revision == 1
    assert isinstance(_from_file(state, _configuration(ttl=7), same.last, origin="other:/f"), Applied)


def test_the_first_plan_brings_the_incarnation_and_the_file_stays_mine() -> None:
    """What was applied before the store had an incarnation is still this file's after it has one."""
    state = MemoryState()
    first = _from_file(state, _configuration(), None)
    assert isinstance(first, Applied)
    _put(state, KEYS.incarnation, 1)
    assert isinstance(_from_file(state, _configuration(ttl=60), first.last), Applied)


def test_another_history_with_the_same_number_is_not_mine() -> None:
    """A store lost and begun again has the same revision number, but neither history nor content."""
    state = MemoryState()
    first = _from_file(state, _configuration(), None)
    assert isinstance(first, Applied)
    again = MemoryState()
    _from_file(again, _configuration(ttl=99), None, origin="x:/g")
    assert isinstance(_from_file(again, _configuration(ttl=60), first.last), NotMine)
    _put(again, KEYS.incarnation, 2)
    assert isinstance(
        _from_file(again, _configuration(ttl=60), msgspec.structs.replace(first.last, incarnation=1)), NotMine
    )


def test_revision_rises_above_a_lost_history() -> None:
    """In a fresh store the revision goes on above what the file remembers: an adopted plan may name it (I9)."""
    state = MemoryState()
    result = _from_file(state, _configuration(), LastApplied(incarnation=3, revision=41, digest="x"))
    assert isinstance(result, Applied)
    assert _stored(state).revision == 42


def test_lost_race_shows_the_winner() -> None:
    """Somebody who is quicker between our read and our write is not overwritten."""
    state = MemoryState()
    first = _from_file(state, _configuration(), None)
    assert isinstance(first, Applied)

    def rival() -> None:
        assert isinstance(_from_file(state, _configuration(ttl=77), first.last, origin="rival:/f"), Applied)

    mine = apply(KEYS, _configuration(ttl=60), origin="m:/f", last_applied=first.last)
    result = _run(mine, state, before_commit=rival)
    assert isinstance(result, NotMine)
    assert result.origin == "rival:/f"
    assert _stored(state).configuration == _configuration(ttl=77)


def test_targets_leave_by_word_or_are_charged() -> None:
    """A removed target is named in the document only if a person said so, before or with the apply."""
    state = MemoryState()
    first = _from_file(state, _configuration(targets="abcd"), None)
    assert isinstance(first, Applied)
    _put(state, KEYS.words, Directives(revision=1, drained=(Word("g/b", "ann", "disk"),)))
    result = _from_file(state, _configuration(targets="a"), first.last, remove_targets=("g/c",))
    assert isinstance(result, Applied)
    assert _stored(state).removed_by_word == ("g/b", "g/c")
    assert _stored(state).removed_addresses == ("192.0.2.98", "192.0.2.99")
    said = text(result.changes)
    assert "g/c: is removed by word" in said
    assert "g/d: is removed without a word: 100 of capacity leaves within the velocity limit" in said


@pytest.mark.parametrize(("key", "why"), [("g/a", "still has this target"), ("g/z", "no such target")])
def test_a_word_about_the_wrong_target_is_refused(key: str, why: str) -> None:
    """`--remove-target` that the file contradicts, or that nobody knows, changes nothing."""
    state = MemoryState()
    first = _from_file(state, _configuration(), None)
    assert isinstance(first, Applied)
    result = _from_file(state, _configuration(targets="a"), first.last, remove_targets=(key,))
    assert isinstance(result, BadWord)
    assert why in result.text
    assert _stored(state).revision == 1


def test_unreadable_document_is_not_overwritten() -> None:
    """Bytes that this program can't read may be a newer format: even force leaves them."""
    state = MemoryState()
    _put(state, KEYS.config, "?")
    assert isinstance(_from_file(state, _configuration(), None, force=True), Garbled)


def test_store_out_is_could_not_ask() -> None:
    """With the store out nothing is known, and that is what is said."""
    loop = apply(KEYS, _configuration(), origin="m:/f", last_applied=None)
    loop.send(None)
    with pytest.raises(StopIteration) as stop:
        loop.send(CouldNotAsk("out"))
    assert stop.value.value == CouldNotAsk("out")


def test_preview_changes_nothing() -> None:
    """A preview says the same as the apply and writes nothing."""
    state = MemoryState()
    first = _from_file(state, _configuration(), None)
    assert isinstance(first, Applied)
    shown = _run(preview(KEYS, _configuration(weight=50)), state)
    assert isinstance(shown, tuple)
    assert "weight 100 -> 50 (the decrease is charged to the velocity limit)" in text(shown)
    assert _stored(state).revision == 1
    applied = _from_file(state, _configuration(weight=50), first.last)
    assert isinstance(applied, Applied)
    assert applied.changes == shown


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans()), max_size=12))
def test_no_file_overwrites_what_it_has_not_seen(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever three files do, in any order: without force only the one whose revision stands goes on."""
    state = MemoryState()
    last: dict[int, LastApplied] = {}
    holder: int | None = None
    content: int | None = None
    for file, ttl, force in steps:
        before = content
        result = _from_file(state, _configuration(ttl=ttl), last.get(file), origin=f"m:/{file}", force=force)
        if isinstance(result, Applied):
            assert force or holder in (None, file) or last[file].digest == last[holder].digest
            last[file], holder, content = result.last, file, ttl
        elif isinstance(result, Unchanged):
            assert ttl == before
            last[file] = result.last
        else:
            assert isinstance(result, NotMine)
            assert not force
            assert _stored(state).configuration == _configuration(ttl=before or 0)


def test_members_that_joined_by_lease_stay_when_a_file_is_applied_again() -> None:
    """No file names them: the same file is unchanged all the same, and a changed one keeps them (R10 holds)."""

    def file(ttl: int) -> Configuration:
        group = GroupConfig(name="g", targets=(), check=Check(), role="api")
        return msgspec.structs.replace(_configuration(ttl=ttl), groups=(group,))

    state = MemoryState()
    first = _from_file(state, file(30), None)
    assert isinstance(first, Applied)
    member = TargetConfig(name="m", a="192.0.2.9", aaaa=None, port=80, label="x")
    stored = _stored(state)
    joined = msgspec.structs.replace(
        stored.configuration, groups=(msgspec.structs.replace(stored.configuration.groups[0], targets=(member,)),)
    )
    _put(state, KEYS.config, msgspec.structs.replace(stored, revision=2, applied=1, configuration=joined))
    again = _from_file(state, file(30), first.last)
    assert isinstance(again, Unchanged)
    assert again.last == first.last
    changed = _from_file(state, file(60), first.last)
    assert isinstance(changed, Applied)
    assert "ttl 30 -> 60" in text(changed.changes)
    assert "removed" not in text(changed.changes)
    assert (_stored(state).revision, _stored(state).of_file) == (3, 3)
    assert _stored(state).configuration.groups[0].targets == (member,)
    stale = _from_file(state, file(5), first.last)
    assert isinstance(stale, NotMine)
