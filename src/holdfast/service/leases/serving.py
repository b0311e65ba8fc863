"""The lease service as actors of a process: its loop and that of propagation, supervised, and their HTTP side."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import fields
from pathlib import Path

from holdfast.access.private_file import NotPrivate, read_token
from holdfast.config.leases import LeaseService
from holdfast.config.remembered import write_atomically
from holdfast.leases.law import LeaseSettings
from holdfast.leases.loop import lease_loop
from holdfast.leases.registrar import ACTOR as REGISTRAR
from holdfast.leases.registrar import registrar_loop
from holdfast.overload import Protections
from holdfast.propagation.desk import DeliverySettings
from holdfast.propagation.loop import delivery_loop
from holdfast.runtime.delivery import DeliveryInbox
from holdfast.runtime.driver import supervise
from holdfast.runtime.leases import LeaseInbox
from holdfast.service.doors import check_tls, open_gate
from holdfast.service.leases.http import serve_leases
from holdfast.service.listening import CannotListen, listen
from holdfast.service.scene import CannotOpen, Scene

ACTOR = "leases"
DELIVERY = "delivery"
KEY_BYTES = 32


def service_key(path: Path, service: str = "lease service") -> str:
    """The key that may do everything; made at first start (mode 0600).

    Raises:
        CannotOpen: the file can't be read or written, is empty, or others can reach it.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(path, (secrets.token_urlsafe(KEY_BYTES) + "\n").encode(), mode=0o600)
        return read_token(path)
    except OSError as error:
        raise CannotOpen(f"the key of the {service} {path} can't be made: {error}") from error
    except NotPrivate as error:
        raise CannotOpen(f"the key of the {service}: {error}; without the file a new one is made") from error


def law_of(settings: LeaseService) -> LeaseSettings:
    """The law of leases as the file has it."""
    return LeaseSettings(
        ttl_least_s=settings.ttl_s,
        renewals_most_per_s=settings.renewals_per_s,
        expire_share_per_s=settings.expire_share_per_s,
        suspend_expiry_while_store_out=settings.suspend_expiry_while_store_out,
        hint_cap_s=settings.hint_cap_s,
        hints="hints" not in settings.off,
        grace="grace" not in settings.off,
    )


def protections_of(settings: LeaseService) -> Protections:
    """Which protections of the queue are on."""
    return Protections(**{field.name: field.name not in settings.off for field in fields(Protections)})


async def run_leases(scene: Scene) -> None:
    """Serve leases until another service takes them over, or cancelled.

    Raises:
        CannotOpen: the address or the key can't be had.
    """
    settings = scene.service.leases
    assert settings is not None, "whoever asks for a lease service has looked whether the file has one"
    check_tls(settings.tls_cert, settings.tls_key, "tls_cert and tls_key in [leases]")
    gate = open_gate(scene, key=service_key(Path(settings.key_file)) if settings.key_file else "")
    address, _, port = settings.listen.rpartition(":")
    try:
        sock = listen(address.strip("[]"), int(port))
    except CannotListen as error:
        raise CannotOpen(f"{error}; `listen` in [leases] sets the address") from error
    inbox = LeaseInbox(scene.store)
    answers = scene.answers(ACTOR)
    inbox.register(answers)
    deliveries = DeliveryInbox()
    delivering = scene.answers(DELIVERY)
    deliveries.register(delivering)
    cert, secret = settings.tls_cert, settings.tls_key
    serving = serve_leases(inbox, sock, gate, deliveries=deliveries, tls_cert=cert, tls_key=secret)
    async with serving, asyncio.TaskGroup() as group:
        beside = group.create_task(
            supervise(
                DELIVERY,
                lambda: delivery_loop(scene.keys.scope, DeliverySettings()),
                delivering,
                emit=scene.events.emit,
            )
        )
        registrar = group.create_task(run_registrar(scene), name=REGISTRAR)
        while await supervise(
            ACTOR,
            lambda: lease_loop(scene.keys.scope, law_of(settings), protections_of(settings)),
            answers,
            emit=scene.events.emit,
        ):
            answers.restart()
        beside.cancel()
        registrar.cancel()


async def run_registrar(scene: Scene) -> None:
    """Make holders of leases targets of the configuration in the store, for ever."""
    answers = scene.answers(REGISTRAR)
    await supervise(REGISTRAR, lambda: registrar_loop(scene.keys.scope), answers, emit=scene.events.emit)
