"""Signatures of plans by ed25519: keys from PEM files, as `openssl` reads and writes them too.

    planner   [service] signing_key   one private key, mode 0600
    everyone  [service] plan_keys     public keys that are believed: several while one is rotated

A key's id is the start of the SHA-256 over its 32 public bytes: it only says which key to try.
Needs the extra `signing`; without keys nothing here is imported.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from holdfast.access.private_file import NotPrivate, read_private
from holdfast.model.codec import signed_bytes
from holdfast.model.plan import PlanHead, Signature

KEY_ID_LENGTH: Final = 16
WRITABLE_BY_OTHERS: Final = 0o022
_PUBLIC_BYTES_MAX: Final = 64 * 1024


class BadKey(ValueError):
    """A key can't be used; the text says which, why, and what to do, never what is in it."""


def key_id(public: Ed25519PublicKey) -> str:
    """Id of a key."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:KEY_ID_LENGTH]


class Signer:
    """A planner's key (`ports.signing.SignsPlans`)."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.key = key_id(private.public_key())

    def sign(self, head: PlanHead) -> Signature:
        """Over the whole head; deterministic (RFC 8032)."""
        return Signature(self.key, self._private.sign(signed_bytes(head)))


class Believer:
    """The keys that a machine believes (`ports.signing.BelievesPlans`)."""

    def __init__(self, publics: Iterable[Ed25519PublicKey]) -> None:
        self._by_id = {key_id(public): public for public in publics}
        assert self._by_id, "who believes nobody has no keys configured"

    def refusal(self, head: PlanHead) -> str:
        """Why this head is not believed; empty if it is."""
        signature = head.signature
        known = ", ".join(sorted(self._by_id))
        if not isinstance(signature, Signature):
            return f"it is not signed, and plans here are signed by key {known}"
        public = self._by_id.get(signature.key)
        if public is None:
            return f"it is signed by key {signature.key[:64]!r}, which is none of those believed here ({known})"
        try:
            public.verify(signature.value, signed_bytes(head))
        except InvalidSignature:
            return f"its signature by key {signature.key} does not hold: something in it was changed"
        return ""


def load_signer(path: Path) -> Signer:
    """A private key from its file.

    Raises:
        BadKey: it can't be read, others can reach it, or it is no ed25519 key.
    """
    try:
        data = read_private(path).encode()
    except NotPrivate as error:
        raise BadKey(f"the planner's signing key: {error}") from error
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without the cause: whatever a parser says of a private key is not for a log.
        raise BadKey(
            f"{path} is no private key in PEM without a password; `holdfast keys new` makes one"
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise BadKey(f"{path} holds a key that is not ed25519; `holdfast keys new` makes one")
    return Signer(private)


def load_public(path: Path) -> Ed25519PublicKey:
    """A public key from its file.

    Raises:
        BadKey: it can't be read, others may change it, or it is no ed25519 key.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_PUBLIC_BYTES_MAX)
    except OSError as error:
        raise BadKey(f"can't read the public key {path}: {error.strerror or error}") from error
    if mode & WRITABLE_BY_OTHERS:
        raise BadKey(f"{path} has mode {mode:04o}, others could say whom to believe; run: chmod go-w {path}")
    try:
        public = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"{path} is no public key in PEM; `holdfast keys new` writes it as <key>.pub") from None
    if not isinstance(public, Ed25519PublicKey):
        raise BadKey(f"{path} holds a key that is not ed25519; `holdfast keys new` makes one")
    return public


def load_believer(paths: Iterable[Path]) -> Believer:
    """The keys that are believed.

    Raises:
        BadKey: as `load_public`.
    """
    return Believer([load_public(path) for path in paths])


def new_key() -> tuple[bytes, bytes, str]:
    """A new key: private and public in PEM, and the id."""
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key()
    shown = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return secret, shown, key_id(public)
