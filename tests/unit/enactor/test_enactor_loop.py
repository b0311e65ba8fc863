"""The enactor's loop, whole: from a plan in the store to DNS, and healing whatever state it finds."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest
from enactor_world import (
    KEYS,
    OUT,
    SCOPE,
    ZONE,
    Actor,
    World,
    configuration,
    empty_zone,
    enactor,
    names,
    plan,
    with_mode,
)

from holdfast.enactor.loop import enact
from holdfast.enactor.settings import EnactorSettings, refuse_start
from holdfast.model.codec import decode
from holdfast.model.configuration import Mode
from holdfast.model.fence import GENERATION_JUMP_MAX, Fence, fence_owner
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.identity import Identity
from holdfast.model.plan import ExplicitAct
from holdfast.model.records import RRset, Tenure
from holdfast.model.report import EnactorReport
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.disk import DiskFailed, Load, Promote, Stage
from holdfast.ports.dns import Answer, Ask, AskMany, DeleteRRset, Rcode, Servers, SetRRset, Transfer, Update
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.provider import Capabilities, Fencing
from holdfast.ports.store import Get, GetMany
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider

API = f"api.{ZONE}"
ONE = names(("api", ("10.0.0.1", "10.0.0.2")), ("www", ("10.0.0.1",)))
TWO = names(("api", ("10.0.0.2", "10.0.0.3")), ("www", ("10.0.0.1",)))


def settled(world: World | None = None, **kw: Any) -> tuple[World, Actor]:
    """A world with plan 1 applied, and its enactor at rest."""
    world = world or World()
    world.publish(plan(1, ONE))
    actor = enactor(world, **kw)
    actor.rest()
    return world, actor


def data_messages(world: World) -> list[Update]:
    """Updates that change something."""
    return [op for op in world.log if isinstance(op, Update) and op.changes]


def _up(world: World) -> Fence:
    """The fence, which is there."""
    fence = world.fence()
    assert fence is not None
    return fence


def _state(actor: Actor) -> object:
    """The state that the resting loop carries."""
    assert inspect.iscoroutine(actor.loop)
    assert actor.loop.cr_frame is not None
    return actor.loop.cr_frame.f_locals["state"]


def test_first_plan_reaches_an_empty_zone() -> None:
    """A zone without a fence is repaired to the newest plan: fence and data in one message."""
    world, actor = settled()
    fence = world.fence()
    assert fence is not None
    assert fence.identity == plan(1, ONE).identity
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert world.kinds() == ["fence.repaired", "write.applied", "zone.converged"]
    assert len(data_messages(world)) == 1
    assert isinstance(actor.pending, Idle)
    assert actor.pending.rest is Rest.POLL


def test_a_newer_plan_raises_the_fence_with_its_data() -> None:
    """One message: the pin, the new fence, and only the names that differ (R0, R1)."""
    world, actor = settled()
    world.log.clear()
    world.publish(plan(2, TWO))
    actor.again()
    (message,) = data_messages(world)
    assert message.prerequisites[0].name == fence_owner(SCOPE, ZONE)
    assert {c.rrset.name for c in message.changes if isinstance(c, SetRRset)} == {fence_owner(SCOPE, ZONE), API}
    assert world.addresses(API) == ("10.0.0.2", "10.0.0.3")
    assert world.kinds()[3:] == ["fence.raised", "write.applied", "zone.converged"]


def test_a_plan_that_changes_nothing_raises_all_the_same() -> None:
    """R0: else clean-up would stall below this zone for ever."""
    world, actor = settled()
    newer = world.publish(plan(2, ONE))
    actor.again()
    assert _up(world).identity == newer.identity
    assert world.kinds()[3:] == ["fence.raised", "zone.converged"]


def test_a_converged_loop_rests_unchanged_and_silent() -> None:
    """Each further pass asks the same, writes nothing, says nothing, and blocks with equal locals."""
    world, actor = settled()
    actor.again()
    world.log.clear()
    before = _state(actor)
    events = len(world.events)
    for _ in range(3):
        actor.again()
        assert _state(actor) == before
    assert len(world.events) == events
    assert data_messages(world) == []
    assert not any(isinstance(op, (Stage, Promote)) for op in world.log)


@pytest.mark.parametrize(
    "damage",
    [
        (DeleteRRset(API, "A"),),
        (SetRRset(RRset(API, "A", 30, ("192.0.2.9",))),),
        (SetRRset(RRset(API, "A", 30, ("10.0.0.1",))),),
        (SetRRset(RRset(API, "AAAA", 30, ("fd00::9",))),),
    ],
    ids=["wiped", "replaced", "partly", "other family"],
)
def test_foreign_changes_are_healed(damage: tuple[Any, ...]) -> None:
    """I6: data that differ at an equal identity are written again, under the pin."""
    world, actor = settled()
    world.update(*damage)
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert world.addresses(API, "AAAA") == ()


@pytest.mark.parametrize("text", ["", "v=spf1 -all", "hf1 inc=1 gen=1 garbled", "x" * 200])
def test_a_missing_or_garbled_fence_is_repaired(text: str) -> None:
    """R3: with the store's word, under the SOA's pin, with what the plan wants."""
    world, actor = settled()
    if text:
        world.set_text(text)
    else:
        world.update(DeleteRRset(fence_owner(SCOPE, ZONE), "TXT"))
    world.update(DeleteRRset(API, "A"))
    world.log.clear()
    actor.again()
    assert world.fence() is not None
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert any(p.rtype == "SOA" for m in data_messages(world) for p in m.prerequisites)


def test_a_fence_of_the_far_future_is_repaired_and_keeps_its_freezes() -> None:
    """R3: a jump of more than 10^6 is damage; the freezes of that fence still bind (unknown: everything)."""
    world, actor = settled()
    world.update(DeleteRRset(API, "A"))
    world.set_fence(Fence(Identity(1, 10 + GENERATION_JUMP_MAX, "f" * 32), freezes=("aaaa11",)))
    actor.again()
    fence = world.fence()
    assert fence is not None
    assert (fence.identity, fence.freezes) == (plan(1, ONE).identity, ("aaaa11",))
    world.set_fence(msgspec.structs.replace(fence, freezes=()))
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")


def test_a_repair_puts_known_freezes_back_and_leaves_their_names_alone() -> None:
    """R3 and R17: the fence is lost while a freeze is in force; neither the freeze nor its names are touched."""
    world, actor = settled()
    freeze = Freeze("frz111", Selector(name="api.*"), "r", "me")
    world.freeze_in_store(freeze)
    world.update(
        DeleteRRset(fence_owner(SCOPE, ZONE), "TXT"), DeleteRRset(API, "A"), DeleteRRset(f"www.{ZONE}", "A")
    )
    actor.again()
    fence = world.fence()
    assert fence is not None
    assert fence.freezes == ("frz111",)
    assert world.addresses(API) == ()
    assert world.addresses(f"www.{ZONE}") == ("10.0.0.1",)


def test_with_the_store_out_a_missing_fence_only_lets_empty_names_be_filled() -> None:
    """R3: no fence is put up and nothing is replaced; an empty name gets what the disk's plan has."""
    world, actor = settled()
    actor.crash()
    world.store_out = True
    world.update(
        DeleteRRset(fence_owner(SCOPE, ZONE), "TXT"),
        DeleteRRset(API, "A"),
        SetRRset(RRset(f"www.{ZONE}", "A", 30, ("192.0.2.1",))),
    )
    enactor(world).rest()
    assert world.fence() is None
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert world.addresses(f"www.{ZONE}") == ("192.0.2.1",)
    assert "the store is out; no name is empty" in world.text("zone.held")


