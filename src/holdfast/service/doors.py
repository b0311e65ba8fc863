"""What every HTTP port of ours needs before it listens: who may call, and a certificate that can be used."""

from __future__ import annotations

import ssl
from pathlib import Path

from holdfast.access.gate import CannotGuard, Gate
from holdfast.access.private_file import NotPrivate, check_private
from holdfast.ports.events import Event
from holdfast.service.scene import CannotOpen, Scene

ACTOR = "access"


def open_gate(scene: Scene, *, key: str = "") -> Gate:
    """The gate by the machine's file of tokens, and by `key` (which may do everything) if there is one.

    Raises:
        CannotOpen: there is neither, or the file can't be used.
    """
    file = scene.service.tokens_file

    def told(good: bool, text: str) -> None:
        kind = "tokens.changed" if good else "tokens.spoiled"
        scene.events.emit(Event(kind=kind, actor=ACTOR, text=text))

    try:
        return Gate(key=key, file=Path(file) if file else None, told=told)
    except CannotGuard as error:
        raise CannotOpen(f"{error}; `tokens_file` in [service] names the file") from error


def check_tls(cert: str, key: str, where: str) -> None:
    """Read certificate and key once before anything listens; both empty is no TLS, and fine.

    Raises:
        CannotOpen: they can't be used, or others can reach the key.
    """
    if not cert:
        return
    try:
        check_private(Path(key))
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key, password=_no_password)
    except NotPrivate as error:
        raise CannotOpen(f"{where}: {error}") from error
    except OSError as error:
        raise CannotOpen(f"{where}: {cert} and {key} can't be used: {error.strerror or error}") from error


def _no_password() -> str:
    """Without it OpenSSL would ask on the terminal for an encrypted key's password."""
    return ""
