"""The names of etcd keys: their order is that of the store's keys, and every name is read back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.ports.store import ABSENT, Compare, Entry, Range
from holdfast.stores.etcd_layout import Layout, Span, holds, read_revision, revision_value

LAYOUT = Layout("holdfast")
KEYS = st.text(alphabet=" !/01aé\ud7ff\ue000\U0010ffff", min_size=1, max_size=4)
REVISIONS = st.integers(1, 2**53)


def inside(span: Span, name: bytes) -> bool:
    """Whether etcd would find the name there."""
    return span.start <= name < span.end


@given(KEYS, REVISIONS, st.binary(max_size=3))
def test_a_name_is_read_back(key: str, revision: int, value: bytes) -> None:
    """Key and revision come back from the name alone."""
    assert LAYOUT.read(LAYOUT.entry(key, revision), value) == Entry(key, value, revision)


@given(KEYS, REVISIONS, KEYS, REVISIONS)
def test_names_are_ordered_as_keys(a: str, first: int, b: str, second: int) -> None:
    """By key, whatever follows; of one key, by revision."""
    names = LAYOUT.entry(a, first) < LAYOUT.entry(b, second)
    assert names == ((a.encode(), first) < (b.encode(), second))


@given(KEYS, REVISIONS, KEYS)
def test_one_key_does_not_reach_another(key: str, revision: int, other: str) -> None:
    """The span of a key holds its own names alone: a put of `p` never deletes `p/1`."""
    assert inside(LAYOUT.any_entry(other), LAYOUT.entry(key, revision)) == (key == other)


@given(KEYS, REVISIONS, REVISIONS)
def test_a_put_deletes_what_is_older(key: str, new: int, old: int) -> None:
    """And never the name that it writes, which etcd would refuse in one transaction."""
    assert inside(LAYOUT.older_entries(key, new), LAYOUT.entry(key, old)) == (old < new)


@given(KEYS, REVISIONS, st.one_of(st.just(""), KEYS), st.one_of(st.just(""), KEYS), st.booleans())
def test_a_range_covers_what_it_says(key: str, revision: int, prefix: str, after: str, reverse: bool) -> None:
    """Prefix and `after`, in both directions; everything of the store lies in its watch."""
    wanted = key.startswith(prefix)
    if after:
        wanted = wanted and (key.encode() < after.encode() if reverse else key.encode() > after.encode())
    name = LAYOUT.entry(key, revision)
    assert inside(LAYOUT.under(Range(prefix, after=after, reverse=reverse)), name) == wanted
    assert inside(LAYOUT.all, name)


def test_other_stores_are_outside() -> None:
    """Names of a store below ours, and the revision's own name, are no entries."""
    assert not inside(LAYOUT.all, Layout("holdfast/x").entry("k", 1))
    assert not inside(LAYOUT.all, Layout("holdfast/x").revision)
    assert inside(LAYOUT.all, LAYOUT.revision)
    assert LAYOUT.read(LAYOUT.revision, b"1 5") is None
    assert LAYOUT.read(Layout("holdfast/x").entry("k", 1), b"") is None


@given(REVISIONS)
def test_the_revision_is_read_back(revision: int) -> None:
    """With the format in front."""
    assert read_revision(revision_value(revision)) == (1, revision)


def test_compares_by_what_is_there() -> None:
    """`ABSENT` for nothing, else the very revision."""
    entry = Entry("k", b"", 5)
    assert [holds(Compare("k", r), entry) for r in (ABSENT, 4, 5, 6)] == [False, False, True, False]
    assert [holds(Compare("k", r), None) for r in (ABSENT, 5)] == [True, False]
