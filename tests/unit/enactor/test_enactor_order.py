"""The order table, exhaustively, and the small readings that feed it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.enactor.order import (
    Action,
    FenceStands,
    FrozenPart,
    StoreStands,
    View,
    credible,
    decide,
    raised,
    stands_fence,
    stands_store,
)
from holdfast.model.fence import FENCE_BYTES_MAX, GENERATION_JUMP_MAX, Fence, parse_fence
from holdfast.model.identity import Identity
from holdfast.ports.provider import FenceAbsent, FenceFound, FenceUnreadable

ALL = [View(*row) for row in itertools.product(FenceStands, StoreStands, (False, True), FrozenPart)]
WRITING = {Action.RAISE, Action.WRITE, Action.REPAIR, Action.FILL}


def ident(generation: int, incarnation: int = 1) -> Identity:
    """An identity with some hash."""
    return Identity(incarnation, generation, "a" * 32)


def expected(view: View) -> Action:
    """The table of docs/protocol.md written down a second time, row by row, the other way round: by action."""
    f, s = view.fence, view.store
    whole = view.frozen is FrozenPart.WHOLE
    rows = [
        (f is FenceStands.ABOVE and s is StoreStands.OUT, Action.STALE),
        (f is FenceStands.ABOVE and s is not StoreStands.OUT, Action.STAND_DOWN),
        (f is FenceStands.MISSING and s is StoreStands.CONFIRMS, Action.REPAIR),
        (f is FenceStands.MISSING and s is StoreStands.OUT, Action.FILL),
        (f is FenceStands.MISSING and s in (StoreStands.AHEAD, StoreStands.BEHIND), Action.HOLD),
        (f is FenceStands.EQUAL and whole, Action.FROZEN),
        (f is FenceStands.EQUAL and not whole, Action.WRITE),
        (f is FenceStands.BELOW and s is StoreStands.BEHIND, Action.HOLD),
        (f is FenceStands.BELOW and view.fell and s in (StoreStands.OUT, StoreStands.AHEAD), Action.HOLD),
        (f is FenceStands.BELOW and s is StoreStands.CONFIRMS and whole, Action.FROZEN),
        (f is FenceStands.BELOW and s is StoreStands.CONFIRMS and not whole, Action.RAISE),
        (
            f is FenceStands.BELOW and not view.fell and s in (StoreStands.OUT, StoreStands.AHEAD) and whole,
            Action.FROZEN,
        ),
        (
            f is FenceStands.BELOW and not view.fell and s in (StoreStands.OUT, StoreStands.AHEAD) and not whole,
            Action.RAISE,
        ),
    ]
    matching = [action for holds, action in rows if holds]
    assert len(matching) == 1, f"the rows overlap or leave a gap at {view}"
    return matching[0]


@pytest.mark.parametrize("view", ALL, ids=lambda v: f"{v.fence.value}-{v.store.value}-{v.fell}-{v.frozen.value}")
def test_table(view: View) -> None:
    """Each of the 96 situations has the action that the protocol gives it."""
    assert decide(view) is expected(view)


def test_nothing_is_written_over_a_newer_plan() -> None:
    """I1: no row with the fence above writes."""
    assert all(decide(v) not in WRITING for v in ALL if v.fence is FenceStands.ABOVE)


def test_a_frozen_zone_gets_no_data() -> None:
    """I5: a wholly frozen zone is written only to put a missing fence back, which carries the freeze itself."""
    writing = {decide(v) for v in ALL if v.frozen is FrozenPart.WHOLE} & WRITING
    assert writing == {Action.REPAIR, Action.FILL}  # both leave out covered names: see the difference
    assert all(
        v.fence is FenceStands.MISSING for v in ALL if decide(v) in writing and v.frozen is FrozenPart.WHOLE
    )


def test_missing_fence_needs_the_stores_word() -> None:
    """R3: without the store's word that this plan is the newest, a missing fence is never put back."""
    for view in ALL:
        if view.fence is FenceStands.MISSING and view.store is not StoreStands.CONFIRMS:
            assert decide(view) in (Action.HOLD, Action.FILL)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_fence_is_compared_by_whole_identity(i1: int, g1: int, i2: int, g2: int) -> None:
    """Incarnation counts before generation."""
    stands = stands_fence(FenceFound(Fence(identity=ident(g1, i1))), ident(g2, i2))
    wanted = FenceStands.EQUAL if (i1, g1) == (i2, g2) else FenceStands.ABOVE
    assert stands is (FenceStands.BELOW if (i1, g1) < (i2, g2) else wanted)


def test_store_stands() -> None:
    """An empty store is behind whoever holds a plan; a silent one is out."""
    assert stands_store(reachable=False, newest=None, plan=ident(1)) is StoreStands.OUT
    assert stands_store(reachable=True, newest=None, plan=ident(1)) is StoreStands.BEHIND
    assert stands_store(reachable=True, newest=ident(1), plan=ident(1)) is StoreStands.CONFIRMS
    assert stands_store(reachable=True, newest=ident(2), plan=ident(1)) is StoreStands.AHEAD
    assert stands_store(reachable=True, newest=ident(1), plan=ident(2)) is StoreStands.BEHIND


def test_a_fence_from_the_far_future_is_unreadable() -> None:
    """R3: a jump of more than 10^6 is damage, one of exactly 10^6 is not; with the arithmetic in the text."""
    edge = FenceFound(Fence(identity=ident(5 + GENERATION_JUMP_MAX)))
    assert credible(edge, (ident(5),)) == edge
    far = credible(FenceFound(Fence(identity=ident(6 + GENERATION_JUMP_MAX))), (ident(5), ident(2)))
    assert isinstance(far, FenceUnreadable)
    assert "has seen is 5" in far.why
    jumped = FenceFound(Fence(identity=ident(5, incarnation=2 + GENERATION_JUMP_MAX)))
    assert isinstance(credible(jumped, (ident(5),)), FenceUnreadable)
    assert credible(FenceAbsent(), ()) == FenceAbsent()


@given(st.lists(st.from_regex(r"[a-z2-7]{6}", fullmatch=True), max_size=30, unique=True), st.booleans())
def test_a_raise_keeps_every_freeze(ids: list[str], everything: bool) -> None:
    """R0: a raise copies the freezes that it pins; ids that overflow become `all`, never fewer (R8)."""
    pinned = Fence(identity=ident(1), freezes=tuple(sorted(ids)), freeze_all=everything, sequence=3, writer="w")
    after = raised(pinned, ident(10**12), "enactor-a")
    assert after.freeze_all or set(after.freezes) == set(ids)
    assert after.identity == ident(10**12)
    assert after.sequence == 4
    assert len(after.text()) <= FENCE_BYTES_MAX
    assert parse_fence(after.text()) == after, "what a writer pins must be what it reads back"
