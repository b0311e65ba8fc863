"""The storm's own instruments: a schedule that repeats, a watcher that notices, a measure that can be too slow."""

from __future__ import annotations

from collections import Counter

import dns.message
import dns.rrset
import msgspec
import pytest
from storm_file import API, IMG, NAMES, SCOPE, ZONE
from storm_findings import Change, Frozen, Outage, converge, frozen_breaches, percentile
from storm_schedule import FAULTS, LONG_STOP_S, Kind, schedule
from storm_watcher import Move, Watcher

from holdfast.events.record import Record, stamp
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity

BOTH, ONE = frozenset({"127.0.77.1", "127.0.77.2"}), frozenset({"127.0.77.2"})


class Told(Watcher):
    """A watcher that is told its answers, and asks once."""

    def __init__(self, *texts: str) -> None:
        super().__init__(0, scope=SCOPE, zone=ZONE, names=NAMES)
        self._texts = texts

    def look(self) -> list[str]:
        """One question for the first name, and one for the fence; what was noticed."""
        self._addresses(API)
        self._fence()
        return self.breaches

    def tell(self, *texts: str) -> Told:
        """Other answers from now on."""
        self._texts = texts
        return self

    def _ask(self, name: str, kind: str) -> dns.message.Message:
        answer = dns.message.make_response(dns.message.make_query(name, kind))
        own = [t for t in self._texts if t.startswith(kind + " ")]
        if own:
            answer.answer.append(dns.rrset.from_text(name, 1, "IN", kind, *(t[len(kind) + 1 :] for t in own)))
        return answer


def fence(generation: int, hash_: str = "a" * 32) -> str:
    """A fence's answer."""
    return "TXT " + Fence(identity=Identity(1, generation, hash_)).rdata()


def test_a_schedule_repeats_and_a_soak_has_what_is_asked_of_it() -> None:
    """Equal seeds, equal steps; ten minutes hold 200 kills and pauses, some longer than any timeout."""
    steps = schedule(1, seconds=600.0, fault_every_s=2.2)
    assert steps == schedule(1, seconds=600.0, fault_every_s=2.2)
    assert steps != schedule(2, seconds=600.0, fault_every_s=2.2)
    counts = Counter(step.kind for step in steps)
    assert sum(counts[kind.name] for kind in FAULTS) >= 200
    assert min(counts[k.name] for k in Kind) >= 3
    stops = {s.subject: s.at_s for s in steps if s.kind == Kind.LONG_STOP.name}
    subject, at_s = next(iter(stops.items()))
    assert min(s.at_s for s in steps if s.subject == subject and s.at_s > at_s) - at_s >= LONG_STOP_S


def test_the_watcher_notices_emptiness_and_a_step_back() -> None:
    """An empty answer, a fence that fell or is gone, two plans under one number are breaches; a rise is none."""
    assert fence_owner(SCOPE, ZONE) == f"_holdfast-{SCOPE}.{ZONE}"
    watcher = Told("A 127.0.77.1", fence(4))
    assert not watcher.look()
    assert not watcher.tell("A 127.0.77.2", fence(5)).look()
    assert "I2" in watcher.tell(fence(5)).look()[-1]
    assert "back" in watcher.tell("A 127.0.77.2", fence(4)).look()[-1]
    assert "one number" in watcher.tell("A 127.0.77.2", fence(4, "b" * 32)).look()[-1]
    assert "missing" in watcher.tell("A 127.0.77.2").look()[-1]


def test_a_move_in_a_frozen_scope_is_a_breach_only_when_certain() -> None:
    """Between acknowledgement and the order to thaw nothing may move; a question asked before proves nothing."""
    freeze = (Frozen("", 10.0, 20.0, 21.0),)
    assert frozen_breaches(freeze, (Move("serial", 12.0, 12.04, "1 -> 2"),))
    assert not frozen_breaches(freeze, (Move("serial", 9.99, 10.03, "1 -> 2"), Move("serial", 19.99, 20.02, "")))
    name = (Frozen(IMG, 10.0, 20.0, 21.0),)
    assert frozen_breaches(name, (Move(IMG, 12.0, 12.04, ""),))
    assert not frozen_breaches(name, (Move(API, 12.0, 12.04, ""),))


@pytest.mark.parametrize(
    ("outages", "frozen", "expected_s"),
    [
        ((), (), 8.0),
        ((Outage("prober-a", 99.0, 105.0, False),), (), 3.0),
        ((Outage("planner-a", 99.0, 105.0, True),), (), 8.0),
        ((), (Frozen("", 101.0, 105.0, 106.0),), 2.0),
        ((), (Frozen(IMG, 101.0, 105.0, 106.0),), 8.0),
    ],
)
def test_convergence_counts_from_when_somebody_could_act(
    outages: tuple[Outage, ...], frozen: tuple[Frozen, ...], expected_s: float
) -> None:
    """A missing prober or a freeze of the name moves the start; one planner of two, another name's freeze, not."""
    change = Change(100.0, API, "b1", False, "backend killed")
    found = converge((change,), {API: [(90.0, BOTH), (108.0, ONE)]}, outages, (), frozen)
    (measured,) = found.measured
    assert (measured.raw_s, measured.since_release_s) == (8.0, expected_s)


def test_convergence_counts_from_a_limits_release_and_knows_what_never_came() -> None:
    """Held by velocity: from the window's end. A pair that flips back is superseded; one that stays, never."""
    change = Change(100.0, API, "b1", False, "backend killed")
    text = "removing 100 would make 400 of 700"
    said = Record(
        at=stamp(102.0),
        process="p",
        kind="change.refused",
        actor="planner-a",
        text=text,
        data={"rule": "velocity", "subject": "pool/b1"},
    )
    (measured,) = converge((change,), {API: [(90.0, BOTH), (113.0, ONE)]}, (), (said,)).measured
    assert (measured.since_release_s, measured.held) == (1.0, ("velocity",))
    other = msgspec.structs.replace(said, data={"rule": "velocity", "subject": "solo/b1"})
    (measured,) = converge((change,), {API: [(90.0, BOTH), (113.0, ONE)]}, (), (other,)).measured
    assert (measured.since_release_s, measured.held) == (13.0, ())
    stays = {API: [(90.0, BOTH)]}
    assert converge((change,), stays, (), ()).never == (change,)
    back = Change(101.0, API, "b1", True, "backend started")
    found = converge((change, back), stays, (), ())
    assert (found.superseded, len(found.measured), found.never) == (1, 1, ())


def test_percentiles() -> None:
    """The smallest value that the share does not exceed."""
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert percentile([1.0, 2.0, 3.0], 0.5) == 2.0
    assert percentile([], 0.5) == 0.0
