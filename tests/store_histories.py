"""Histories of store operations for property tests: few keys, so that operations meet."""

from __future__ import annotations

from hypothesis import strategies as st

from holdfast.ports.store import Commit, Compare, Get, GetMany, Put, Range

KEYS = st.sampled_from(["a", "p/", "p/1", "p/2", "p/é", "p0", "q/\U0010ffff", "q/\ud7ff", "q/\ue000"])
PREFIXES = st.sampled_from(["", "p", "p/", "q/", "q/\ud7ff", "q/\U0010ffff", "z"])
COMMITS = st.builds(
    Commit,
    compares=st.lists(st.builds(Compare, KEYS, st.integers(0, 6)), max_size=2).map(tuple),
    puts=st.lists(st.builds(Put, KEYS, st.binary(max_size=3)), max_size=3).map(tuple),
    deletes=st.lists(KEYS, max_size=2).map(tuple),
)
OPERATIONS = st.one_of(
    COMMITS,
    COMMITS,
    st.builds(Get, KEYS),
    st.builds(GetMany, st.lists(KEYS, max_size=4).map(tuple)),
    st.builds(
        Range,
        PREFIXES,
        after=st.one_of(st.just(""), KEYS),
        limit=st.integers(0, 3),
        keys_only=st.booleans(),
        reverse=st.booleans(),
    ),
)
