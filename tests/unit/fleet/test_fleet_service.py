"""The lease service and its clients as they ship, as a fleet in virtual time: what happens to their leases."""

from __future__ import annotations

from holdfast.fleet.service.truth import Truth
from holdfast.fleet.service.world import Seen, Setting, World
from holdfast.leases.envelope import held_again_after
from holdfast.model.lease import Granted, Renew

SMALL = Setting(leases=300, bulk_each=75, contested=5)


def settled(setting: Setting, *, seed: int = 1) -> World:
    """A fleet that holds everything."""
    world = World(setting, seed=seed)
    world.settle()
    return world


def restarted(setting: Setting, *, away_s: float, seed: int = 1) -> Seen:
    """Killed, away for so long, and started again; until every holder was answered."""
    world = settled(setting, seed=seed)
    world.kill()
    world.run(away_s)
    world.start()
    world.back()
    world.run(3 * setting.ttl_s, enough=lambda: world.truth.all_answered_s is not None)
    return world.seen()


def test_a_service_that_is_killed_and_restarted_at_once_loses_nothing() -> None:
    """No client says that it lost a lease, and all are answered again as soon as the law says."""
    seen = restarted(SMALL, away_s=1.0)
    assert seen.wrong.none
    assert seen.losses == ()
    assert seen.counts.begun == 0, "leases lie in the store"
    law = held_again_after(SMALL.fleet, outage_s=1.0)
    assert law is not None
    assert seen.answered_s is not None
    assert seen.answered_s <= 1.1 * law.expected_s


def test_equal_seeds_have_equal_runs() -> None:
    """Two worlds of one seed come to the same, to the last count; another seed does not."""
    setting = Setting(leases=40, bulk_each=20, contested=3, load=0.05)
    first, again, other = (restarted(setting, away_s=20.0, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.counts != other.counts


class _Claim:
    valid = True


def test_the_truth_would_see_what_is_wrong() -> None:
    """Two promises at once, two that call it valid at once, a write under a grant that was passed: each counts."""
    truth = Truth(lambda: 100.0)
    for holder in ("a", "b"):
        truth.claims("host/x", holder, _Claim())
    truth.answered([Renew("host", "x", "a", 1)], [Granted(1, 60.0)], asked_s=90.0)
    truth.told_held("host/x", "a")
    assert truth.wrong.promised == 0
    truth.answered([Renew("host", "x", "b", 2)], [Granted(2, 60.0)], asked_s=99.0)
    truth.told_held("host/x", "b")
    assert (truth.wrong.promised, truth.wrong.valid) == (1, 2)
    assert truth.writes("host/x", "a", token=1, grant=1) == 0
    assert truth.writes("host/x", "b", token=2, grant=1) == 0
    assert truth.writes("host/x", "a", token=1, grant=1) == 2, "the guard refuses, and says what it knows"
    assert truth.wrong.passed == 0
    assert truth.writes("host/x", "a", token=3, grant=1) == 0
    assert truth.wrong.passed == 1


def test_a_client_tells_a_loss_when_it_happens_and_sleeps_while_nothing_does() -> None:
    """Nobody finds the service: each lease is told to be lost when it ends, not at some next look. Before that a
    client
    of one lease does a few steps for each renewal, and none for the passing of time."""
    setting = Setting(leases=20, bulk_share=0.0, contested=0, load=0.01)
    world = settled(setting)
    turns = world.loop.turns
    world.run(600.0)
    assert (world.loop.turns - turns) / setting.leases <= 10 * 50, "50 turns of the loop for each renewal"
    world.reachable = lambda client: False
    ends = {lease.name: world.now_s + lease.left_s for lease in world.leases}
    world.run(2 * setting.ttl_s)
    assert len(world.truth.losses) == setting.leases
    for loss in world.truth.losses:
        assert 0 <= loss.lost_s - ends[loss.key.removeprefix("host/")] <= 0.06
