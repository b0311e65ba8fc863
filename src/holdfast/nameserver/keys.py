"""TSIG keys from files or the environment. A secret that others can read is refused; none is ever printed."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import dns.name
import dns.tsig

from holdfast.access.private_file import NotPrivate, read_private
from holdfast.nameserver.settings import KeySettings, NameserverProblem
from holdfast.nameserver.wire import dns_name, name_text

ALGORITHMS: Final = ("hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
"""Accepted algorithms; MD5 and SHA-1 are not."""

_BIND_FORM: Final = re.compile(r'secret\s+"?([A-Za-z0-9+/=]+)"?\s*;')


def load_keys(settings: Iterable[KeySettings]) -> dict[str, dns.tsig.Key]:
    """Keys by canonical name.

    Raises:
        NameserverProblem: a secret is missing, unreadable, no base64, or readable by others.
    """
    keys = {}
    for one in settings:
        key = load_key(one, os.environ)
        keys[name_text(key.name)] = key
    return keys


def load_key(settings: KeySettings, environment: Mapping[str, str]) -> dns.tsig.Key:
    """One key; its file holds the secret in base64, or a `key` statement as tsig-keygen writes it.

    Raises:
        NameserverProblem: as `load_keys`.
    """
    if settings.algorithm not in ALGORITHMS:
        raise NameserverProblem(
            f"key {settings.name}: algorithm {settings.algorithm!r} is not one of {', '.join(ALGORITHMS)}"
        )
    text, where = _secret_text(settings, environment)
    found = _BIND_FORM.search(text)
    try:
        secret = base64.b64decode(found[1] if found else text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not secret:
        raise NameserverProblem(f"key {settings.name}: {where} holds no base64 secret; `tsig-keygen` makes one")
    return dns.tsig.Key(
        dns_name(settings.name.lower().rstrip(".")), secret, dns.name.from_text(settings.algorithm)
    )


def _secret_text(settings: KeySettings, environment: Mapping[str, str]) -> tuple[str, str]:
    if settings.file:
        return _read_private(settings.name, Path(settings.file)), settings.file
    if not settings.env:
        raise NameserverProblem(
            f"key {settings.name}: name a file (key_file) or a variable (key_env) with its secret"
        )
    if settings.env not in environment:
        raise NameserverProblem(f"key {settings.name}: the environment variable {settings.env} is not set")
    return environment[settings.env], f"${settings.env}"


def _read_private(key: str, path: Path) -> str:
    try:
        return read_private(path)
    except NotPrivate as error:
        raise NameserverProblem(f"key {key}: {error}") from error