def test_with_the_store_out_names_are_held_from_the_disk() -> None:
    """Design decision 5: after a restart, with nothing but its disk, an enactor heals what it holds."""
    world, actor = settled()
    actor.crash()
    world.store_out = True
    world.update(DeleteRRset(API, "A"))
    enactor(world).rest()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")


def test_a_fence_that_went_down_waits_for_the_store() -> None:
    """R15: a zone restored from an old copy is held while the store is out, and raised with its word."""
    world, actor = settled()
    old = world.dns.snapshot()
    world.publish(plan(2, TWO))
    actor.again()
    world.dns.restore(old)
    world.store_out = True
    actor.again()
    assert _up(world).identity == plan(1, ONE).identity
    assert "went down" in world.text("zone.held")
    actor.again()
    actor.crash()
    actor = enactor(world)
    actor.rest()
    assert _up(world).identity == plan(1, ONE).identity, "held in the next pass too, and after a restart"
    world.store_out = False
    actor.again()
    assert world.addresses(API) == ("10.0.0.2", "10.0.0.3")


def test_a_newer_fence_makes_the_plan_stale() -> None:
    """With the store out and the fence above, this enactor's plan is over."""
    world, actor = settled()
    world.store_out = True
    world.set_fence(Fence(Identity(1, 2, "c" * 32)))
    world.update(DeleteRRset(API, "A"))
    actor.again()
    assert world.addresses(API) == ()
    assert "newer than plan" in world.text("plan.stale")


