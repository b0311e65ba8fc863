"""What one probe of one address comes to, and how errors are told to people."""

from __future__ import annotations

import errno
import os
import ssl
from typing import NamedTuple

REASON_CHARS_MAX = 160
"""Reasons are published: a hostile server must not be able to blow up the document."""


class Outcome(NamedTuple):
    """Whether the address is well, and the reason either way."""

    ok: bool
    reason: str


class NotWell(Exception):
    """The probe found the target not well; the text is the reason."""


def bad(reason: str) -> Outcome:
    """A failure, its reason cut to what may be published."""
    return Outcome(False, reason if len(reason) <= REASON_CHARS_MAX else reason[: REASON_CHARS_MAX - 1] + "…")


def timed_out(timeout_s: float) -> Outcome:
    """The probe took longer than it may."""
    return bad(f"timeout after {timeout_s:g} s")


def failed(error: OSError) -> Outcome:
    """A failed connection in the words of people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return bad(f"certificate: {certificate_fault(error)}")
    if isinstance(error, ssl.SSLError):
        return bad(f"TLS: {error.reason or error}")
    if isinstance(error, ConnectionRefusedError):
        return bad("connect refused")
    if isinstance(error, ConnectionResetError):
        return bad("connection reset")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return bad("this prober has no file descriptors left")
    return bad(f"connect: {os.strerror(error.errno).lower() if error.errno else error}")


def certificate_fault(error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with a certificate."""
    message = str(error.verify_message or error)
    if "ostname mismatch" in message or "IP address mismatch" in message:
        return f"hostname mismatch ({message.rstrip('.').lower()})"
    return message.rstrip(".")
