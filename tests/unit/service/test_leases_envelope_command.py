"""`holdfast leases envelope`: text, picture, JSON, SVG, and figures that make no sense."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from click.testing import CliRunner

from holdfast.cli import exits
from holdfast.cli.main import cli

FLEET = ["leases", "envelope", "--fleet", "100000", "--rate", "2777.8"]


def test_it_says_whether_a_naive_design_collapses_and_draws_it() -> None:
    """The fleet of the facts: rho 0.6, k 4; with the arithmetic, and the hysteresis as a picture."""
    done = CliRunner().invoke(cli, FLEET)
    assert done.exit_code == exits.OK
    assert "COLLAPSE after the loss of all leases" in done.output
    assert "k x load = 2.40 is above 1 + W/tau = 2.00" in done.output
    assert "any outage up to 120 s" in done.output
    assert "at best 216 s" in done.output
    assert "answered again 66 s after a restart at once, 36 s after the longest such outage" in done.output
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
    """A TTL that ends before the renewal, a fleet of none; a file that can't be written is exit 1."""
    for wrong in (["--ttl", "60", "--renew-every", "60"], ["--cost", "0"]):
        done = CliRunner().invoke(cli, [*FLEET, *wrong])
        assert done.exit_code == exits.USAGE
        assert done.output.startswith("holdfast: ")
    done = CliRunner().invoke(cli, [*FLEET, "--svg", str(tmp_path / "no" / "file.svg")])
    assert done.exit_code == exits.FAILED
    assert "can't write" in done.output