def test_damaged_disk_is_absent_and_said() -> None:
    """A document that can't be read is no document; with the store there, all is as at a first start."""
    world, actor = settled()
    actor.crash()
    world.disks["a"] = {"plan": b"{", "memory": b'{"format": 99}'}
    enactor(world).rest()
    assert "plan: not a readable" in world.text("disk.damaged")
    assert "format 99" in world.text("disk.damaged")
    assert world.kinds()[-1] == "zone.converged"


def test_an_altered_plan_on_the_disk_is_not_believed() -> None:
    """The plan of the disk is checked like any other."""
    world, actor = settled()
    actor.crash()
    world.store_out = True
    world.disks["a"]["plan"] = world.disks["a"]["plan"].replace(b"10.0.0.1", b"10.9.9.9")
    world.update(DeleteRRset(API, "A"))
    enactor(world).rest()
    assert world.addresses(API) == ()
    assert "checksum" in world.text("disk.damaged")


def test_a_full_disk_does_not_stop_dns() -> None:
    """The plan goes out all the same; people are told."""
    world = World()
    world.fault = lambda op: DiskFailed("no space left") if isinstance(op, Stage) else None
    world, _ = settled(world)
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert "no space left" in world.text("disk.failed")


def test_an_unreadable_disk_is_said() -> None:
    """A disk that can't be read is as good as none."""
    world = World()
    world.fault = lambda op: DiskFailed("read error") if isinstance(op, Load) else None
    world, _ = settled(world)
    assert "read error" in world.text("disk.damaged")


# -- distrust --------------------------------------------------------------------------------------------------


def test_an_unbelievable_plan_is_rejected_once_and_the_old_one_goes_on() -> None:
    """R9: all-zero is refused, said once; the zone keeps being healed by the plan before."""
    world, actor = settled()
    world.publish(plan(2, names(("api", ()))))
    actor.again()
    world.update(DeleteRRset(API, "A"))
    actor.again()
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert world.kinds().count("plan.rejected") == 1
    assert "0 targets" in world.text("plan.rejected")


def test_too_much_capacity_removed_is_not_raised() -> None:
    """R9: against what DNS serves now, with the arithmetic; and the next plan within the budget goes out."""
    world = World()
    world.put(KEYS.config, configuration(4))
    every = tuple(f"10.0.0.{i}" for i in range(1, 5))
    world.publish(plan(1, names(("api", every), ("www", every))))
    actor = enactor(world)
    actor.rest()
    world.publish(plan(2, names(("api", every[:1]), ("www", every[:1]))))
    actor.again()
    assert world.addresses(API) == every
    assert "removes 300 of 400 capacity" in world.text("plan.rejected")
    world.update(DeleteRRset(f"www.{ZONE}", "A"))
    actor.again()
    assert world.addresses(f"www.{ZONE}") == every, "the zone is healed by the plan that its fence names"
    assert world.kinds().count("plan.rejected") == 1
    world.publish(plan(3, names(("api", every[:3]))))
    actor.again()
    assert world.addresses(API) == every[:3]


def test_a_zone_restored_from_an_old_copy_is_healed_although_it_removes_much() -> None:
    """I6: the capacity that it serves again had been given up before, step by step."""
    world = World()
    world.put(KEYS.config, configuration(4))
    every = tuple(f"10.0.0.{i}" for i in range(1, 5))
    world.publish(plan(1, names(("api", every))))
    actor = enactor(world)
    actor.rest()
    old = world.dns.snapshot()
    for generation in (2, 3, 4):
        world.publish(plan(generation, names(("api", every[: 5 - generation]))))
        actor.again()
    world.dns.restore(old)
    actor.again()
    assert world.addresses(API) == every[:1]


def test_a_retired_name_goes_by_a_persons_word() -> None:
    """`retire` is the one way in which a name becomes empty."""
    world, actor = settled()
    gone = (*names(("api", ()), tenure=Tenure.RETIRED), *names(("www", ("10.0.0.1",))))
    world.publish(plan(2, gone, explicit=(ExplicitAct("retire", API, "me: over"),)))
    actor.again()
    assert world.addresses(API) == ()
    actor.again()
    assert world.kinds()[-1] == "zone.converged"


