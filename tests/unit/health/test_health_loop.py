"""The prober's loop in a scripted world: publication, heartbeat, restart, rivals, distrust."""

from __future__ import annotations

from health_values import DOWN, PENDING, UP, World, configuration, fail, ok

from holdfast.health.folding import begin, fold
from holdfast.health.loop import prober_loop
from holdfast.health.roster import SHARD_TARGETS, roster
from holdfast.model.codec import encode
from holdfast.model.configuration import CheckKind
from holdfast.model.observation import Observations


def test_publishes_pending_at_once_and_each_change_in_the_same_step() -> None:
    """The first document comes before any result; a change is in the store before the loop waits again."""
    world = World(configuration())
    loop = prober_loop("s", "a")
    world.run(loop)
    assert (world.document().revision, world.document().targets[0].state) == (1, PENDING)
    world.run(loop, ok(), ok())
    assert (world.document().revision, world.document().targets[0].state) == (2, UP)
    world.run(loop, fail(), fail(), fail())
    seen = world.document().targets[0]
    assert (world.document().revision, seen.state, seen.reason, seen.flaps) == (3, DOWN, "connect refused", 1)
    assert world.kinds() == ["target.up", "target.down"]
    loop.close()


def test_an_unchanged_view_is_published_only_as_a_heartbeat() -> None:
    """Results without news write nothing; the heartbeat's timer, a third of the TTL, renews the document."""
    world = World(configuration())
    loop = prober_loop("s", "a")
    world.run(loop, ok(), ok(), ok(), ok())
    assert world.document().revision == 2
    assert world.armed["prober/beat/0"] == 10.0
    world.fired.add("prober/beat/0")
    world.run(loop, ok(), ok())
    assert world.document().revision == 3
    loop.close()


def test_revision_continues_after_a_restart_and_over_an_unreadable_document() -> None:
    """A new process goes on above what the store has (R10), also when it can't read it."""
    world = World(configuration())
    world.put(world.keys.observer("a/0"), encode(Observations("a/0", "from-a", 41, ())))
    first = prober_loop("s", "a")
    world.run(first)
    assert world.document().revision == 42
    world.revision = 99
    world.put(world.keys.observer("a/0"), b"garbage")
    second = prober_loop("s", "a")
    world.run(second)
    assert world.document().revision == 101
    first.close()
    second.close()


def test_the_loser_of_two_with_one_name_stands_back_and_says_so_once() -> None:
    """It writes nothing while the other lives, however often it tries; when the other is silent it takes over."""
    world = World(configuration())
    first, second = prober_loop("s", "a"), prober_loop("s", "a")
    world.run(first)
    world.run(second)
    world.run(first, ok(), ok(), fail())
    assert world.kinds().count("prober.stood_back") == 1
    assert world.document().revision == 2
    world.run(second, ok(), ok())
    world.fired.add("prober/stand-back")
    world.run(first, ok())
    assert world.document().revision == 3
    assert world.kinds().count("prober.stood_back") == 1
    world.fired.add("prober/stand-back")
    world.run(first, ok())
    assert world.document().revision == 4
    assert world.kinds()[-1] == "prober.publishes"
    first.close()
    second.close()


def test_a_lost_answer_is_no_rival() -> None:
    """Its own publication, found in the store after the answer was lost, leads to no standing back."""
    world = World(configuration())
    loop = prober_loop("s", "a")
    world.next_commits = ["lose"]
    world.run(loop)
    assert world.kinds() == ["prober.unpublished"]
    world.fired.add("prober/retry")
    world.run(loop, ok(), ok())
    assert "prober.stood_back" not in world.kinds()
    assert world.document().revision >= 2
    loop.close()


def test_a_store_that_is_down_is_retried_by_timer_and_the_news_are_kept() -> None:
    """No hot loop against a dead store; what changed meanwhile goes out when it is back."""
    world = World(configuration())
    loop = prober_loop("s", "a")
    world.run(loop)
    world.next_commits = ["refuse"]
    world.run(loop, ok(), ok(), ok())
    assert world.next_commits == []
    assert world.document().revision == 1
    world.fired.add("prober/retry")
    world.run(loop, ())
    assert world.document().targets[0].state is UP
    assert world.kinds()[-2:] == ["prober.unpublished", "prober.publishes"]
    loop.close()


def test_many_failing_together_are_published_with_distrust_before_the_first_is_down() -> None:
    """Four of ten begin to fail: the document says that this prober doubts itself; it recovers with them."""
    world = World(configuration(targets=10))
    loop = prober_loop("s", "a")
    keys = [f"g/t{i}" for i in range(10)]
    world.run(loop, *(ok(k) for k in keys), *(ok(k) for k in keys))
    world.run(loop, *(fail(k) for k in keys[:4]))
    assert "began to fail together" in world.document().distrust
    assert all(seen.state is UP for seen in world.document().targets)
    world.run(loop, *(ok(k) for k in keys[:4]))
    assert world.document().distrust == ""
    loop.close()


def test_failures_of_late_probes_do_not_count_against_the_target() -> None:
    """A prober that is too slow tells of itself."""
    world = World(configuration())
    loop = prober_loop("s", "a")
    world.run(loop, ok(), ok(), *(fail(late=True) for _ in range(9)))
    assert world.document().targets[0].state is UP
    loop.close()


def test_flaps_are_forgotten_when_their_window_ends() -> None:
    """The window is a named timer that begins with the first fall."""
    world = World(configuration())
    loop = prober_loop("s", "a")
    down, up = (fail(), fail(), fail()), (ok(), ok())
    world.run(loop, *up, *down, *up, *down, *up)
    assert world.document().targets[0].flaps == 2
    assert world.armed["flap/g/t0"] == 600.0
    world.fired.add("flap/g/t0")
    world.run(loop, ok(), ok())
    assert world.document().targets[0].flaps == 0
    assert "flap/g/t0" not in world.armed
    loop.close()


def test_a_new_configuration_keeps_what_is_known() -> None:
    """A target added beside it leaves the old one's state; a prober that is not named rests and says so."""
    world = World(configuration())
    loop = prober_loop("s", "a")
    world.run(loop, ok(), ok())
    world.configure(configuration(targets=2))
    world.fired.add("prober/config")
    world.run(loop, ok("g/t1"))
    assert [seen.state for seen in world.document().targets] == [UP, PENDING]
    assert [len(targets) for targets in world.watched] == [1, 2]
    world.configure(configuration(probers=("z",)))
    world.fired.add("prober/config")
    world.run(loop, ())
    assert world.kinds()[-1] == "prober.unlisted"
    loop.close()


def test_waits_for_a_configuration_and_probes_no_static_target() -> None:
    """An empty store is waited out; targets without checks are not probed."""
    world = World(None)
    loop = prober_loop("s", "a")
    world.run(loop)
    assert world.watched == []
    world.configure(configuration(kind=CheckKind.NONE))
    world.fired.add("prober/config")
    world.run(loop)
    assert world.watched == [()]
    loop.close()


def test_documents_of_many_targets_stay_under_the_stores_limit() -> None:
    """20,000 targets with reasons of full length: every shard under 4,000 targets and 1 MiB."""
    work = roster(configuration(targets=20_000), prober="a")
    assert work is not None
    view = begin(work)
    longest = "x" * 160
    assert max(len(shard.targets) for shard in work.shards) <= SHARD_TARGETS
    for shard in view.shards:
        seen = tuple(s.__class__(s.target, DOWN, longest, 99) for s in shard.seen)
        assert len(encode(Observations("a/0", "v", 1, seen))) < 1024 * 1024
    assert fold(work, view, ())[0] is view
