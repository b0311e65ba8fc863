"""What is said of a store's server, by rules over what it shows."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from holdfast.cli.doctoring import doctor
from holdfast.config.store_address import parse_address
from holdfast.stores.etcd_client import Failed
from holdfast.stores.etcd_doctor import SIZE_LARGE_BYTES, judge_members
from holdfast.stores.etcd_wire import StatusAnswer, StatusHeader
from holdfast.stores.examined import Verdict
from holdfast.stores.postgres_doctor import judge_server
from holdfast.stores.sqlite import SqliteStore

ROW = {
    "version": "15.1",
    "fsync": "on",
    "full_pages": "on",
    "flushed": "on",
    "standbys": "s1",
    "following": 1,
    "encrypted": True,
}
REMOTE = parse_address("postgresql://db.example/x")


def doubtful(**changed: object) -> list[str]:
    """What is doubtful of a server that is good but for this."""
    found = judge_server(REMOTE, {**ROW, **changed})
    return [one.what for one in found if one.verdict is not Verdict.GOOD]


def test_a_good_postgresql_has_no_doubts() -> None:
    """Flushed, with a standby that is waited for, encrypted."""
    assert doubtful() == []


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"fsync": "off"}, "durable"),
        ({"full_pages": "off"}, "durable"),
        ({"standbys": ""}, "failover"),
        ({"standbys": "", "following": 0}, "failover"),
        ({"encrypted": False}, "encrypted"),
    ],
)
def test_each_doubt_of_a_postgresql(changed: dict[str, object], what: str) -> None:
    """One setting, one doubt."""
    assert doubtful(**changed) == [what]


def member(number: int, *, leader: int = 1, **changed: object) -> StatusAnswer:
    """A member as it sees itself."""
    answer = StatusAnswer(header=StatusHeader(number), version="3.4", db_size=10_000, leader=leader)
    return msgspec.structs.replace(answer, **changed)


CLUSTER = msgspec.structs.replace(parse_address("etcd://a,b,c"), tls=True)


def test_a_good_cluster() -> None:
    """Three that agree on who leads."""
    found = judge_members(CLUSTER, [member(1), member(2), member(3)])
    assert {one.verdict for one in found} == {Verdict.GOOD}
    assert found[0].text.endswith(", leads")


@pytest.mark.parametrize(
    ("third", "what", "verdict"),
    [
        (Failed("c:2379: refused", sent=False), "member c:2379", Verdict.DOUBTFUL),
        (member(3, errors=("NOSPACE",)), "member c:2379", Verdict.BAD),
        (member(3, db_size=SIZE_LARGE_BYTES + 1), "member c:2379", Verdict.DOUBTFUL),
        (member(3, leader=3), "one cluster", Verdict.DOUBTFUL),
        (member(3, leader=0), "one cluster", Verdict.DOUBTFUL),
    ],
)
def test_each_doubt_of_a_cluster(third: StatusAnswer | Failed, what: str, verdict: Verdict) -> None:
    """Gone, out of space, nearly so, of another opinion, without a leader."""
    found = judge_members(CLUSTER, [member(1), member(2), third])
    assert [(one.what, one.verdict) for one in found if one.verdict is not Verdict.GOOD] == [(what, verdict)]


def test_a_cluster_of_one_on_the_way_in_clear() -> None:
    """None may go, and everybody on the way reads along."""
    found = judge_members(parse_address("etcd://a.example"), [member(1)])
    assert [one.what for one in found if one.verdict is Verdict.DOUBTFUL] == ["failover", "encrypted"]


async def test_a_file_that_others_reach(tmp_path: Path) -> None:
    """The file's mode is looked at."""
    store = SqliteStore(tmp_path / "s.db")
    assert [one.what for one in await store.examine() if one.verdict is not Verdict.GOOD] == ["failover"]
    (tmp_path / "s.db").chmod(0o644)
    assert "private" in [one.what for one in await store.examine() if one.verdict is not Verdict.GOOD]
    await store.close()


@pytest.mark.parametrize("arguments", [[], ["www.example.org", "--store", "x.toml"]])
def test_doctor_wants_one_of_two(arguments: list[str]) -> None:
    """Neither and both are usage errors, in one line."""
    said = CliRunner().invoke(doctor, arguments)
    assert said.exit_code == 64
    assert "name either a DNS name, or a file with --store, --route53 or --powerdns" in said.output
