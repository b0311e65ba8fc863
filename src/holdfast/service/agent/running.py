"""The agent at work: hold the lease, run the readiness check, and leave in good order.

    start -> establish (not ready yet) -> check is good -> ready -> ... -> SIGTERM
             -> leaving: the target is withdrawn within the limits -> no name leads here -> release -> end

It goes on renewing while it drains: a lease that ran out would be a second reason to withdraw, and nothing more.
Readiness gates entry alone. A check that fails later, or a configuration that is behind, is told, and takes
nothing out: probers judge from outside, and one new document must not empty a pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from holdfast.access.private_file import NotPrivate, read_token
from holdfast.client.client import LeaseClient
from holdfast.client.http import Rejected
from holdfast.client.lease import Lease
from holdfast.health.rise_fall import NEW, step
from holdfast.leases.holding import Change
from holdfast.model.configuration import Check
from holdfast.model.delivery import Host
from holdfast.model.lease import Place
from holdfast.model.observation import TargetState
from holdfast.ports.probe import NextResults, ProbeTarget, Watch
from holdfast.ports.release import Ready
from holdfast.probes.engine import ProbeEngine
from holdfast.service.agent.draining import wait_until_out
from holdfast.service.agent.file import AgentFile, Configured
from holdfast.service.delivery.following import Following, follow_configuration, standing_text

T = TypeVar("T")
CHECK: Final = "check"
CONFIGURATION: Final = "configuration"
RELEASE_S: Final = 2.0
"""How long a hurried agent waits for the answer to its release."""


class CannotStart(Exception):
    """What the agent needs can't be had; the text says what and where."""


async def run_agent(
    file: AgentFile, stop: asyncio.Event, hurry: asyncio.Event, *, say: Callable[[str, str], None]
) -> bool:
    """Run until `stop` is set and the target is drained; False if it was not drained in time.

    Once `hurry` is set it does not wait for that. `say` gets the kind and the text of what happens.

    Raises:
        CannotStart: the key or the CA file can't be read; the lease is refused for good.
    """
    key = _key(file.key_file)
    try:
        client = LeaseClient(file.server, key, ca_file=file.ca_file)
    except Rejected as error:
        raise CannotStart(str(error)) from error
    gates = [gate for gate in (file.check and CHECK, file.configuration and CONFIGURATION) if gate]
    place = msgspec.structs.replace(file.place, ready=not gates)
    async with client:
        lease = client.hold(file.role, file.name, place=place)
        readiness = Readiness(gates, file.place, lease, say)
        tasks = [asyncio.create_task(_tell(lease, say)), asyncio.create_task(_refused(lease))]
        if file.check is not None:
            tasks.append(asyncio.create_task(_checked(file, file.check, readiness)))
        if file.configuration is not None:
            tasks.append(asyncio.create_task(_configured(file, file.configuration, key, readiness)))
        tasks.append(asyncio.create_task(_trouble(file.server, client, lease, say)))
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        await _end(tasks[1:])
        for task in done - {stopped}:
            task.result()  # only a refusal or a fault ends one of them
        drained = await _leave(file, lease, hurry, say)
        await _end([tasks[0], stopped])
        return drained


async def _leave(file: AgentFile, lease: Lease, hurry: asyncio.Event, say: Callable[[str, str], None]) -> bool:
    if not lease.token:
        say("agent.left", "it never had its lease: there is nothing to drain")
        return True
    say("agent.drains", f"{lease.role}/{lease.name} leaves")
    lease.move(msgspec.structs.replace(file.place, leaving=True))
    wait = wait_until_out(file.drain, file.place, say=lambda text: say("agent.drains", text))
    drained = await _unless_hurried(wait, hurry, then_s=0.0)
    if drained is None:
        say("agent.drains", "told a second time to end: does not wait")
    await _unless_hurried(lease.release(), hurry, then_s=RELEASE_S)
    say(
        "agent.left",
        "its lease is released" if lease.left_s == 0.0 else "its lease runs out: no answer to its release",
    )
    return bool(drained)