def test_a_plan_with_missing_parts_is_said_and_waited_for() -> None:
    """A head whose chunks are not there (yet, or any more) changes nothing; when they come it goes on."""
    world, actor = settled()
    newer = plan(2, TWO)
    world.put(KEYS.plan(2), newer.head)
    world.put(KEYS.newest, newer.identity)
    actor.again()
    assert "parts of it are missing" in world.text("plan.rejected")
    world.publish(newer)
    actor.again()
    assert world.addresses(API) == ("10.0.0.2", "10.0.0.3")


# -- freezes ---------------------------------------------------------------------------------------------------


def test_a_freeze_in_the_store_stops_writing_before_it_reaches_the_fence() -> None:
    """R8: writers look for freezes before each message."""
    world, actor = settled()
    world.freeze_in_store(Freeze("frz111", Selector(), "r", "me"))
    world.update(DeleteRRset(API, "A"))
    actor.again()
    assert world.addresses(API) == ()
    assert "freeze frz111" in world.text("zone.frozen")


def test_a_freeze_ordered_while_a_message_is_prepared_stops_it() -> None:
    """R8: looked for before each message, after the data were read; not even the fence goes up."""
    world, actor = settled()
    world.publish(plan(2, TWO))
    actor.until(lambda o: isinstance(o, (Transfer, AskMany)))
    actor.until(lambda o: isinstance(o, Get) and o.key == KEYS.newest)
    world.freeze_in_store(Freeze("frz111", Selector(), "r", "me"))
    world.log.clear()
    actor.rest()
    assert data_messages(world) == []
    assert "freeze frz111" in world.text("zone.frozen")


def test_a_freeze_of_a_name_ordered_meanwhile_leaves_that_name_out() -> None:
    """The raise goes out with the other names; the covered one keeps its data, and is told."""
    world, actor = settled()
    world.publish(plan(2, names(("api", ("10.0.0.2", "10.0.0.3")), ("www", ("10.0.0.4", "10.0.0.1")))))
    actor.until(lambda o: isinstance(o, (Transfer, AskMany)))
    actor.until(lambda o: isinstance(o, Get) and o.key == KEYS.newest)
    world.freeze_in_store(Freeze("frz111", Selector(name="api.*"), "r", "me"))
    actor.rest()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert world.addresses(f"www.{ZONE}") == ("10.0.0.1", "10.0.0.4")
    assert "1 names differ and stay" in world.text("zone.frozen")


def test_siblings_go_on_under_the_raise_of_one() -> None:
    """R0: the loser of a raise to the same plan writes the rest under the new pin, without reading all again."""
    world = World()
    many = tuple((f"n{i:04d}", ("10.0.0.1",)) for i in range(3000))
    world.publish(plan(1, names(*many)))
    enactor(world, "z").rest()
    one, two = enactor(world, "one", turn=0, turns=2), enactor(world, "two", turn=1, turns=2)
    one.rest()
    two.rest()
    world.publish(plan(2, names(*((n, ("10.0.0.1", "10.0.0.2")) for n, _ in many))))
    one.step()
    two.step()
    one.until(lambda o: isinstance(o, Update) and bool(o.changes))
    two.until(lambda o: isinstance(o, Update) and bool(o.changes))
    one.step()
    world.log.clear()
    two.rest()
    assert not any(isinstance(op, Transfer) for op in world.log)
    assert world.addresses(f"n2999.{ZONE}") == ("10.0.0.1", "10.0.0.2")
    one.rest()
    assert world.addresses(f"n0001.{ZONE}") == ("10.0.0.1", "10.0.0.2")


def test_a_freeze_of_a_name_lets_the_rest_of_the_zone_go_on() -> None:
    """The fence is raised, its freezes copied; the covered name keeps its old data until the thaw."""
    world, actor = settled()
    freeze = Freeze("frz111", Selector(name="api.*"), "r", "me")
    world.freeze_in_store(freeze)
    world.set_fence(msgspec.structs.replace(_up(world), freezes=("frz111",)))
    world.publish(plan(2, names(("api", ("10.0.0.2", "10.0.0.3")), ("www", ("10.0.0.4", "10.0.0.1")))))
    actor.again()
    fence = world.fence()
    assert fence is not None
    assert (fence.identity.generation, fence.freezes) == (2, ("frz111",))
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert world.addresses(f"www.{ZONE}") == ("10.0.0.1", "10.0.0.4")
    assert "1 names differ and stay" in world.text("zone.frozen")
    world.set_fence(msgspec.structs.replace(fence, freezes=()))
    world.store.apply(_delete(KEYS.freeze("frz111")))
    actor.again()
    assert world.addresses(API) == ("10.0.0.2", "10.0.0.3")


