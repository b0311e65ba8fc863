"""The shipped units and the compose file: as far as they can be checked without booting systemd or Docker."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.config.loading import load
from holdfast.config.own_keys import local_zones
from holdfast.config.paths import placed
from holdfast.config.settings import Loaded
from holdfast.service.policies import policies
from holdfast.service.up import Roles
from visible import missing

DEPLOY = Path(__file__).parents[3] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = DEPLOY / "compose"
EXPOSURE_MAX = 2.0
HARDENING = (
    "DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
    "PrivateDevices=yes", "RestrictNamespaces=yes", "MemoryDenyWriteExecute=yes", "LockPersonality=yes",
    "SystemCallFilter=@system-service", "SystemCallArchitectures=native", "UMask=0077", "RestrictSUIDSGID=yes",
)  # fmt: skip


def tool(name: str) -> str:
    """A program of this machine, or a visible skip."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    return found or missing(f"{name} is not installed")


def analyzed(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What systemd's own tool says."""
    return subprocess.run(
        [tool("systemd-analyze"), *command], cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_systemd_takes_each_unit_and_rates_it_well(unit: Path, tmp_path: Path) -> None:
    """`verify` says nothing, `security` rates it below 2 of 10. another program stands in for holdfast."""
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/usr/bin/holdfast", sys.executable))
    verified = analyzed("verify", "--man=no", "--generators=no", copy.name, cwd=tmp_path)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    rated = analyzed("security", "--offline=yes", "--no-pager", copy.name, cwd=tmp_path)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", rated.stdout)
    assert level is not None, rated.stdout + rated.stderr
    assert float(level[1]) < EXPOSURE_MAX


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_units_are_hardened_alike_and_have_only_their_secrets(unit: Path) -> None:
    """Every one has all of the hardening; a prober has no key of a zone, and only planners sign."""
    lines = [line for line in unit.read_text().splitlines() if not line.startswith("#")]
    assert set(HARDENING) <= set(lines)
    given = {line.partition("=")[2].partition(":")[0] for line in lines if line.startswith("LoadCredential=")}
    assert ("planner.key" in given) is ("planner" in unit.name)
    assert ("zone.key" in given) is not ("prober" in unit.name or "leases" in unit.name)
    assert [line for line in lines if "CAP_" in line] == (
        ["CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "AmbientCapabilities=CAP_NET_BIND_SERVICE"]
        if "dns" in unit.name
        else []
    )


def test_what_a_unit_is_given_is_found_where_systemd_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`$CREDENTIALS_DIRECTORY/` at the beginning of a path; elsewhere, or without one, the words stay."""
    assert (
        placed("/etc/holdfast", "$CREDENTIALS_DIRECTORY/zone.key")
        == "/etc/holdfast/$CREDENTIALS_DIRECTORY/zone.key"
    )
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/u")
    assert placed("/etc/holdfast", "$CREDENTIALS_DIRECTORY/zone.key") == "/run/credentials/u/zone.key"
    assert placed("/etc/holdfast", "zone.key") == "/etc/holdfast/zone.key"
    assert placed("/etc/holdfast", "") == ""


def test_probers_and_the_lease_service_need_no_key_of_a_zone() -> None:
    """They are started without; every role that reads or writes a zone has them."""
    assert not Roles(probers=("a",), leases=True).need_keys
    assert all(r.need_keys for r in (Roles(dns=True), Roles(planners=("p",)), Roles(enactors=("e",))))


def compose() -> dict[str, Any]:
    """The document, with its anchors resolved."""
    found: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    return found


def test_every_reference_of_the_compose_file_is_declared() -> None:
    """Networks, volumes, secrets, build targets and mounted files; no image by a host's name."""
    document = compose()
    stages = re.findall(r"^FROM .* AS (\S+)$", (COMPOSE / "Dockerfile").read_text(), re.MULTILINE)
    assert set(document) <= {
        "name",
        "services",
        "networks",
        "volumes",
        "secrets",
        *(k for k in document if k[:2] == "x-"),
    }
    used: set[str] = set()
    for name, service in document["services"].items():
        assert service["build"]["target"] in stages, name
        assert "/" not in service["image"]
        assert set(service["networks"]) <= set(document["networks"])
        assert set(service.get("secrets", ())) <= set(document["secrets"])
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (COMPOSE / source).exists(), source
            else:
                assert source in document["volumes"], source
                used.add(source)
    assert used == set(document["volumes"])
    assert "/" not in re.findall(r"^ARG BASE=(\S+)", (COMPOSE / "Dockerfile").read_text(), re.MULTILINE)[0]


def test_the_compose_file_plays_three_zones_and_each_role_has_only_its_secrets() -> None:
    """Three members, probers and enactors, one for each zone; the signing key with planners and `apply` alone."""
    services = compose()["services"]
    for role in ("etcd", "prober", "enactor"):
        assert [s["networks"][0] for n, s in services.items() if n.startswith(f"{role}-")] == [
            "zone-a",
            "zone-b",
            "zone-c",
        ]
    for name, service in services.items():
        assert ("planner_key" in service.get("secrets", ())) is name.startswith(("planner", "apply"))
        assert not (name.startswith("prober") and service.get("secrets"))


def test_the_configuration_is_good_and_its_key_may_do_what_the_policy_prints() -> None:
    """`holdfast check` has nothing to say; the primary's rules are those of `credentials-policy`."""
    loaded = load(COMPOSE / "holdfast.toml")
    assert isinstance(loaded, Loaded)
    assert loaded.problems == ()
    (zone,) = local_zones(loaded.configuration, loaded.service)
    assert zone.key_file == "/run/secrets/zone_key"
    rules = policies(loaded.configuration)[0].text.removeprefix("acl:\n").partition("zone:\n")[0]
    assert rules in (COMPOSE / "primary.conf").read_text()


@pytest.mark.parametrize("name", ["primary.conf", "secondary.conf"])
def test_knot_takes_its_configuration(name: str, tmp_path: Path) -> None:
    """`knotc conf-check`, with a key of the form that `secrets.sh` writes."""
    (tmp_path / "knot.key").write_text(
        "key:\n  - id: holdfast-shop\n    algorithm: hmac-sha256\n    secret: c2VjcmV0\n"
    )
    text = (COMPOSE / name).read_text().replace("/run/secrets/knot_key", str(tmp_path / "knot.key"))
    (tmp_path / name).write_text(text.replace("/run/knot", str(tmp_path)).replace("/var/lib/knot", str(tmp_path)))
    done = subprocess.run(
        [tool("knotc"), "-c", str(tmp_path / name), "conf-check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
