"""How stores on servers are entered: passwords and TLS from files, never shown."""

from __future__ import annotations

import ssl
from pathlib import Path

from holdfast.access.private_file import NotPrivate, read_private
from holdfast.config.store_address import StoreSettings
from holdfast.stores.refusal import Refused


def password(settings: StoreSettings) -> str | None:
    """The password; None when no file is named. Read again for each session, so that it may be changed.

    Raises:
        Refused: the file is missing, empty, or others can reach it.
    """
    if not settings.password_file:
        return None
    try:
        found = read_private(Path(settings.password_file)).strip("\r\n")
    except NotPrivate as error:
        raise Refused(f"the store's password: {error}") from error
    if not found:
        raise Refused(f"the store's password: {settings.password_file} is empty")
    return found


def tls_context(settings: StoreSettings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with the server's certificate and name checked; None without TLS.

    Raises:
        Refused: a certificate or key can't be read, or the key is open to others.
    """
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise Refused(f"the store's CA certificates {settings.ca_file} can't be read: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert_file:
        try:
            read_private(Path(settings.key_file))
            context.load_cert_chain(settings.cert_file, settings.key_file)
        except NotPrivate as error:
            raise Refused(f"the store's client key: {error}") from error
        except (OSError, ssl.SSLError) as error:
            raise Refused(
                f"the store's client certificate {settings.cert_file} with key {settings.key_file}"
                f" can't be used: {error}"
            ) from error
    return context
