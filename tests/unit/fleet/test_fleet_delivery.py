"""Configuration to a fleet on the shipped loops: a restart with much that is dirty, paused and hanging hosts."""

from __future__ import annotations

import pytest

from holdfast.fleet.delivery.machine import Machine, Wrong
from holdfast.fleet.delivery.play import Rolled, Rollout, roll
from holdfast.fleet.delivery.truth import Truth
from holdfast.model.delivery import Document, Host
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import Ready, Switch


def _holds(seen: Rolled, rollout: Rollout) -> None:
    """Nothing wrong at any switch or word of readiness, everybody has everything, no group starves."""
    assert seen.wrong.none, seen.wrong
    assert seen.caught_up_s is not None
    assert seen.published == rollout.published
    assert seen.snapshots >= rollout.hosts / 2, "much was dirty"
    assert seen.deliveries > seen.snapshots
    *small, (_, _, large_s) = seen.ready_by_group_s
    assert all(ready_s <= large_s for _, _, ready_s in small)
    assert seen.create_wait_s <= seen.update_wait_s


def test_a_restart_with_much_that_is_dirty() -> None:
    """200 hosts: ready exactly when applied >= desired, files are those of the generation, none goes back."""
    rollout = Rollout(hosts=200, published=5, publish_every_s=10.0)
    _holds(roll(rollout, seed=1), rollout)


def test_hosts_that_never_report_are_quarantined_and_stop_nobody() -> None:
    """Those that hang are in quarantine after some deliveries; all others have all, and publishers were let in."""
    rollout = Rollout(hosts=60, hanging_share=0.05, restarts=False, published=5, lasts_s=1500.0, to_the_end=True)
    seen = roll(rollout, seed=2)
    assert seen.quarantined == seen.hanging == 3
    assert seen.caught_up_s is not None
    assert seen.wrong.none
    assert seen.published == 5


def test_a_backlog_holds_publishers_back() -> None:
    """Few places and slow hosts: who publishes is told to come later, and is let in at the end."""
    seen = roll(Rollout(hosts=100, places=4, apply_s=10.0, restarts=False, published=12), seed=3)
    assert seen.put_off > 0
    assert seen.published == 12
    assert seen.caught_up_s is not None
    assert seen.wrong.none


def test_the_world_would_see_what_is_wrong() -> None:
    """A switch back, files of another generation, a false word of readiness: each is counted."""
    truth, wrong = Truth(), Wrong()
    for generation in (1, 2):
        truth.wrote(Document("all", "a", generation, b"%d" % generation))
    machine = Machine(Host("h"), truth, wrong)
    machine.install(1)
    old = machine.linked
    machine.install(2)
    assert isinstance(machine.switch(Switch(old, over="")), CouldNotAsk)
    assert wrong.none
    machine._releases[old] = (machine._releases[old][0], {"a": b"2"})
    machine.switch(Switch(old, over=machine.linked))
    assert (wrong.back, wrong.files) == (1, 1)
    machine.host = Host("h", "another")
    machine.says(Ready(True, 1, 1))
    assert wrong.ready == 1


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_restart_of_a_thousand_hosts(seed: int) -> None:
    """Ten seeds. Prints what it came to."""
    rollout = Rollout()
    seen = roll(rollout, seed=seed)
    print(f"\n{seen}")
    _holds(seen, rollout)


@pytest.mark.soak
def test_a_restart_of_ten_thousand_hosts() -> None:
    """As above."""
    rollout = Rollout(hosts=10_000, places=256)
    seen = roll(rollout, seed=1)
    print(f"\n{seen}")
    _holds(seen, rollout)