def _delete(key: str) -> Any:
    from holdfast.ports.store import Commit

    return Commit(deletes=(key,))


def test_an_unknown_freeze_stops_everything() -> None:
    """R8: a fence carries an id that neither store nor disk explains."""
    world, actor = settled()
    world.set_fence(msgspec.structs.replace(_up(world), freezes=("who234",)))
    world.update(DeleteRRset(API, "A"))
    actor.again()
    assert world.addresses(API) == ()
    assert "not explained" in world.text("zone.frozen")


def test_a_freeze_known_by_the_disk_keeps_its_meaning_with_the_store_out() -> None:
    """What an id covers is kept on each enactor's disk: the names that it does not cover are still held."""
    world, actor = settled()
    world.freeze_in_store(Freeze("frz111", Selector(name="api.*"), "r", "me"))
    world.set_fence(msgspec.structs.replace(_up(world), freezes=("frz111",)))
    actor.again()
    actor.crash()
    world.store_out = True
    world.update(DeleteRRset(API, "A"), DeleteRRset(f"www.{ZONE}", "A"))
    enactor(world).rest()
    assert world.addresses(API) == ()
    assert world.addresses(f"www.{ZONE}") == ("10.0.0.1",)


def test_a_garbled_freeze_covers_everything() -> None:
    """R8: never read as "no freeze"."""
    world, actor = settled()
    world.put(KEYS.freeze("bad111"), 17)
    world.update(DeleteRRset(API, "A"))
    actor.again()
    assert world.addresses(API) == ()


# -- observing, starting, reporting ----------------------------------------------------------------------------


def test_observe_writes_nothing_and_says_what_it_would() -> None:
    """mode = observe: no update leaves, not even the fence; the difference is told once."""
    world = World()
    world.put(KEYS.config, configuration(mode=Mode.OBSERVE))
    world, actor = settled(world)
    actor.again()
    assert data_messages(world) == []
    assert world.kinds() == ["write.would"]
    assert "4 RRsets at 2 names would be written" in world.text("write.would")
    world.put(KEYS.config, with_mode(configuration(), Mode.ENFORCE))
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")


def test_observe_by_its_own_settings_until_a_configuration_is_known() -> None:
    """Started in observe mode, it observes from its first moment."""
    world, _ = settled(mode=Mode.OBSERVE)
    assert data_messages(world) == []


class Unfenced(Rfc2136Provider):
    """A provider that can't make a write conditional."""

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, fencing=Fencing.NONE)


def test_several_enactors_without_fencing_are_refused_at_start() -> None:
    """Design decision 4: the reason is given; alone it may run."""
    provider = Unfenced(ZONE, MEMORY)
    text = refuse_start(EnactorSettings(SCOPE, "a", turn=0, turns=3), [provider])
    assert text is not None
    assert "3 enactors could overwrite each other" in text
    assert refuse_start(EnactorSettings(SCOPE, "a"), [provider]) is None
    loop = enact(EnactorSettings(SCOPE, "Not An Id"), {ZONE: provider})
    loop.send(None)
    with pytest.raises(StopIteration) as stop:
        loop.send(None)
    assert "can't stand in a fence" in stop.value.value


def test_a_zone_without_provider_is_said() -> None:
    """A plan that covers a zone which is not set up here: the other zones go on."""
    world = World()
    both = (*ONE, *names(("x", ("10.0.0.1",)), zone="other.test"))
    world.publish(plan(1, both, zones=(ZONE, "other.test")))
    enactor(world).rest()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert "no provider is set up" in world.text("zone.held")


def test_the_report_is_written_on_change() -> None:
    """A hint for people: the plan and each zone's state."""
    world, actor = settled()
    entry = world.store.apply(Get(KEYS.enactor("a")))
    assert entry is not None
    report = decode(entry.value, EnactorReport)
    assert (report.plan, report.zones[0].state) == (plan(1, ONE).identity, "converged")
    actor.again()
    again = world.store.apply(Get(KEYS.enactor("a")))
    assert again == entry


