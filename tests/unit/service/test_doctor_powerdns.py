"""`doctor --powerdns`: what the ids that answered mean for updates."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from holdfast.cli.doctoring import doctor
from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.ports.operation import CouldNotAsk
from holdfast.service.doctor_powerdns import judge
from holdfast.stores.examined import Verdict


@pytest.mark.parametrize(
    ("wanted", "found", "verdict", "said"),
    [
        ((), ("a",), Verdict.GOOD, "a answered all 8 connections"),
        ((), (), Verdict.DOUBTFUL, "does not say which process it is"),
        ((), ("a", "b"), Verdict.BAD, "several PowerDNS processes answer there (a, b)"),
        (("a",), ("a", "b"), Verdict.GOOD, "b answered too and is passed over"),
        (("a",), ("b",), Verdict.BAD, "no update goes"),
        (("a",), (), Verdict.BAD, "nobody with an id answered"),
        (("a", "b"), ("a", "b"), Verdict.DOUBTFUL, "updates go to a, b"),
    ],
)
def test_ids_that_answered(wanted: tuple[str, ...], found: tuple[str, ...], verdict: Verdict, said: str) -> None:
    """One process, none that says, several; pinned, pinned to somebody else, several by name."""
    zone = ZoneConfig("z.test", ProviderKind.POWERDNS, "192.0.2.53:53", server_ids=wanted)
    one = judge(zone, found)
    assert one.verdict is verdict
    assert said in one.text
    assert judge(zone, CouldNotAsk("it is silent")).verdict is Verdict.BAD


def test_file_without_powerdns_and_wrong_usage(tmp_path: Path) -> None:
    """Nothing to ask is no trouble; two questions at once are wrong usage."""
    file = tmp_path / "f.toml"
    file.write_text('scope = "s"\n[[zone]]\nname = "z.test"\nprovider = "embedded"\n')
    said = CliRunner().invoke(doctor, ["--powerdns", str(file)])
    assert (said.exit_code, said.output.strip().splitlines()[-1]) == (0, "no zone is on PowerDNS")
    assert CliRunner().invoke(doctor, ["--powerdns", str(file), "--store", str(file)]).exit_code == 64
