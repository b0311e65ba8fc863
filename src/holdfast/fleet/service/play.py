"""Misfortunes of a lease service, each on a settled fleet, and what they came to.

killed      the process dies, and another is there after some time
cut off     nobody finds the service until all leases have run out (as on 20 October 2025)
store away  it takes no writes for some time; new hosts come meanwhile
stood still the process stops for some time; another takes over meanwhile, and it wakes among the other's calls
restored    the store is put back to a copy from before some of the leases were granted
emptied     the store is lost, with the disk beside it
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from holdfast.fleet.service.world import Seen, Setting, World
from holdfast.leases.envelope import ideal_recovery_s

STEP_S: Final = 10.0
LONG_TTLS: Final = 20.0
NEW_SHARE: Final = 0.05
"""Hosts that come while the store is away, as a share of the fleet."""


class Played(NamedTuple):
    """One misfortune."""

    seen: Seen
    away_s: float
    """How long the trouble lasted."""
    ideal_s: float
    """What the closed form says of a fleet that lost all."""
    calls: int
    """In the whole run."""
    turns: int
    said: tuple[str, ...]
    """Kinds of events of all processes of the service."""

    @property
    def recovered_share(self) -> float:
        """Recovery to 99 % held, as a share of the closed form; infinite if it did not."""
        return float("inf") if self.seen.recovered_s is None else self.seen.recovered_s / self.ideal_s


def _settled(setting: Setting, seed: int) -> World:
    world = World(setting, seed=seed)
    world.settle()
    return world


def _played(world: World, began_s: float, *, until: Callable[[], bool], rest_s: float = 0.0) -> Played:
    """From now on nothing is wrong any more; until it is as it should be, and some time after that."""
    away_s = world.now_s - began_s
    world.back()
    ideal_s = ideal_recovery_s(world.setting.fleet)
    assert ideal_s is not None, "a fleet that can be renewed"
    world.run(LONG_TTLS * world.setting.ttl_s, enough=until)
    seen = world.seen()
    world.run(rest_s)
    said = tuple(sorted({kind for server in world.servers for kind in server.said}))
    return Played(seen, away_s, ideal_s, world.calls, world.loop.turns, said)


def killed(setting: Setting, *, away_s: float, seed: int) -> Played:
    """Until every holder was answered again."""
    world = _settled(setting, seed)
    began_s = world.now_s
    world.kill()
    world.run(away_s)
    world.start()
    return _played(world, began_s, until=lambda: world.truth.all_answered_s is not None)


def cut_off(setting: Setting, *, seed: int) -> Played:
    """Until 99 % are held again."""
    world = _settled(setting, seed)
    began_s = world.now_s
    world.reachable = lambda client: False
    while world.in_store or world.truth.held:
        world.run(STEP_S)
    world.reachable = lambda client: True
    return _played(world, began_s, until=lambda: world.truth.recovered_s is not None)


def store_away(setting: Setting, *, away_s: float, seed: int) -> Played:
    """Until all that came meanwhile have their lease too."""
    world = _settled(setting, seed)
    began_s = world.now_s
    world.disk.away = True
    world.run(1.0)
    for _ in range(round(NEW_SHARE * setting.leases)):
        world.comes(after_s=world.rng.random() * away_s)
    world.run(away_s)
    world.disk.away = False
    return _played(world, began_s, until=lambda: len(world.truth.held) >= world.wanted)


def stood_still(setting: Setting, *, still_s: float, taken_over_s: float | None, seed: int) -> Played:
    """Another process is started after `taken_over_s` (None: none). Until all were answered after the waking."""
    world = _settled(setting, seed)
    began_s = world.now_s
    assert world.server is not None, "it runs"
    world.server.stand_still(still_s)
    if taken_over_s is not None:
        world.at(taken_over_s, world.start)
    world.run(still_s)
    return _played(world, began_s, until=lambda: world.truth.all_answered_s is not None, rest_s=setting.ttl_s)


def restored(setting: Setting, *, copied_s: float, files: bool, seed: int) -> Played:
    """A copy from before so many seconds of hosts coming is put back; `files`: the disk beside it is as it was."""
    world = _settled(setting, seed)
    copy = world.copy_of_store()
    for _ in range(round(NEW_SHARE * setting.leases)):
        world.comes(after_s=world.rng.random() * copied_s)
    world.run(copied_s)
    began_s = world.now_s
    world.restore(copy, files=files)
    return _played(world, began_s, until=lambda: world.all_held(2 * STEP_S), rest_s=2 * setting.ttl_s)


def emptied(setting: Setting, *, seed: int) -> Played:
    """Store and disk are lost: nobody holds anything by the service's word, everybody by their own."""
    world = _settled(setting, seed)
    began_s = world.now_s
    world.restore(None, files=False)
    world.run(setting.ttl_s / 3)
    return _played(world, began_s, until=lambda: world.all_held(0.0), rest_s=2 * setting.ttl_s)