def test_the_report_names_the_plan_also_where_nothing_may_be_written() -> None:
    """Under a freeze a newer plan changes no zone; `status` shows all the same that the enactor knows it."""
    world, actor = settled()
    world.freeze_in_store(Freeze("frz111", Selector(), "r", "me"))
    for generation in (2, 3):
        world.publish(plan(generation, TWO))
        actor.again()
        entry = world.store.apply(Get(KEYS.enactor("a")))
        assert entry is not None
        report = decode(entry.value, EnactorReport)
        assert (report.plan, report.zones[0].state) == (plan(generation, TWO).identity, "frozen")


def test_no_plan_at_all_is_waited_for() -> None:
    """An empty store, an empty disk: rest, and ask again."""
    world = World()
    actor = enactor(world)
    assert actor.rest().rest is Rest.POLL
    world.publish(plan(1, ONE))
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")


# -- what may happen to a message ------------------------------------------------------------------------------


def test_a_newer_plan_between_two_messages_drops_the_old_one() -> None:
    """R1: looked for before each message. The rest of plan 1 is never sent."""
    world = World()
    many = names(*((f"n{i:04d}", ("10.0.0.1",)) for i in range(3000)))
    world.publish(plan(1, many))
    actor = enactor(world)
    actor.until(lambda o: isinstance(o, Update) and bool(o.changes))
    actor.step()
    world.publish(plan(2, names(("n0000", ("10.0.0.2", "10.0.0.1")), ("n2999", ("10.0.0.1",)))))
    actor.rest()
    assert _up(world).identity.generation == 2
    assert world.addresses(f"n1500.{ZONE}") in ((), ("10.0.0.1",))
    assert world.addresses(f"n2900.{ZONE}") == (), "the second message of plan 1 was not to be sent"


def test_refused_is_told_in_generations() -> None:
    """ "refused by the DNS server: the fence is at generation 44, mine is 41"."""
    world = World()
    world.publish(plan(41, ONE))
    actor = enactor(world)
    actor.until(lambda o: isinstance(o, Update) and bool(o.changes))
    world.set_fence(Fence(Identity(1, 44, "b" * 32)))
    actor.rest()
    assert world.text("write.refused") == ("refused by the DNS server: the fence is at generation 44, mine is 41")


def test_an_alias_is_left_out_and_the_rest_is_written() -> None:
    """R4: an owner that is a CNAME is reported; it does not hold the others back."""
    world = World()
    world.update(SetRRset(RRset(API, "CNAME", 30, ("elsewhere.test",))))
    world.publish(plan(1, ONE))
    actor = enactor(world)
    actor.rest()
    assert world.addresses(f"www.{ZONE}") == ("10.0.0.1",)
    assert f"left out 1: {API} is a CNAME to elsewhere.test" in world.text("write.blocked")
    world.update(DeleteRRset(API, "CNAME"))
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert world.kinds()[-1] == "zone.converged"


def test_an_alias_that_appears_meanwhile_is_found_by_the_guard() -> None:
    """R4: put up after the data were read; the message is refused whole, the offender left out, the rest sent."""
    world = World()
    world.publish(plan(1, ONE))
    actor = enactor(world)
    actor.until(lambda o: isinstance(o, Update) and bool(o.changes))
    zone = world.dns.zone(ZONE)
    assert zone is not None
    # Behind the serial's back: only the guard can notice, not the repair's pin.
    soa = zone.soa
    world.update(SetRRset(RRset(API, "CNAME", 30, ("elsewhere.test",))))
    held = world.dns.zone(ZONE)
    assert held is not None
    assert soa is not None
    world.dns.put(type(held).of(ZONE, (*(r for r in held.content().rrsets if r.rtype != "SOA"), soa)))
    actor.rest()
    assert world.addresses(f"www.{ZONE}") == ("10.0.0.1",)
    assert world.addresses(API) == ()
    assert "write.blocked" in world.kinds()


@pytest.mark.parametrize("landed", [False, True])
def test_a_lost_reply_needs_no_identity(landed: bool) -> None:
    """R5: whether the message landed or not, the loop ends at the same truth."""
    world, actor = settled()
    world.publish(plan(2, TWO))
    op = actor.until(lambda o: isinstance(o, Update) and bool(o.changes))
    if landed:
        world.dns.answer(op)
    actor.reply(CouldNotAsk("timed out", maybe_applied=True))
    actor.rest()
    actor.again()
    assert world.addresses(API) == ("10.0.0.2", "10.0.0.3")
    assert world.kinds()[-1] == "zone.converged"


