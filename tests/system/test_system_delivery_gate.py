"""Configuration in front of a DNS name: `up`, agents, real backends; a host serves once it is configured."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from agents_world import NAME, PROGRAM, Fleet, fleet

CONFIGURATION = """
[configuration]
directory = "{name}"
group = "zone-a"
validate = "grep -q '^port' {{dir}}/app.cfg"
reload = "cp {{dir}}/app.cfg ../../../{name}.running"
"""
THREE = frozenset({"h1", "h2", "h3"})


def command(world: Fleet, *arguments: str) -> str:
    """What a command prints."""
    done = subprocess.run(
        [*PROGRAM, *arguments], cwd=world.directory, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def publish(world: Fleet, text: str, *, to: str = "role/api") -> int:
    """Publish `app.cfg` as a person would; its generation."""
    (world.directory / "app.cfg").write_text(text)
    key = ["--url", f"http://127.0.0.1:{world.lease_port}", "--key-file", "state/keys/leases.key"]
    said = command(world, "deliver", "publish", "app.cfg", "--to", to, "--format", "json", *key)
    return int(json.loads(said)["generation"])


def running(world: Fleet, name: str) -> str:
    """What the host's reload command took last."""
    file = world.directory / f"{name}.running"
    return file.read_text() if file.exists() else ""


def start(world: Fleet, name: str) -> None:
    """A backend and an agent that follows its configuration."""
    world.start_backend(name)
    world.start_agent(name, more=CONFIGURATION.format(name=name))


def test_a_host_enters_the_name_once_configured_and_no_document_takes_one_out(tmp_path: Path) -> None:
    """A host that refuses its document stays out until it has a good one; a new document goes to all while the
    name keeps them; a broken one is refused, and a host that comes then stays out until it is mended.
    """
    with fleet(tmp_path) as world:
        assert publish(world, "nonsense\n", to="host/h2") == 1
        start(world, "h1")
        world.until(lambda: world.answers() == {"h1"}, "h1 has all that is desired of it: nothing")
        start(world, "h2")
        world.until(lambda: "refused" in standing(world), "h2 refuses what was published for it")
        assert world.answers() == {"h1"}
        publish(world, "port = 1\n", to="host/h2")
        world.until(lambda: world.answers() == {"h1", "h2"}, "h2 has applied, and serves")

        newest = publish(world, "port = 2\n")
        world.until(lambda: running(world, "h1") == "port = 2\n", "the new document is applied")
        assert world.answers() == {"h1", "h2"}
        publish(world, "port = 3\n", to="host/h2")
        world.until(lambda: running(world, "h2") == "port = 3\n", "the most special document counts")

        publish(world, "broken\n")
        world.until(lambda: '"refused": ' + str(newest + 2) in standing(world), "h1 refuses the broken one")
        assert running(world, "h1") == "port = 2\n"
        shown = command(world, "status", "--config", "up.toml")
        assert (
            f"configuration {newest} of {newest + 2} (refused {newest + 2}); it holds a lease; it was ready, "
            in shown
        )
        assert f"h1: has {newest}, should have {newest + 2}; refused {newest + 2}: validate: " in shown
        start(world, "h3")
        world.until(lambda: f"{NAME}/h3 holds a lease" in world.up.log.read_text(), "h3 is a member")
        assert world.answers() == {"h1", "h2"}, "not configured, so not in; who served stays in"
        publish(world, "port = 4\n")
        world.until(lambda: world.answers() == THREE, "with a good document it enters")
        assert "port = 4" in running(world, "h1")


def standing(world: Fleet) -> str:
    """What the service says of its hosts."""
    key = ["--url", f"http://127.0.0.1:{world.lease_port}", "--key-file", "state/keys/leases.key"]
    return command(world, "deliver", "status", "--format", "json", *key)
