"""The webhook as actors of a process: its HTTP side on the store, and the loop that retires deleted names."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from prometheus_client import CollectorRegistry

from holdfast.config.external_dns import Webhook
from holdfast.externaldns.accepting import Accepted, Unacceptable
from holdfast.externaldns.adjusting import LeftOut
from holdfast.externaldns.contract import Changes
from holdfast.externaldns.marks import Affix
from holdfast.externaldns.writing import ACTOR, Narrow, Situation, retire_loop, situation, write_changes
from holdfast.ports.events import Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.driver import drive, supervise
from holdfast.service.doors import check_tls, open_gate
from holdfast.service.leases.serving import service_key
from holdfast.service.listening import CannotListen, listen, serving
from holdfast.service.scene import CannotOpen, Scene
from holdfast.service.webhook.http import application, status_application

SHOWN_MOST = 5


class StoreDesk:
    """Requests on the store of a scene. Batches of one process wait for each other: they would only lose races."""

    def __init__(self, scene: Scene, affix: Affix) -> None:
        self._scene, self._affix = scene, affix
        self._answers = scene.answers(ACTOR)
        self._turn = asyncio.Lock()
        self._said: frozenset[LeftOut] = frozenset()

    async def situation(self) -> Situation | CouldNotAsk:
        """Both documents, now."""
        return await drive(situation(self._scene.keys), self._answers)

    async def write(self, changes: Changes, narrow: Narrow) -> Accepted | Unacceptable | CouldNotAsk:
        """Take a batch by the rules as `narrow` leaves them, or nothing of it."""
        async with self._turn:
            return await drive(write_changes(self._scene.keys, changes, self._affix, narrow), self._answers)

    def left_out(self, found: tuple[LeftOut, ...]) -> None:
        """Say it when it changes: ExternalDNS asks every minute."""
        now = frozenset(found)
        if now and now != self._said:
            shown = "; ".join(f"{one.name or '(no name)'} is {one.why}" for one in found[:SHOWN_MOST])
            more = f"; and {len(found) - SHOWN_MOST} more" if len(found) > SHOWN_MOST else ""
            event = Event("external.left_out", ACTOR, f"not kept: {shown}{more}", data=(("records", len(found)),))
            self._scene.events.emit(event)
        self._said = now


async def run_webhook(scene: Scene, registry: CollectorRegistry) -> None:
    """Serve ExternalDNS until cancelled.

    Raises:
        CannotOpen: an address, a certificate or the key can't be had.
    """
    settings = scene.service.webhook
    assert settings is not None, "whoever asks for the webhook has looked whether the file has one"
    desk = StoreDesk(scene, affix_of(settings))
    check_tls(settings.tls_cert, settings.tls_key, "tls_cert and tls_key in [external_dns]")
    gate = None if settings.on_loopback else open_gate(scene, key=_key(settings))
    status_gate = open_gate(scene) if scene.service.tokens_file else None
    async with AsyncExitStack() as stack:
        try:
            sock = listen(*_place(settings.listen))
            status = listen(*_place(settings.status_listen)) if settings.status_listen else None
        except CannotListen as error:
            raise CannotOpen(f"{error}; [external_dns] sets the addresses") from error
        app = application(desk, gate)
        cert, secret = settings.tls_cert, settings.tls_key
        await stack.enter_async_context(serving(app, sock, "webhook-http", tls_cert=cert, tls_key=secret))
        if status is not None:
            await stack.enter_async_context(
                serving(status_application(registry, status_gate), status, "webhook-status")
            )
        answers = scene.answers(ACTOR)
        await supervise(ACTOR, lambda: retire_loop(scene.keys.scope), answers, emit=scene.events.emit)


def _key(settings: Webhook) -> str:
    return service_key(Path(settings.key_file), "webhook") if settings.key_file else ""


def affix_of(settings: Webhook) -> Affix:
    """Where ExternalDNS's registry puts its marks."""
    return Affix(settings.txt_prefix, settings.txt_suffix)


def _place(written: str) -> tuple[str, int]:
    host, _, port = written.rpartition(":")
    return host.strip("[]"), int(port)