def _attempt(actor: Actor) -> int:
    assert isinstance(actor.pending, Idle)
    return actor.pending.attempt


def test_denied_backs_off_and_says_what_to_check() -> None:
    """REFUSED is configuration, not a race: longer and longer rests."""
    world = World()
    world.publish(plan(1, ONE))
    from holdfast.ports.dns import Response

    world.fault = lambda op: Response(Rcode.REFUSED) if isinstance(op, Update) and op.changes else None
    actor = enactor(world)
    assert (actor.rest().rest, _attempt(actor)) == (Rest.RETRY, 1)
    assert (actor.again().rest, _attempt(actor)) == (Rest.RETRY, 2)
    for _ in range(10):
        actor.again()
    assert _attempt(actor) == 8
    assert world.kinds().count("write.failed") == 1


def test_a_silent_primary_backs_off_and_recovers() -> None:
    """Could not ask: nothing is concluded."""
    world, actor = settled()

    def silent(op: Operation[Any]) -> Any:
        return CouldNotAsk("no route") if isinstance(op, (Ask, Transfer)) else None

    world.fault = silent
    assert actor.again().rest is Rest.RETRY
    assert "no route" in world.text("write.failed")
    world.fault = None
    assert actor.again().rest is Rest.POLL
    assert world.kinds()[-1] == "zone.converged"


def test_a_lagging_name_server_is_an_event_once() -> None:
    """R18: after a write every name server is asked."""
    world, actor = settled()
    world.publish(plan(2, TWO))

    def lagging(op: Operation[Any]) -> Any:
        if isinstance(op, Servers):
            return ("192.0.2.1:53", "192.0.2.2:53")
        if isinstance(op, Ask) and op.server:
            old = Fence(plan(1, ONE).identity) if op.server.startswith("192.0.2.2") else world.fence()
            assert old is not None
            return Answer(Rcode.NOERROR, RRset(op.name, "TXT", 5, (old.rdata(),)), authoritative=True)
        return None

    world.fault = lagging
    actor.again()
    assert world.kinds().count("server.lags") == 1
    assert "192.0.2.2:53 is at 1.1-" in world.text("server.lags")
    world.publish(plan(3, ONE))
    world.fault = None
    actor.again()
    assert world.kinds().count("server.lags") == 1


def test_the_store_out_between_two_looks_does_not_stop_a_raise() -> None:
    """Design decision 5: the plan was the newest when it was read; the fence decides whether it still may."""
    world, actor = settled()
    world.publish(plan(2, TWO))
    actor.until(lambda o: isinstance(o, Get) and o.key == KEYS.newest)
    world.fault = lambda op: OUT if isinstance(op, Get) and op.key == KEYS.newest else None
    actor.rest()
    assert world.addresses(API) == ("10.0.0.2", "10.0.0.3")


def test_hints_wake_the_loop() -> None:
    """It rests on hints for a newer plan and for freezes."""
    _, actor = settled()
    assert isinstance(actor.pending, Idle)
    assert KEYS.newest in actor.pending.hints
    assert KEYS.freezes in actor.pending.hints


def test_two_zones_of_a_scope_converge_and_one_out_does_not_hold_the_other() -> None:
    """Each zone has its own fence; a silent primary holds only its own."""
    zones = (ZONE, "other.test")
    world = World(zones)
    both = (*ONE, *names(("x", ("10.0.0.1",)), zone="other.test"))
    world.publish(plan(1, both, zones=zones))
    world.fault = lambda op: (
        CouldNotAsk("no route") if getattr(op, "zone", "") == ZONE and not isinstance(op, GetMany) else None
    )
    actor = enactor(world, zones=zones)
    actor.rest()
    assert world.addresses("x.other.test", zone="other.test") == ("10.0.0.1",)
    assert world.fence() is None
    world.fault = None
    actor.again()
    assert world.fence() is not None
    assert world.fence("other.test") is not None


def test_a_zone_emptied_whole_is_filled_again() -> None:
    """Everything but SOA and NS is gone: fence and data come back in one message."""
    world, actor = settled()
    zone = world.dns.zone(ZONE)
    assert zone is not None
    world.dns.put(empty_zone(ZONE))
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
