"""`holdfast leases envelope`: text, picture, JSON, SVG, and figures that make no sense."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from pathlib import Path

from click.testing import CliRunner

from holdfast.cli import exits
from holdfast.cli.main import cli
from holdfast.config.loading import load
from holdfast.config.settings import Loaded
from holdfast.model.codec import encode
from holdfast.model.keys import Keys
from holdfast.model.lease import Lease
from holdfast.ports.store import Commit, Committed, Put
from holdfast.service.scene import open_scene

FLEET = ["leases", "envelope", "--fleet", "100000", "--rate", "2777.8"]


def test_it_says_whether_a_naive_design_collapses_and_draws_it() -> None:
    """The fleet of the facts: rho 0.6, k 4; with the arithmetic, and the hysteresis as a picture."""
    done = CliRunner().invoke(cli, FLEET)
    assert done.exit_code == exits.OK
    assert "COLLAPSE after the loss of all leases" in done.output
    assert "k x load = 2.40 is above 1 + W/tau = 2.00" in done.output
    assert "any outage up to 120 s (TTL - tau); up to 64 s no holder stops acting on its lease" in done.output
    assert "at best 216 s" in done.output
    assert "renewed again 65.9 s (65.8 to 66) after a restart at once, 41 s (36 to 48.2) after" in done.output
    assert "^ this fleet" in done.output


def test_an_overloaded_fleet_is_told_so() -> None:
    """More to renew than the service can do: no design helps."""
    done = CliRunner().invoke(cli, ["leases", "envelope", "--fleet", "100000", "--rate", "1000"])
    assert "can't even renew" in done.output
    assert "never" in done.output


def test_json_is_for_programs() -> None:
    """Figures and curves in one document."""
    done = CliRunner().invoke(cli, [*FLEET, "--format", "json"])
    found = json.loads(done.output)
    assert found["envelope"]["naive"] == "collapses"
    assert [curve["name"] for curve in found["curves"]] == ["up", "down", "trigger"]
    assert found["envelope"]["free_outage_s"] == 120


def test_svg_is_one_well_formed_picture(tmp_path: Path) -> None:
    """Three curves, the fleet's place, and the text for those who can't see it."""
    file = tmp_path / "envelope.svg"
    done = CliRunner().invoke(cli, [*FLEET, "--svg", str(file)])
    assert done.exit_code == exits.OK
    root = ET.fromstring(file.read_text())
    space = {"s": "http://www.w3.org/2000/svg"}
    assert len(root.findall("s:polyline", space)) == 3
    described = root.find("s:desc", space)
    assert described is not None
    assert "COLLAPSE" in (described.text or "")


def test_wrong_figures_are_one_line_and_exit_64(tmp_path: Path) -> None:
    """A TTL that ends before the renewal, no cost, no number; a file that can't be written is exit 1."""
    for wrong in (
        ["--ttl", "60", "--renew-every", "60"],
        ["--cost", "0"],
        ["--rate", "nan"],
        ["--timeout", "inf"],
        ["--clients", "0"],
        ["--clients", "100001"],
    ):
        done = CliRunner().invoke(cli, [*FLEET, *wrong])
        assert done.exit_code == exits.USAGE
        assert done.output.startswith("holdfast: ")
    done = CliRunner().invoke(cli, [*FLEET, "--svg", str(tmp_path / "no" / "file.svg")])
    assert done.exit_code == exits.FAILED
    assert "can't write" in done.output


def _file(directory: Path, more: str) -> Path:
    file = directory / "holdfast.toml"
    file.write_text(f'format = 1\nscope = "fleet"\n[service]\nstate = "state"\n{more}')
    return file


def test_a_file_gives_what_the_flags_leave_out(tmp_path: Path) -> None:
    """TTL and rate as in [leases]; the TTL grows with a fleet that would need more; flags win."""
    file = str(_file(tmp_path, '[leases]\nttl = "90s"\nrenewals_per_s = 500\n'))
    words = ["leases", "envelope", file, "--format", "json"]
    small = json.loads(CliRunner().invoke(cli, [*words, "--fleet", "3000"]).output)["fleet"]
    assert small == {
        "size": 3000,
        "renewals_per_s": 500.0,
        "cost": 4.0,
        "ttl_s": 90.0,
        "renew_every_s": 30.0,
        "timeout_s": 60.0,
        "clients": 0,
    }
    large = json.loads(CliRunner().invoke(cli, [*words, "--fleet", "50000", "--rate", "2000"]).output)["fleet"]
    assert (large["ttl_s"], large["renewals_per_s"]) == (300.0, 2000.0)


def test_the_fleet_is_what_the_store_holds(tmp_path: Path) -> None:
    """Counted in the file's own store; nobody there yet, no table, nothing at all: one line says what to do."""
    file = _file(tmp_path, "[leases]\n")
    nobody = CliRunner().invoke(cli, ["leases", "envelope", str(file)])
    assert nobody.exit_code == exits.FAILED
    assert "nobody holds a lease yet; say with --fleet how many will" in nobody.output
    loaded = load(file)
    assert isinstance(loaded, Loaded)
    asyncio.run(_hold(loaded, 3))
    found = CliRunner().invoke(cli, ["leases", "envelope", str(file), "--format", "json"])
    fleet = json.loads(found.output)["fleet"]
    assert (fleet["size"], fleet["clients"]) == (3, 3)
    words = ["leases", "envelope", str(file), "--clients", "2", "--format", "json"]
    assert json.loads(CliRunner().invoke(cli, words).output)["fleet"]["clients"] == 2
    nothing = CliRunner().invoke(cli, ["leases", "envelope"])
    assert nothing.exit_code == exits.USAGE
    assert "Say --fleet and --rate, or name a file" in nothing.output


async def _hold(loaded: Loaded, count: int) -> None:
    async with open_scene(loaded, "test") as scene:
        await scene.ask(_write(scene.keys, count))


async def _write(keys: Keys, count: int) -> None:
    leases = [Lease("api", f"host-{number}", f"host-{number}:1", number + 1) for number in range(count)]
    puts = tuple(Put(keys.lease(lease.key), encode(lease)) for lease in leases)
    assert isinstance(await Commit((), puts), Committed)
