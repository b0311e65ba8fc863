"""Freezes that only fences still carry."""

from __future__ import annotations

from holdfast.enactor.carried import UNLISTED, only_in_fences
from holdfast.model.fence import Fence, parse_fence
from holdfast.model.freeze import Selector
from holdfast.model.identity import Identity
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceAbsent, FenceFound

AT = Identity(1, 2, "e" * 32)


def test_ids_without_a_document_cover_everything() -> None:
    """Of all zones together, sorted; those that are explained, and fences that say nothing, add none."""
    readings = (
        FenceFound(Fence(AT, freezes=("bbbb", "cccc"))),
        FenceFound(Fence(AT, freezes=("aaaa", "bbbb"))),
        FenceAbsent(),
        CouldNotAsk("no route"),
    )
    found = only_in_fences(readings, frozenset({"cccc"}))
    assert [f.id for f in found] == ["aaaa", "bbbb"]
    assert {f.selector for f in found} == {Selector()}


def test_a_fence_that_says_all_is_kept_under_an_id_of_its_own() -> None:
    """What `all` stood for nobody knows; its stand-in is an id that a fence can carry."""
    found = only_in_fences((FenceFound(Fence(AT, freeze_all=True)),), frozenset())
    assert [f.id for f in found] == [UNLISTED]
    assert parse_fence(Fence(AT, freezes=(UNLISTED,)).text()) == Fence(AT, freezes=(UNLISTED,))
