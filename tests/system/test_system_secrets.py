"""Secrets go nowhere: planted ones are looked for in all that processes print, record, store and serve."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from quickstart_world import NAME, Quickstart, quickstart

from holdfast.cli.main import cli
from servers.ports import free_port
from servers.process import HOST, Missing
from servers.tls import make_tls
from visible import missing

LONG_S = 90.0
"""For a machine that does much else besides."""
PASSWORD = "planted-password-7f3a9c"
COMMANDS = (
    ("check", "quickstart.toml"),
    ("apply", "quickstart.toml"),
    ("plan",),
    ("plan", "--format", "json"),
    ("status",),
    ("status", "--format", "json"),
    ("history", "--format", "json"),
    ("doctor", "--store", "quickstart.toml", "--format", "json"),
    ("credentials-policy", "quickstart.toml"),
    ("tokens", "show", "tokens"),
    ("keys", "show", "planner.key"),
    ("leases", "list"),
    ("drain", f"{NAME}/left-2", "--reason", "r"),
    ("freeze", "zone:quickstart.test", "--reason", "r"),
)
FOR_LEASES = ("--key-file", "ci.token", "--ca-file", "tls/ca.pem")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Quickstart]:
    """A quickstart with every kind of secret that one machine can have."""
    try:
        make_tls(tmp_path / "tls")
    except Missing as absent:
        missing(str(absent))
    lines = (
        'signing_key = "planner.key"',
        'plan_keys = ["planner.key.pub"]',
        'tokens_file = "tokens"',
        'metrics_tls_cert = "tls/server.pem"',
        'metrics_tls_key = "tls/server.key"',
    )
    with quickstart(tmp_path, store_lines=lines) as made:
        made.lease_port = free_port()  # type: ignore[attr-defined]
        with made.file.open("a") as file:
            file.write(
                f'\n[leases]\nlisten = "{HOST}:{made.lease_port}"\nkey_file = "keys/leases.key"\n'  # type: ignore[attr-defined]
                'tls_cert = "tls/server.pem"\ntls_key = "tls/server.key"\n'
            )
        made.ok("keys", "new", "planner.key")
        made.ok("tokens", "new", "ci", "operate", "--tokens", "tokens", "--out", "ci.token")
        yield made


def secrets_of(world: Quickstart) -> dict[str, bytes]:
    """Each secret's own bytes, by the file that holds it."""
    keys = world.state / "keys"
    tsig = re.search(r'secret "(.+?)"', (keys / "holdfast-quickstart.key").read_text())
    assert tsig is not None
    found = {str(keys / "holdfast-quickstart.key"): tsig[1]}
    for path in (keys / "leases.key", world.directory / "ci.token"):
        found[str(path)] = path.read_text().strip().rpartition(".")[2]
    for path in (world.directory / "planner.key", world.directory / "tls" / "server.key"):
        found[str(path)] = path.read_text().splitlines()[1]
    assert all(len(secret) > 30 for secret in found.values())
    return {path: secret.encode() for path, secret in found.items()}


def leaks(world: Quickstart, secrets: dict[str, bytes], said: dict[str, bytes]) -> list[str]:
    """Where a secret stands that is not its own file."""
    places = dict(said)
    for path in world.directory.rglob("*"):
        if path.is_file() and str(path) not in secrets:
            places[str(path)] = path.read_bytes()
    return [
        f"{owner} in {where}"
        for owner, secret in secrets.items()
        for where, data in places.items()
        if secret in data
    ]


def test_planted_secrets_are_found_nowhere_else(world: Quickstart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output, events, store, disks, logs, metrics: and once more with every secret open to others."""
    up = world.demo_up(LONG_S)
    secrets = secrets_of(world)
    said: dict[str, bytes] = {}
    url = f"https://{HOST}:{world.lease_port}"  # type: ignore[attr-defined]
    followed = ("deliver", "status", "--url", url, *FOR_LEASES)

    monkeypatch.chdir(world.directory)

    def run(name: str, *command: str) -> int:
        done = CliRunner().invoke(cli, command)
        said[f"{name} {' '.join(command)}"] = f"{done.output} {done.exception!r}".encode()
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code

    for command in COMMANDS:
        assert run("good", *command) in (0, 2, 4), said
    assert run("good", *followed) == 0, said
    token = (world.directory / "ci.token").read_text().strip()
    shown = {"Authorization": f"Bearer {token}"}
    trusted = str(world.directory / "tls" / "ca.pem")
    context = ssl.create_default_context(cafile=trusted)
    metrics = httpx.get(f"https://{HOST}:{world.metrics_port}/metrics", headers=shown, verify=context)
    assert metrics.status_code == 200
    said["metrics"] = metrics.content
    wrong = httpx.get(f"{url}/v1/leases/api", headers={"Authorization": "Bearer ci.wrong"}, verify=context)
    assert wrong.status_code == 401
    said["refusal"] = wrong.content
    assert world.end(up, within_s=LONG_S) == 0
    for path in secrets:
        Path(path).chmod(0o644)
    refused = [
        run("open", "up", "--plain", world.file.name),
        run("open", "keys", "show", "planner.key"),
        run("open", *followed),
    ]
    assert all(refused)
    assert b"chmod 600" in said[f"open up --plain {world.file.name}"]
    assert leaks(world, secrets, said) == []
    assert len(leaks(world, secrets, {"a page": b"<p>" + next(iter(secrets.values()))})) == 1, "it would be seen"


def test_a_stores_password_is_told_to_nobody(tmp_path: Path) -> None:
    """A server that is not there: what is said names the file at most."""
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    for scheme in ("postgresql", "etcd"):
        directory = tmp_path / scheme
        directory.mkdir()
        store = (f'store = "{scheme}://holdfast@{HOST}:{free_port()}/x"', f'store_password_file = "{password}"')
        with quickstart(directory, store_lines=store) as world:
            lines = world.file.read_text().splitlines()
            world.file.write_text("\n".join(line for line in lines if not line.startswith('store = "store')))
            done = CliRunner().invoke(cli, ["doctor", "--store", str(world.file)])
            assert PASSWORD not in f"{done.output} {done.exception!r}"
            assert done.exit_code == 1
            assert leaks(world, {str(password): PASSWORD.encode()}, {}) == []
