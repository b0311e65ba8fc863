"""Agents register real backends by lease: a host enters when it is ready, and leaves under the velocity limit."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from agents_world import fleet, terminate

from holdfast.service.leases.listing import Listed

FOUR = frozenset({"h1", "h2", "h3", "h4"})


def test_agents_bring_hosts_in_and_their_death_takes_them_out_one_by_one(tmp_path: Path) -> None:
    """Three enter; a fourth only once its backend is ready. Two agents are killed at once: their hosts leave the
    name one by one, a window apart, with the lease as the reason. SIGTERM drains a host, and then its agent ends.
    """
    with fleet(tmp_path) as world:
        for name in ("h1", "h2", "h3"):
            world.start_backend(name)
            world.start_agent(name)
        world.until(lambda: world.answers() == FOUR - {"h4"}, "three hosts serve")

        world.start_agent("h4")
        world.until(lambda: "api.fleet.test/h4 holds a lease" in world.log(), "the fourth is a member")
        assert world.answers() == FOUR - {"h4"}, "not ready, so not in"
        world.start_backend("h4")
        world.until(lambda: world.answers() == FOUR, "the fourth is ready, and serves")

        listed = msgspec.json.decode(
            world.run("leases", "list", "api", "--config", "up.toml", "--format", "json"), type=Listed
        )
        assert [lease.name for lease in listed.leases] == ["h1", "h2", "h3", "h4"]
        assert "h4" in world.run("leases", "list", "--config", "up.toml")
        shown = json.loads(world.run("status", "--config", "up.toml", "--format", "json"))["leases"]
        assert [(one["lease"], one["state"], one["ready"]) for one in shown["members"]] == [
            (f"api/{name}", "UP", True) for name in sorted(FOUR)
        ]
        assert [one["holder"] for one in shown["members"]] == [lease.holder for lease in listed.leases]
        assert all(one["left_s"] <= 3.0 for one in shown["members"]), "the TTL of this fleet"

        world.agents["h1"].kill()
        world.agents["h2"].kill()
        changes = world.changes_until(FOUR - {"h1", "h2"})
        assert [len(answer) for _, answer in changes] == [4, 3, 2], changes
        assert changes[2][0] - changes[1][0] > 2.0, "the second waits for the window of the first"
        assert "its lease is lost" in world.log()
        told = world.run("status", "--config", "up.toml")
        assert "lease api/h1 (api.fleet.test/h1): held by nobody; its lease is lost" in told
        assert "lease api/h3 (api.fleet.test/h3): ready, held by " in told

        world.start_agent("h1")
        world.start_agent("h2")
        world.until(lambda: world.answers() == FOUR, "with new agents they are back")

        leaving = world.agents["h3"]
        terminate(leaving)
        world.changes_until(FOUR - {"h3"})
        world.until(lambda: leaving.ended, "its agent ends")
        told = leaving.log.read_text()
        assert "no name leads here any more" in told
        assert "its lease is released" in told
        assert "its agent drains it" in world.log()
