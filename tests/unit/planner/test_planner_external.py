"""Names that clusters bring meet the planner's limits like any other."""

from __future__ import annotations

from planner_scopes import records, situation

from holdfast.externaldns.merging import merged
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.external import ClusterName, ClusterNames
from holdfast.planner.decide import decide
from webhook_world import configuration

SHOP = "shop.example.com"


def stored(revision: int, *names: ClusterName) -> StoredConfiguration:
    """The configuration with these names of a cluster."""
    return StoredConfiguration(revision, "m:/f", "d", merged(configuration(), ClusterNames(revision, names)))


def test_last_address_of_a_family_is_not_taken_away() -> None:
    """A cluster drops a name's only AAAA: the planner keeps it, and says so (I2)."""
    first = decide(situation(stored(1, ClusterName(SHOP, 60, ("1.2.3.4",), ("2001:db8::1",))))).plan
    assert first is not None
    second = decide(situation(stored(2, ClusterName(SHOP, 60, ("1.2.3.4",))), first))
    kept = records(second.plan or first)[SHOP]
    assert [w.address for w in kept.aaaa] == ["2001:db8::1"]
    assert any("2001:db8::1" in reason.text for reason in second.held)


def test_changed_addresses_overlap() -> None:
    """A cluster replaces every address of a name: the new one enters first, the old one leaves in a later plan."""
    first = decide(situation(stored(1, ClusterName(SHOP, 60, ("1.2.3.4",))))).plan
    assert first is not None
    moved = stored(2, ClusterName(SHOP, 60, ("1.2.3.9",)))
    second = decide(situation(moved, first)).plan
    assert second is not None
    assert {w.address for w in records(second)[SHOP].a} == {"1.2.3.4", "1.2.3.9"}
    third = decide(situation(moved, second)).plan
    assert third is not None
    assert {w.address for w in records(third)[SHOP].a} == {"1.2.3.9"}
