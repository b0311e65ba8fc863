"""`up`: every role of a scope in one process, on embedded defaults; takes its file over whenever it changes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from holdfast.config.loading import load
from holdfast.config.problems import render
from holdfast.config.settings import Loaded, Rejected
from holdfast.events.metrics import Metrics
from holdfast.events.metrics_http import CannotServe, MetricsServer, serve_metrics
from holdfast.events.record import Record
from holdfast.nameserver.server import EmbeddedServer
from holdfast.ports.events import Event
from holdfast.service.actors import run_cleanup, run_enactor, run_planner, run_prober, run_thaw_timer
from holdfast.service.applying import apply_file
from holdfast.service.assumptions import tell_broken_assumptions
from holdfast.service.doors import check_tls, open_gate
from holdfast.service.nameserver import server_settings
from holdfast.service.route53.record import warnings
from holdfast.service.scene import CannotOpen, Scene, open_scene, same_scope

FILE_POLL_S = 0.5


class Roles(msgspec.Struct, frozen=True):
    """Which roles this process plays, and under which names."""

    dns: bool = False
    planners: tuple[str, ...] = ()
    probers: tuple[str, ...] = ()
    enactors: tuple[str, ...] = ()
    leases: bool = False
    webhook: bool = False
    follow_file: bool = False
    """Apply the file at start and whenever it changes (R10)."""

    @property
    def need_keys(self) -> bool:
        """Whether the zones' keys are needed: probers and the lease service reach no zone."""
        return bool(self.dns or self.planners or self.enactors or self.follow_file)


def everything(loaded: Loaded) -> Roles:
    """What `up` plays."""
    return Roles(
        dns=True,
        planners=("planner",),
        probers=tuple(p.name for p in loaded.configuration.probers),
        enactors=loaded.service.enactors,
        leases=loaded.service.leases is not None,
        webhook=loaded.service.webhook is not None,
        follow_file=True,
    )


async def play(
    loaded: Loaded,
    roles: Roles,
    *,
    process: str,
    then: Callable[[Record], None],
    ready: Callable[[Scene], Awaitable[None]] | None = None,
    beside: Callable[[Scene], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Play the roles until cancelled; `ready` is awaited once all run, `beside` runs along (a live view).

    Raises:
        CannotOpen, NameserverProblem: something can't be had; the text says what to do.
    """
    metrics = Metrics()

    def seen(record: Record) -> None:
        metrics.count(record)
        then(record)

    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(open_scene(loaded, process, then=seen, keys=roles.need_keys))
        stack.enter_context(tell_broken_assumptions(scene.events.emit, metrics.registry))
        if loaded.service.metrics_listen and roles.follow_file:
            stack.callback(_serve_metrics(scene, metrics).close)
        if roles.dns:
            settings = server_settings(loaded.configuration, loaded.service)
            if settings is not None:
                server = EmbeddedServer(settings, emit=scene.events.emit)
                await server.start()
                stack.push_async_callback(server.stop)
        if roles.follow_file:
            await apply_file(scene, actor="up")
        if roles.enactors:
            _warn(scene)
        async with asyncio.TaskGroup() as group:
            for name in roles.planners:
                group.create_task(run_planner(scene, name))
            for prober in loaded.configuration.probers:
                if prober.name in roles.probers:
                    group.create_task(run_prober(scene, prober))
            everyone = loaded.service.enactors
            for name in roles.enactors:
                turn = everyone.index(name) if name in everyone else 0
                turns = max(len(everyone), turn + 1)
                group.create_task(run_enactor(scene, name, turn=turn, turns=turns))
                group.create_task(run_cleanup(scene, name))
            if roles.dns:
                # The server has no task of its own here: without one, a process that only answers would end.
                group.create_task(_for_ever())
            if roles.leases:
                group.create_task(_leases(scene))
            if roles.webhook:
                group.create_task(_webhook(scene, metrics))
            if roles.planners:
                group.create_task(run_thaw_timer(scene))
            if roles.follow_file:
                group.create_task(follow(scene))
            if ready is not None:
                await ready(scene)
            if beside is not None:
                group.create_task(beside(scene))


def _warn(scene: Scene) -> None:
    """Say at start which zones rest on what nobody has seen the live service do."""
    for zone, text in sorted(warnings(scene.loaded.configuration, scene.service.state).items()):
        scene.events.emit(Event(kind="provider.unverified", actor="up", text=f"zone {zone}: {text}", zone=zone))


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _leases(scene: Scene) -> None:
    try:
        # Imported here: only this role needs the extra `leases`.
        from holdfast.service.leases.serving import run_leases
    except ImportError as error:
        raise CannotOpen(f"the lease service needs {error.name}: pip install 'holdfast[leases]'") from error
    await run_leases(scene)


async def _webhook(scene: Scene, metrics: Metrics) -> None:
    try:
        # Imported here: only this role needs the extra `webhook`.
        from holdfast.service.webhook.serving import run_webhook
    except ImportError as error:
        raise CannotOpen(f"the webhook needs {error.name}: pip install 'holdfast[webhook]'") from error
    await run_webhook(scene, metrics.registry)


def _serve_metrics(scene: Scene, metrics: Metrics) -> MetricsServer:
    service = scene.service
    tls = (service.metrics_tls_cert, service.metrics_tls_key)
    check_tls(*tls, "metrics_tls_cert and metrics_tls_key in [service]")
    gate = open_gate(scene) if service.tokens_file else None
    host, _, port = service.metrics_listen.rpartition(":")
    try:
        return serve_metrics(metrics, address=host.strip("[]"), port=int(port), gate=gate, tls=tls)
    except CannotServe as error:
        raise CannotOpen(f"{error}; metrics_listen in the file sets the address, empty is off") from error


async def follow(scene: Scene) -> None:
    """Take the file over whenever it changes; an invalid one keeps the old and says so loudly."""
    path = Path(scene.loaded.path)
    seen = _stamp(path)
    while True:
        await asyncio.sleep(FILE_POLL_S)
        now = _stamp(path)
        if now == seen or now is None:
            continue
        seen = now
        await _take_over(scene, load(path))


async def _take_over(scene: Scene, found: Loaded | Rejected) -> None:
    if isinstance(found, Rejected):
        text = (
            f"{found.path} is invalid, the old configuration stays in force:\n{render(found.problems, found.text)}"
        )
        scene.events.emit(Event(kind="config.refused", actor="up", text=text))
        return
    if not same_scope(scene.loaded.configuration, found.configuration):
        text = f"{found.path} changes the scope: stop this process and start it again"
        scene.events.emit(Event(kind="config.refused", actor="up", text=text))
        return
    if found.service != scene.loaded.service or found.configuration.zones != scene.loaded.configuration.zones:
        text = f"{found.path}: changes of [service] and of zones take effect when this process starts again"
        scene.events.emit(Event(kind="config.refused", actor="up", text=text))
    scene.loaded = found
    await apply_file(scene, actor="up")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116  one call, a tuple of what changes
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
