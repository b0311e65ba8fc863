"""The lease service as actors of a process: its loop and that of propagation, supervised, and their HTTP side."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from dataclasses import fields
from pathlib import Path

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
from holdfast.service.leases.http import CannotListen, listen, serve_leases
from holdfast.service.scene import CannotOpen, Scene

ACTOR = "leases"
DELIVERY = "delivery"
KEY_BYTES = 32


def lease_key(path: Path) -> str:
    """The key that callers show; made at first start (mode 0600).

    Raises:
        CannotOpen: the file can't be read or written, or is empty.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(path, (secrets.token_urlsafe(KEY_BYTES) + "\n").encode(), mode=0o600)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotOpen(f"the key of the lease service {path} can't be had: {error}") from error
    if not key:
        raise CannotOpen(f"the key of the lease service {path} is empty; delete it, and a new one is made")
    return key


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
    _check_tls(settings)
    address, _, port = settings.listen.rpartition(":")
    try:
        sock = listen(address.strip("[]"), int(port))
    except CannotListen as error:
        raise CannotOpen(f"{error}; `listen` in [leases] sets the address") from error
    key = lease_key(Path(settings.key_file))
    inbox = LeaseInbox(scene.store)
    answers = scene.answers(ACTOR)
    inbox.register(answers)
    deliveries = DeliveryInbox()
    delivering = scene.answers(DELIVERY)
    deliveries.register(delivering)
    cert, secret = settings.tls_cert, settings.tls_key
    serving = serve_leases(inbox, sock, key, deliveries=deliveries, tls_cert=cert, tls_key=secret)
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
        await supervise(
            ACTOR,
            lambda: lease_loop(scene.keys.scope, law_of(settings), protections_of(settings)),
            answers,
            emit=scene.events.emit,
        )
        beside.cancel()
        registrar.cancel()


def _check_tls(settings: LeaseService) -> None:
    """Read the certificate once before anything listens: uvicorn would end in a traceback."""
    if not settings.tls_cert:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        where = f"tls_cert {settings.tls_cert} and tls_key {settings.tls_key} in [leases]"
        raise CannotOpen(f"{where} can't be used: {error.strerror or error}") from error


async def run_registrar(scene: Scene) -> None:
    """Make holders of leases targets of the configuration in the store, for ever."""
    answers = scene.answers(REGISTRAR)
    await supervise(REGISTRAR, lambda: registrar_loop(scene.keys.scope), answers, emit=scene.events.emit)