async def _unless_hurried(work: Coroutine[Any, Any, T], hurry: asyncio.Event, *, then_s: float) -> T | None:
    """What comes of it; None if it does not end within `then_s` of `hurry`."""
    task, hurried = asyncio.create_task(work), asyncio.create_task(hurry.wait())
    await asyncio.wait([task, hurried], return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        await asyncio.wait([task], timeout=then_s)
    ended = task.done()
    await _end([task, hurried])
    return task.result() if ended else None


class Readiness:
    """All gates together: the service hears of it when the last opens, and whenever that changes."""

    def __init__(self, gates: Sequence[str], place: Place, lease: Lease, say: Callable[[str, str], None]) -> None:
        self._open = dict.fromkeys(gates, False)
        self._place = place
        self._lease = lease
        self._say = say

    def set(self, gate: str, is_open: bool, why: str) -> None:
        """A gate opened or closed, or there is more to say about it."""
        before = all(self._open.values())
        self._open[gate] = is_open
        now = all(self._open.values())
        word = "ready" if is_open else "not ready"
        self._say("agent.ready" if now else "agent.unready", f"{gate}: {word}: {why}")
        if now is not before:
            self._lease.move(msgspec.structs.replace(self._place, ready=now))


async def _configured(file: AgentFile, settings: Configured, key: str, readiness: Readiness) -> None:
    """Keep the host's configuration at what is desired of it; its gate is open exactly while it is."""
    following = Following(
        url=file.server,
        key=key,
        host=Host(file.name, file.role, settings.group),
        directory=settings.directory,
        validate=settings.validate,
        reload=settings.reload,
        ca_file=file.ca_file,
    )

    def told(now: Ready) -> None:
        readiness.set(CONFIGURATION, now.ready, standing_text(now))

    await follow_configuration(following, told)


async def _checked(file: AgentFile, check: Check, readiness: Readiness) -> None:
    """Run the check from here."""
    addresses = tuple(address for address in (file.place.a, file.place.aaaa) if address)
    port = file.place.port if check.port is None else check.port
    engine = ProbeEngine()
    track = NEW
    try:
        await engine.watch(Watch((ProbeTarget("local", addresses, port, check),)))
        while True:
            for result in await engine.next_results(NextResults()):
                before = track.state
                track = step(track, ok=result.ok, reason=result.reason, rise=check.rise, fall=check.fall)
                if track.state is not before:
                    readiness.set(CHECK, track.state is TargetState.UP, track.reason)
    finally:
        await engine.close()


async def _tell(lease: Lease, say: Callable[[str, str], None]) -> None:
    ours = False
    async for event in lease.events():
        match event.change:
            case Change.GRANTED if ours:
                say("lease.moved", f"the service has heard it; token {event.token}")
            case Change.GRANTED:
                ours = True
                say("lease.granted", f"{lease.role}/{lease.name} with token {event.token}")
            case Change.REGAINED:
                ours = True
                say("lease.regained", f"{lease.role}/{lease.name} is held again, token {event.token}")
            case Change.LOST:
                ours = False
                say("lease.lost", f"{lease.role}/{lease.name}: {event.why}")
            case _:
                return


async def _refused(lease: Lease) -> None:
    """Ends, with the reason, only if the service refuses the lease for good."""
    while True:
        try:
            await lease.held()
        except ValueError as error:
            raise CannotStart(f"the lease service refuses {lease.role}/{lease.name}: {error}") from error
        await asyncio.sleep(1.0)


async def _trouble(server: str, client: LeaseClient, lease: Lease, say: Callable[[str, str], None]) -> None:
    told = taken = ""
    while True:
        if client.trouble != told:
            told = client.trouble
            say("lease.service", f"{server}: {told}" if told else "the lease service answers again")
        if lease.taken_by != taken and lease.taken_by:
            name = f"{lease.role}/{lease.name}"
            who = f"{name} is held by {lease.taken_by}"
            say("lease.taken", f"{who}; this one waits until it is free (a second agent of this name?)")
        taken = lease.taken_by
        await asyncio.sleep(0.5)


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _key(path: str) -> str:
    try:
        return read_token(Path(path))
    except NotPrivate as error:
        raise CannotStart(f"the token of the lease service: {error}") from error
