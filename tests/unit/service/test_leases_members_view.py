"""What `status` shows of leases: what the store knows, and what only the running service knows."""

from __future__ import annotations

from pathlib import Path

import msgspec

from holdfast.config.leases import LeaseService
from holdfast.config.loading import load
from holdfast.config.settings import Loaded
from holdfast.model.configuration import Configuration, TargetConfig
from holdfast.model.delivery import Host, Lag, Standing
from holdfast.model.lease import Lease, Place
from holdfast.model.observation import LEASES_OBSERVER, Observations, TargetObservation, TargetState
from holdfast.service.leases.members import LeasesView, Said, ask_service, leases_view, lines

GROUP = "api.fleet.test"


def configuration(*names: str) -> Configuration:
    """The example's scope, with these members."""
    loaded = load(Path(__file__).parents[3] / "examples" / "leases" / "up.toml")
    assert isinstance(loaded, Loaded)
    found = loaded.configuration
    (group,) = found.groups
    targets = tuple(TargetConfig(name, "127.0.0.1", None, 80, "default", 100) for name in names)
    return msgspec.structs.replace(found, groups=(msgspec.structs.replace(group, targets=targets),))


def said(**states: tuple[TargetState, str]) -> Observations:
    """What the registrar says."""
    seen = tuple(TargetObservation(f"{GROUP}/{name}", state, why) for name, (state, why) in states.items())
    return Observations(LEASES_OBSERVER, "leases", 1, seen)


def lag(name: str, applied: int, desired: int, **more: object) -> Lag:
    """How far a host is."""
    found = Lag(Host(name, "api"), applied, desired, applied >= desired, waits_s=4.0)
    return msgspec.structs.replace(found, **more)


def view() -> LeasesView:
    """One that serves and lags, one that is not ready, one whose lease is lost; and a host that holds no lease."""
    leases = [
        Lease("api", "h1", "vm1:7:aa", 11, Place(80, "127.0.0.1")),
        Lease("api", "h2", "vm2:7:bb", 12, Place(80, "127.0.0.1", ready=False)),
    ]
    observations = said(
        h1=(TargetState.UP, "it holds its lease"),
        h2=(TargetState.PENDING, "it holds a lease and is not ready yet"),
        h3=(TargetState.DOWN, "its lease is lost"),
    )
    standing = Standing(
        3, (lag("h1", 2, 3, refused=3, why="validate: exit 1"), lag("lb-1", 1, 3), lag("h2", 3, 3))
    )
    return leases_view(
        configuration("h1", "h2", "h3"), leases, [observations], Said({"api/h1": 27.4, "api/h2": -2.0}, standing)
    )


def test_each_member_has_holder_time_left_readiness_and_generations() -> None:
    """As values for programs: what is not known is null, and no zero that would read as a fact."""
    one, two, lost = view().members
    assert (one.target, one.holder, one.token, one.state, one.left_s) == (
        f"{GROUP}/h1",
        "vm1:7:aa",
        11,
        "UP",
        27.4,
    )
    assert (one.ready, one.applied, one.desired, one.refused) == (True, 2, 3, 3)
    assert (two.ready, two.state, two.left_s, two.desired) == (False, "PENDING", -2.0, 3)
    assert (lost.holder, lost.state, lost.left_s, lost.applied) == ("", "DOWN", None, None)


def test_people_read_a_line_for_each_and_every_host_that_lags() -> None:
    """Also hosts that hold no lease and only take configuration; one that is ready is counted."""
    assert lines(view()) == [
        f"lease api/h1 ({GROUP}/h1): ready, held by vm1:7:aa, 27 s left, configuration 2 of 3 (refused 3);"
        " it holds its lease",
        f"lease api/h2 ({GROUP}/h2): not ready, held by vm2:7:bb, overdue by 2 s, configuration 3 of 3;"
        " it holds a lease and is not ready yet",
        f"lease api/h3 ({GROUP}/h3): held by nobody; its lease is lost",
        "configuration for hosts: generation 3; 1 of 3 hosts ready",
        "  h1: has 2, should have 3; refused 3: validate: exit 1",
        "  lb-1: has 1, should have 3; waits for 4 s",
    ]


def test_without_an_answer_of_the_service_the_store_is_shown_and_the_gap_is_said() -> None:
    """Holder and readiness stand in the store; the time that is left does not."""
    lease = Lease("api", "h1", "vm1:7:aa", 11, Place(80, "127.0.0.1"))
    found = leases_view(configuration("h1"), [lease], [], Said(trouble="127.0.0.1:9640: refused"))
    assert lines(found) == [
        f"lease api/h1 ({GROUP}/h1): ready, held by vm1:7:aa; ",
        "! the lease service: 127.0.0.1:9640: refused; what only it knows is not shown",
    ]


async def test_a_service_that_can_not_be_asked_is_a_reason_and_no_error(tmp_path: Path) -> None:
    """No key yet; a key, and nobody listens; a file that names no service is no trouble at all."""
    settings = LeaseService(listen="127.0.0.1:1", key_file=str(tmp_path / "leases.key"))
    assert "No such file" in (await ask_service(settings, ("api",))).trouble
    (tmp_path / "leases.key").write_text("k")
    assert "127.0.0.1:1" in (await ask_service(settings, ("api",))).trouble
    assert (await ask_service(None, ())) == Said()
