"""`holdfast map` as a user types it, with wrong input too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from holdfast.cli import exits
from holdfast.cli.main import cli

OCTOBER = "examples/map/october-2025.toml"


def run(*arguments: str) -> Result:
    """One command."""
    return CliRunner().invoke(cli, ["map", *arguments])


def test_the_report_begins_with_the_name_that_takes_most_down() -> None:
    """Text for people: the first row of the ranking is the empty name."""
    found = run("report", OCTOBER)
    assert found.exit_code == 0
    assert "118 services, 179 dependencies" in found.output
    ranking = found.output.split("blast radius")[1].splitlines()
    assert ranking[1].split() == ["113", "189", "0", "database", "name"]


def test_the_report_as_json_is_one_document() -> None:
    """For programs: rows with figures, causes, findings."""
    found = json.loads(run("report", OCTOBER, "--format", "json").stdout)
    first = found["rows"][0]
    assert (first["name"], first["blast"], first["blast_weight"], first["points"]) == (
        "database name",
        113,
        189.0,
        0,
    )
    assert {"services", "causes", "findings", "critical_path", "coverage"} <= set(found)


@pytest.mark.parametrize(
    ("gate", "code"), [("shared-cause", exits.BROKEN), ("deadlock", 0), ("single-point", exits.BROKEN)]
)
def test_a_gate_fails_only_on_what_it_names(gate: str, code: int) -> None:
    """For pipelines: exit 5 when there is such a finding."""
    assert run("report", OCTOBER, "--fail-on", gate).exit_code == code


def test_one_service_with_its_single_points_and_cut_sets() -> None:
    """Who says so stands beside each need."""
    found = run("service", "load balancers", OCTOBER)
    assert found.exit_code == 0
    assert "falls with any of 4 single failures: database name, database" in found.output
    assert f"{OCTOBER}:" in found.output


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    """A slip of the finger is answered, not traced back."""
    found = run("service", "databas", OCTOBER)
    assert found.exit_code == exits.USAGE
    assert "did you mean database, database name?" in found.output


def test_what_several_failures_take_down() -> None:
    """Two databases of two."""
    found = json.loads(
        run("fail", "--down", "functions", "--down", "containers", OCTOBER, "--format", "json").stdout
    )
    assert "workflow service" in found["falls"]
    assert found["failed"] == ["containers", "functions"]


def test_start_names_a_deadlock_and_fails(tmp_path: Path) -> None:
    """A circle of boot needs: the order of the rest is still printed."""
    file = tmp_path / "m.toml"
    file.write_text(
        '[[service]]\nname = "a"\nboots_with = ["b"]\n[[service]]\nname = "b"\nboots_with = ["a"]\n'
        '[[service]]\nname = "free"\n'
    )
    found = run("start", str(file))
    assert found.exit_code == exits.BROKEN
    assert "deadlock: a -> b -> a" in found.output
    assert "free" in found.output


def test_diff_of_saved_maps_fails_on_a_new_single_point(tmp_path: Path) -> None:
    """As a pull request would run it: save main, save the branch, compare."""
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_text('[[service]]\nname = "a"\n[[service.group]]\nof = ["b", "c"]\n')
    new.write_text('[[service]]\nname = "a"\nneeds = ["b"]\n')
    for file in (old, new):
        assert run("report", str(file), "--save", f"{file}.json").exit_code == 0
    found = run("diff", f"{old}.json", f"{new}.json")
    assert found.exit_code == exits.BROKEN
    assert "new single point: a falls with b alone now" in found.output
    assert run("diff", f"{old}.json", f"{old}.json").exit_code == 0


def test_pictures_and_the_page_are_written(tmp_path: Path) -> None:
    """Three files; a place that can't be written is told."""
    found = run(
        "draw", OCTOBER, "--html", f"{tmp_path}/m.html", "--svg", f"{tmp_path}/m.svg", "--dot", f"{tmp_path}/m.dot"
    )
    assert found.exit_code == 0
    assert {file.name for file in tmp_path.iterdir()} == {"m.html", "m.svg", "m.dot"}
    assert "can't write" in run("draw", OCTOBER, "--svg", f"{tmp_path}/none/m.svg").output
    assert run("draw", OCTOBER).exit_code == exits.USAGE


@pytest.mark.parametrize(
    ("content", "says"),
    [("[[service]]\nnam = 1\n", "unknown key `nam`"), ("a = ", "is refused"), ("scope = 3", "is refused")],
)
def test_a_bad_file_is_told_with_line_and_exit_65(tmp_path: Path, content: str, says: str) -> None:
    """Never a traceback."""
    file = tmp_path / "m.toml"
    file.write_text(content)
    found = run("report", str(file))
    assert found.exit_code == exits.BAD_CONFIGURATION
    assert says in found.output
    assert "Traceback" not in found.output
