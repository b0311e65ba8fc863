"""I7 in the laboratory: the shipped lease loop, two shipped holders and the shipped guard, searched to the end."""

from __future__ import annotations

import pytest

from holdfast.lab import lease_world
from holdfast.lab.engines import rerun
from holdfast.lab.lease_world import Bounds, LeaseWorld
from holdfast.leases.guard import Accepted, Answer, Mark, check
from holdfast.leases.holding import Holding

RESTORED = Bounds(ticks=0, restores=1)
PAUSED = Bounds(ticks=2, writes=(2, 1))
CRASHED = Bounds(ticks=0, crashes=1)
UNKNOWN = Bounds(ticks=0, unknown=1)
MOVED = Bounds(ticks=0, writes=(1, 1), lost=1, moves=1)
MOVED_UNKNOWN = Bounds(ticks=0, writes=(1, 1), unknown=1, moves=1)


def searched(bounds: Bounds, *, seconds: float = 150.0) -> str:
    """What a search comes to; a finding is told in full."""
    outcome = rerun.search(lambda: LeaseWorld(bounds), seconds=seconds)
    print(outcome.sentence())
    if outcome.found is None:
        assert outcome.complete, outcome.sentence()
        return ""
    found = rerun.shortest(lambda: LeaseWorld(bounds), outcome.found)
    told = rerun.tell(lambda: LeaseWorld(bounds), found.choices)
    print(told)
    return told


@pytest.mark.parametrize("bounds", [RESTORED, PAUSED, CRASHED, UNKNOWN, MOVED, MOVED_UNKNOWN], ids=str)
def test_one_holder_whatever_happens(bounds: Bounds) -> None:
    """All states within the bounds, and neither property is broken."""
    assert searched(bounds) == ""


@pytest.mark.soak
@pytest.mark.parametrize(
    "bounds",
    [Bounds(ticks=1, restores=1), Bounds(ticks=1, writes=(1, 1), crashes=1),
     Bounds(ticks=1, writes=(1, 1), unknown=1), Bounds(ticks=1, writes=(1, 1), lost=1),
     Bounds(ticks=2, writes=(1, 1), moves=1), Bounds(ticks=1, writes=(1, 1), lost=1, moves=1)],
    ids=str,
)  # fmt: skip
def test_one_holder_with_more_of_everything(bounds: Bounds) -> None:
    """A restored store, a crash, a commit of unknown fate, a lost answer, each with time passing."""
    assert searched(bounds, seconds=1800.0) == ""


def equal_will_do(kept: Mark | None, *, token: int, holder: str) -> Answer:
    """The usual guard of the text books: any token that is not lower."""
    if kept is None or token >= kept.token:
        return Accepted(Mark(token, holder))
    return check(kept, token=token, holder=holder)


def test_a_guard_that_accepts_any_equal_token_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restored store grants the same token twice; the story ends with the old holder writing again (R19)."""
    monkeypatch.setattr(lease_world, "check", equal_will_do)
    told = searched(RESTORED)
    assert "I7 one holder: left wrote under an old grant" in told or "I7 one holder: right wrote" in told
    assert "store and disk are restored to nothing" in told
    assert len(told.splitlines()) <= 20


def test_a_holder_that_counts_from_the_answer_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Valid for a TTL from when the answer came: the other is granted the lease while it still counts as held."""
    plain = Holding.answered

    def late(self: Holding, ask, result, *, asked_s, now_s, chance):  # type: ignore[no-untyped-def]
        return plain(self, ask, result, asked_s=now_s, now_s=now_s, chance=chance)

    monkeypatch.setattr(Holding, "answered", late)
    assert "lost here before given there" in searched(Bounds(ticks=2, writes=(0, 0)))
