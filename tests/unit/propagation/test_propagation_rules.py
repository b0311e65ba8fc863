"""What a host should have, whose turn it is, and how much publishers may add."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.delivery import Document, Host, Poll, Publish, Version, digest_of, problem, ready
from holdfast.propagation.desired import Catalogue, Work
from holdfast.propagation.rules import (
    AGEING_S,
    BACKLOG_MOST_S,
    QUARANTINE_AFTER,
    QUARANTINE_FIRST_S,
    QUARANTINE_MOST_S,
    quarantine_s,
)
from holdfast.propagation.turns import Turns
from holdfast.propagation.upstream import DRAIN_LEAST_PER_S, Upstream

LB = Host("lb-1", "lb", "zone-a")
SELECTORS = ("all", "role/lb", "group/zone-a", "host/lb-1", "host/other")


def document(generation: int, selector: str = "all", name: str = "a.cfg", **more: object) -> Document:
    """A document whose content is its generation."""
    return Document(selector, name, generation, b"%d" % generation, **more)  # type: ignore[arg-type]


def test_the_most_special_document_counts_and_a_deleted_one_uncovers_the_next() -> None:
    """Host over group over role over all."""
    known = Catalogue([document(1), document(2, "role/lb"), document(3, "group/zone-a"), document(4, "host/lb-1")])
    for generation, content in ((5, b"3"), (6, b"2"), (7, b"1")):
        selector = {5: "host/lb-1", 6: "group/zone-a", 7: "role/lb"}[generation]
        known.take(document(generation, selector, deleted=True))
        delivery = known.delivery(LB, Version(generation - 1))
        assert [(f.name, f.content) for f in delivery.files] == [("a.cfg", content)]
        assert delivery.generation == generation == known.desired(LB).generation
    known.take(document(8, deleted=True))
    assert known.delivery(LB, Version(7)).gone == ("a.cfg",)


def test_an_older_generation_is_not_taken_in() -> None:
    """What comes late does not win."""
    known = Catalogue([document(5)])
    assert not known.take(document(4))
    assert known.find("all", "a.cfg") == document(5)


def test_a_file_that_came_and_went_in_between_is_not_sent() -> None:
    """Create and delete cancel out for a host that saw neither; who asks for the first time needs no `gone`."""
    known = Catalogue(
        [document(1, name="keep"), document(2, name="brief"), document(3, name="brief", deleted=True)]
    )
    assert [f.name for f in known.delivery(LB, Version(0)).files] == ["keep"]
    assert known.delivery(LB, Version(0)).gone == ()


def test_much_that_is_dirty_makes_a_snapshot() -> None:
    """Over 30 % of the files: all of them; one of ten: that one."""
    known = Catalogue([document(n, name=f"f{n}") for n in range(1, 11)])
    assert not known.delivery(LB, Version(9)).snapshot
    assert known.delivery(LB, Version(5)).snapshot
    assert len(known.delivery(LB, Version(5)).files) == 10


def test_work_is_create_update_or_delete() -> None:
    """Nothing applied yet, something that counts is newer, or only removals are."""
    known = Catalogue([document(1), document(2, name="b"), document(3, name="b", deleted=True)])
    assert known.work(LB, Version(0)) is Work.CREATE
    assert known.work(LB, Version(2)) is Work.DELETE
    known.take(document(4))
    assert known.work(LB, Version(2)) is Work.UPDATE


@st.composite
def histories(draw: st.DrawFn) -> list[Document]:
    """Changes in the order of their generations."""
    size = draw(st.integers(1, 14))
    return [
        document(
            generation,
            draw(st.sampled_from(SELECTORS)),
            draw(st.sampled_from(("a", "b", "c"))),
            deleted=draw(st.booleans()),
        )
        for generation in range(1, size + 1)
    ]


@given(history=histories(), stops=st.lists(st.integers(0, 14), max_size=4))
def test_whatever_a_host_missed_it_ends_with_the_same_files(history: list[Document], stops: list[int]) -> None:
    """Deliveries at any moments of the history add up to what a fresh host is given at the end, and to the digest
    that each of them names.
    """
    files: dict[str, bytes] = {}
    applied = 0
    known = Catalogue()
    for at, change in enumerate(history, start=1):
        known.take(change)
        if at not in stops and at != len(history):
            continue
        delivery = known.delivery(LB, Version(applied))
        if delivery.snapshot:
            files = {}
        files.update({f.name: f.content for f in delivery.files})
        for name in delivery.gone:
            files.pop(name, None)
        applied = delivery.generation
        assert ready(delivery.version, known.desired(LB))
        laid_out = ((name, 0o644, hashlib.sha256(content).digest()) for name, content in files.items())
        assert delivery.digest == (digest_of(laid_out) if delivery.generation else "")
    assert files == {f.name: f.content for f in known.delivery(LB, Version(0)).files}


@given(history=histories(), of=st.sampled_from(("lb", "web", "")), other=st.sampled_from(("lb", "web", "")))
def test_the_same_number_is_the_same_version_only_with_the_same_files(
    history: list[Document], of: str, other: str
) -> None:
    """For two roles of one host: ready for each other exactly when what they should have is the same, or newer."""
    known = Catalogue(history)
    mine, theirs = Host("lb-1", of, "zone-a"), Host("lb-1", other, "zone-a")
    has, wanted = known.desired(mine), known.desired(theirs)
    same = known.delivery(mine, Version()).files == known.delivery(theirs, Version()).files
    assert ready(has, wanted) == (
        has.generation > wanted.generation or (has.generation == wanted.generation and same)
    )
    if not ready(has, wanted):
        assert known.delivery(theirs, has).snapshot or has.generation < wanted.generation


def test_documents_of_another_history_do_not_follow() -> None:
    """One is gone, is older, or is another one of the same number: the store was restored."""
    known = Catalogue([document(1), document(2, name="b")])
    assert Catalogue([document(3), document(2, name="b"), document(4, name="c")]).follows(known)
    for other in (
        [document(1)],
        [document(1), document(1, name="b")],
        [document(1), document(2, name="b", mode=1)],
    ):
        assert not Catalogue(other).follows(known)


def test_with_a_document_that_cannot_be_read_no_digest_is_known() -> None:
    """Else every host that has it would be told to have too much, and lose the file."""
    assert Catalogue([document(1)], whole=False).desired(LB) == Version(1, "")
    assert ready(Version(1, "x"), Version(1, ""))


def served(turns: Turns, names: set[str], now_s: float) -> list[str]:
    """Who is served until the places are full."""
    found = []
    while (name := turns.next(names, now_s=now_s)) is not None:
        found.append(name)
    return found


def test_creates_go_before_updates_before_deletes_until_these_have_waited_long() -> None:
    """After a minute a delete goes with the first."""
    turns = Turns(places=1, report_within_s=30.0)
    hosts = {name: Host(name) for name in ("creates", "updates", "deletes")}
    turns.wait(hosts["deletes"], Work.DELETE, now_s=0.0)
    turns.wait(hosts["updates"], Work.UPDATE, now_s=30.0)
    turns.wait(hosts["creates"], Work.CREATE, now_s=50.0)
    order = []
    for now_s in (51.0, 52.0, 53.0):
        order += served(turns, set(hosts), now_s)
        turns.report(hosts[order[-1]])
        turns.rest(hosts[order[-1]])
    assert order == ["creates", "updates", "deletes"]
    turns.wait(hosts["deletes"], Work.DELETE, now_s=60.0)
    turns.wait(hosts["creates"], Work.CREATE, now_s=61.0 + AGEING_S)
    assert served(turns, set(hosts), 62.0 + AGEING_S) == ["deletes"]


def test_a_new_host_does_not_wait_for_a_backlog_and_the_backlog_not_for_new_hosts() -> None:
    """Fifty hosts that have waited for minutes, and ten new ones: they take turns."""
    turns = Turns(places=1, report_within_s=30.0)
    hosts = {f"old-{n:02d}": Host(f"old-{n:02d}") for n in range(50)}
    hosts |= {f"new-{n:02d}": Host(f"new-{n:02d}") for n in range(10)}
    for name, host in hosts.items():
        old = name.startswith("old")
        turns.wait(host, Work.UPDATE if old else Work.CREATE, now_s=0.0 if old else 2 * AGEING_S)
    order: list[str] = []
    for second in range(60):
        order += served(turns, set(hosts), 2 * AGEING_S + second)
        turns.report(hosts[order[-1]])
        turns.rest(hosts[order[-1]])
    assert [name[:3] for name in order[:20]] == ["old", "new"] * 10
    assert len(set(order)) == 60


def test_a_large_group_does_not_starve_a_small_one() -> None:
    """A hundred hosts of one group and two of another: the two are served within the first four turns."""
    turns = Turns(places=1, report_within_s=30.0)
    hosts = [Host(f"big-{n:03d}", group="big") for n in range(100)] + [
        Host("s-1", group="s"),
        Host("s-2", group="s"),
    ]
    for host in hosts:
        turns.wait(host, Work.UPDATE, now_s=0.0)
    order: list[str] = []
    for now_s in range(1, 7):
        order += served(turns, {h.name for h in hosts}, float(now_s))
        host = next(h for h in hosts if h.name == order[-1])
        turns.report(host)
        turns.rest(host)
    assert {"s-1", "s-2"} <= set(order[:4])


def test_places_bound_who_applies_at_once_and_silent_hosts_lose_theirs() -> None:
    """Two places: the third waits until one reports, or its time to report is over."""
    turns = Turns(places=2, report_within_s=30.0)
    names = {"a", "b", "c"}
    for name in names:
        turns.wait(Host(name), Work.UPDATE, now_s=0.0)
    assert served(turns, names, 1.0) == ["a", "b"]
    assert served(turns, names, 29.0) == []
    turns.report(Host("a"))
    turns.rest(Host("a"))
    assert served(turns, names, 30.0) == ["c"]


def test_a_host_that_never_reports_is_quarantined_and_others_go_first() -> None:
    """After five silences it waits for minutes, and only gets a turn that nobody else wants."""
    turns = Turns(places=1, report_within_s=1.0)
    dead, alive = Host("dead"), Host("live")
    turns.wait(dead, Work.CREATE, now_s=0.0)
    now_s = 0.0
    for _ in range(QUARANTINE_AFTER):
        assert served(turns, {"dead"}, now_s) == ["dead"]
        now_s += 2.0
    assert served(turns, {"dead"}, now_s) == []
    assert turns.turns["dead"].quarantined
    assert turns.backlog_age_s(now_s=now_s) == 0.0, "publishers do not wait for it"
    now_s += QUARANTINE_FIRST_S
    turns.wait(alive, Work.DELETE, now_s=now_s)
    assert served(turns, {"dead", "live"}, now_s) == ["live"]
    turns.report(alive)
    turns.rest(alive)
    assert served(turns, {"dead", "live"}, now_s) == ["dead"]
    turns.report(dead)
    assert not turns.turns["dead"].quarantined


def test_publishers_are_slowed_by_the_age_of_the_backlog_and_stopped_at_five_minutes() -> None:
    """Half the drain rate at half the age; free changes and an empty backlog always pass."""
    upstream = Upstream(now_s=0.0)
    for second in range(1, 61):
        upstream.drained(10, now_s=float(second))
        upstream.refill(0.0, now_s=float(second))
    assert upstream.rate_per_s(0.0) == pytest.approx(10.0, rel=0.2)
    assert upstream.rate_per_s(BACKLOG_MOST_S / 2) == pytest.approx(upstream.rate_per_s(0.0) / 2)
    assert upstream.rate_per_s(BACKLOG_MOST_S) == 0.0
    assert upstream.admit(1000, 0.5, now_s=60.0) == 0.0, "no backlog, no limit"
    assert upstream.admit(100, 30.0, now_s=61.0) == 0.0
    assert upstream.admit(1, 30.0, now_s=61.1) > 0.0, "the debt of a hundred hosts comes first"
    assert upstream.admit(0, 30.0, now_s=61.1) == 0.0, "nobody new has to wait for it"
    assert upstream.admit(1, 30.0, now_s=75.0) == 0.0


@pytest.mark.parametrize(("before_per_s", "now_per_s"), [(10, 0), (10, 1), (1, 10)])
@pytest.mark.parametrize("asks_every_s", [0.1, 1.0, 1000.0])
def test_the_drain_rate_is_that_of_now_however_often_publishers_ask(
    before_per_s: int, now_per_s: int, asks_every_s: float
) -> None:
    """Hosts that were fast and are slow now, and the other way round: after three windows it is known within a
    tenth of the change. Who asks in each turn of the service, refused or not, must not keep time from passing.
    """
    upstream = Upstream(now_s=0.0)
    asks_s = asks_every_s
    for tenth in range(1, 1801):
        now_s = tenth / 10
        if now_s >= asks_s:
            upstream.admit(1, 30.0, now_s=now_s)
            asks_s = now_s + asks_every_s
        hosts = (before_per_s if now_s <= 90 else now_per_s) if tenth % 10 == 0 else 0
        upstream.drained(hosts, now_s=now_s)
        upstream.refill(30.0, now_s=now_s)
    least = max(now_per_s, DRAIN_LEAST_PER_S)
    assert upstream.rate_per_s(0.0) == pytest.approx(least, abs=abs(before_per_s - now_per_s) / 10)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (Publish("rol/x", "a"), "selects no hosts"),
        (Publish("role/", "a"), "selects no hosts"),
        (Publish("all", "../etc/passwd"), "no file name"),
        (Publish("all", "/etc/passwd"), "no file name"),
        (Publish("all", ".holdfast.json"), "no file name"),
        (Publish("all", "a", b"x" * 600_000), "bytes of content"),
        (Publish("all", "a", mode=0o4755), "is none from 0 to 777"),
        (Poll(Host("a b"), 0), "no host, role or group"),
        (Poll(Host("a"), -1), "generations"),
        (Publish("host/lb-1", "conf.d/a.cfg"), ""),
    ],
)
def test_what_is_wrong_with_a_call_is_said(ask: Publish | Poll, says: str) -> None:
    """Paths that leave the directory, wrong selectors, too much."""
    assert says in problem(ask)
    assert bool(problem(ask)) == bool(says)


def test_quarantine_doubles_up_to_ten_minutes() -> None:
    """Four silences are none yet; each more doubles the rest."""
    found = [quarantine_s(failures) for failures in (4, 5, 6, 50)]
    assert found == [0.0, QUARANTINE_FIRST_S, 2 * QUARANTINE_FIRST_S, QUARANTINE_MOST_S]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_lines_choose_whom_the_whole_table_would_choose(seed: int) -> None:
    """Any history of asking, serving, silence and reports: the next is the least of all that are able, by rank."""
    rng = random.Random(seed)
    turns = Turns(places=3, report_within_s=20.0)
    hosts = [Host(f"h{n}", group=f"g{n % 3}") for n in range(9)]
    now_s = 0.0
    for _ in range(120):
        now_s += rng.choice((0.0, 1.0, 15.0))
        host = rng.choice(hosts)
        match rng.randrange(4):
            case 0 | 1:
                turns.wait(host, rng.choice(list(Work)), now_s=now_s)
            case 2:
                turns.report(host)
            case _:
                turns.rest(host)
        asking = {h.name for h in rng.sample(hosts, 6)}
        for name in asking:  # who asks is placed first, as the desk does
            turn = turns.turns.get(name)
            if turn is not None and turn.since_s is not None:
                turns.wait(turn.host, turn.work, now_s=now_s)
        room = turns.free(now_s=now_s) > 0
        able = [t for n in asking if (t := turns.turns.get(n)) and t.since_s is not None and t.given_s is None]
        first = [t for t in able if not t.quarantined] or [t for t in able if now_s >= t.again_s]
        expected = min(first, key=lambda t: turns._rank(t, now_s)).host.name if room and first else None
        assert turns.next(asking, now_s=now_s) == expected
        kept = [t.since_s for t in turns.turns.values() if t.since_s is not None and not t.silent]
        assert turns.backlog_age_s(now_s=now_s) == max((now_s - since_s for since_s in kept), default=0.0)


def test_choosing_looks_at_few_of_many_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group of its own for each of 2,000 hosts: who is served next is found by a look at few lines, not all."""
    looked: list[object] = []
    head = Turns._head

    def counted(self: Turns, key: tuple[str, Work], among: set[str]) -> object:
        looked.append(key)
        return head(self, key, among)

    monkeypatch.setattr(Turns, "_head", counted)
    turns = Turns(places=64, report_within_s=30.0)
    hosts = [Host(f"h{n:04d}", group=f"g{n:04d}") for n in range(2000)]
    for host in hosts:
        turns.wait(host, Work.UPDATE, now_s=0.0)
    assert served(turns, {host.name for host in hosts}, 1.0) == [host.name for host in hosts[:64]]
    assert len(looked) <= 3 * 64
