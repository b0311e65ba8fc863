"""The actors of a scope, each a production loop with its answers, supervised: a crash is seen and restarted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from holdfast.enactor.cleanup import clean_up
from holdfast.enactor.loop import enact
from holdfast.enactor.settings import EnactorSettings, refuse_start
from holdfast.health.leased import LeasedRules
from holdfast.health.loop import prober_loop
from holdfast.health.memo import MemoRules
from holdfast.killswitch.timer import thaw_in_time
from holdfast.model.configuration import ProberConfig, ProviderKind, ZoneConfig
from holdfast.planner.desk import Desk
from holdfast.planner.loop import Planner
from holdfast.planner.loop import run as planner_loop
from holdfast.ports.operation import Loop
from holdfast.probes.engine import ProbeEngine
from holdfast.runtime.clock import Pacing
from holdfast.runtime.dns import DnsTransport
from holdfast.runtime.driver import Answers, supervise
from holdfast.runtime.identity import several
from holdfast.service.scene import CannotOpen, Scene


async def run_planner(scene: Scene, name: str, pacing: Pacing | None = None) -> None:
    """Plan for ever under `name`.

    Raises:
        CannotOpen: a key can't be used.
    """
    planner = Planner(
        scope=scene.keys.scope,
        name=name,
        providers=scene.providers,
        rules=LeasedRules(MemoRules()),
        desk=Desk(),
        signs=scene.signs,
        believes=scene.believes,
    )
    await _supervised(scene, name, lambda: planner_loop(planner), scene.answers(name, pacing=pacing))


async def run_enactor(scene: Scene, name: str, *, turn: int, turns: int, pacing: Pacing | None = None) -> None:
    """Enact for ever under `name`.

    Raises:
        CannotOpen: this enactor must not start, and why.
    """
    settings = EnactorSettings(
        scope=scene.keys.scope,
        enactor=name,
        turn=turn,
        turns=turns,
        mode=scene.loaded.configuration.mode,
        believes=scene.believes,
    )
    refused = refuse_start(settings, scene.providers.values())
    if refused is not None:
        raise CannotOpen(refused)
    await refuse_several_processes(scene.dns, scene.loaded.configuration.zones)
    await _supervised(scene, name, lambda: enact(settings, scene.providers), scene.answers(name, pacing=pacing))


async def refuse_several_processes(dns: DnsTransport, zones: Iterable[ZoneConfig]) -> None:
    """PowerDNS has to be one process behind its address (`runtime.identity`). A silent one is watched later.

    Raises:
        CannotOpen: several processes answer.
    """
    for zone in zones:
        if zone.provider is ProviderKind.POWERDNS and not zone.server_ids:
            found = await dns.processes(zone.name)
            if isinstance(found, tuple) and len(found) > 1:
                raise CannotOpen(f"zone {zone.name} at {zone.server}: {several(found)}")


async def run_cleanup(scene: Scene, name: str) -> None:
    """Remove plans below every fence, for ever (R7); never touches DNS."""
    actor = f"{name}-cleanup"
    await _supervised(
        scene, actor, lambda: clean_up(scene.keys.scope, scene.providers, actor=actor), scene.answers(actor)
    )


async def run_thaw_timer(scene: Scene) -> None:
    """Thaw what was frozen `--for` a time, when the time has come (R8: an explicit act of a timer)."""
    actor = "thaw-timer"
    await _supervised(
        scene, actor, lambda: thaw_in_time(scene.keys.scope, scene.providers, actor=actor), scene.answers(actor)
    )


async def run_prober(scene: Scene, prober: ProberConfig) -> None:
    """Probe for ever as `prober`."""
    engine = ProbeEngine(source=prober.source)
    try:
        name = f"prober-{prober.name}"
        await _supervised(
            scene, name, lambda: prober_loop(scene.keys.scope, prober.name), scene.answers(name, probes=engine)
        )
    finally:
        await engine.close()


async def _supervised(scene: Scene, name: str, make: Callable[[], Loop[Any]], answers: Answers) -> None:
    await supervise(name, make, answers, emit=scene.events.emit)
