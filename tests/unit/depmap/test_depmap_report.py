"""Findings, common causes, comparison, and the map of the outage."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from holdfast.depmap.difference import difference
from holdfast.depmap.drawing import TooLarge, to_dot, to_svg
from holdfast.depmap.findings import Finding, Kind
from holdfast.depmap.merging import merge
from holdfast.depmap.report import Answers
from holdfast.depmap.sources.opening import read
from holdfast.depmap.values import Map, Need, Phase, Plane, Service

OCTOBER = "examples/map/october-2025.toml"


def answers(services: list[Service], *needs: Need) -> Answers:
    """Answers on a map made by hand."""
    return Answers(Map(tuple(sorted(services, key=lambda s: s.name)), needs))


def of_kind(of: Answers, kind: Kind) -> list[Finding]:
    """Findings of one kind."""
    return [f for f in of.report().findings if f.kind is kind]


def test_a_hidden_dependency_under_two_replicas_is_found() -> None:
    """Two of two databases stand on one disk array: the group falls with it."""
    of = answers(
        [Service(n) for n in ("app", "db-a", "db-b", "disks", "dns")],
        Need("app", ("db-a", "db-b"), 1, group="databases"),
        Need("db-a", ("disks",)),
        Need("db-b", ("disks",)),
    )
    (found,) = of_kind(of, Kind.HIDDEN)
    assert (found.about, found.because) == ("app: databases", ("disks",))
    assert "needs 1 of 2 (db-a, db-b), but disks alone leaves fewer than 1" in found.says


def test_replicas_of_one_version_are_a_shared_cause_and_an_event_of_their_own() -> None:
    """Both run the same code: the finding says so, and the cause's closure takes the application down."""
    of = answers(
        [
            Service("app", weight=5),
            Service("a", code="pg 16.1"),
            Service("b", code="pg 16.1"),
            Service("c", code="x"),
        ],
        Need("app", ("a", "b"), 1, group="g"),
    )
    assert [f.because for f in of_kind(of, Kind.SHARED)] == [("code pg 16.1",)]
    assert [(c.attribute, c.value, c.falls, c.weight) for c in of.report().causes] == [("code", "pg 16.1", 3, 7)]


def test_a_control_plane_is_told_by_what_falls_with_it_and_by_what_cannot_come_back() -> None:
    """Falling at once and being unable to return are different findings of one control plane."""
    of = answers(
        [Service("control", plane=Plane.CONTROL), Service("runs"), Service("boots"), Service("other")],
        Need("runs", ("control",)),
        Need("boots", ("control",), phase=Phase.BOOT),
    )
    (found,) = of_kind(of, Kind.CONTROL)
    assert found.says == "control plane control: runs fall with it; boots can't come back without it"


def test_a_name_that_its_own_keeper_needs_is_found() -> None:
    """The automation reaches its store by a name that it keeps."""
    of = answers(
        [Service("dns-bot"), Service("store"), Service("store.example", kept_by="dns-bot")],
        Need("dns-bot", ("store",)),
        Need("store", ("store.example",), phase=Phase.BOOT),
    )
    assert [f.about for f in of_kind(of, Kind.OWN_NAME)] == ["store.example"]


def test_a_comparison_names_new_single_points_and_findings_only() -> None:
    """Dropping a replica makes the other a single point; services that only one map has are told apart."""
    services = [Service(n) for n in ("app", "a", "b")]
    old = answers(services, Need("app", ("a", "b"), 1, group="g"))
    new = answers([*services, Service("extra")], Need("app", ("a",)), Need("extra", ("a",)))
    found = difference(old, new)
    assert [(p.of, p.point) for p in found.new_points] == [("app", "a")]
    assert (found.added, found.removed, found.worse) == (("extra",), (), True)
    back = difference(new, old)
    assert ([(p.of, p.point) for p in back.gone_points], back.worse) == ([("app", "a")], False)


@pytest.fixture(scope="module")
def october() -> Answers:
    """The example that ships."""
    return Answers(merge([read(OCTOBER)]))


def test_one_empty_name_takes_113_services_down(october: Answers) -> None:
    """The number of that day; the name is at the top of the ranking, and no service stands by it."""
    report = october.report()
    assert (report.rows[0].name, report.rows[0].blast) == ("database name", 113)
    assert "dns automation" not in october.blast("database name")
    assert report.stuck == ()


def test_the_map_says_in_which_order_the_day_can_end(october: Answers) -> None:
    """Name, database, leases, network, launches: the chain that made twelve hours of three."""
    path = [rise.name for rise in october.started.critical_path()]
    assert path[:5] == ["database name", "database", "host lease manager", "network manager", "instance launches"]


def test_one_code_in_all_zones_is_told(october: Answers) -> None:
    """Three independent enactors that run the same code are one enactor to a bug."""
    shared = of_kind(october, Kind.SHARED)
    assert [f.about for f in shared] == ["dns automation: enactors"]
    kept = next(c for c in october.report().causes if c.attribute == "kept_by")
    assert kept.falls == 114


def test_svg_is_well_formed_and_marks_what_falls(october: Answers) -> None:
    """Every service is a box; the failed and the fallen are named so for those who see no colour."""
    root = ElementTree.fromstring(to_svg(october, frozenset({"database name"})))
    titles = [t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}title")]
    assert sum(t.endswith("(down)") for t in titles) == 113
    assert "database name (failed)" in titles


def test_a_map_too_large_to_see_is_no_picture() -> None:
    """It says so instead of drawing a black square."""
    with pytest.raises(TooLarge, match="401 services"):
        to_svg(answers([Service(f"s{n:03d}") for n in range(401)]))


def test_dot_reads_back_with_strengths(tmp_path: Path, october: Answers) -> None:
    """What is written for Graphviz is a source again: the same edges, soft ones soft."""
    (tmp_path / "m.dot").write_text(to_dot(october.map))
    again = merge([read(str(tmp_path / "m.dot"))])
    assert {(n.of, on, n.hard) for n in again.needs for on in n.on} == {
        (n.of, on, n.hard) for n in october.map.needs for on in n.on
    }
