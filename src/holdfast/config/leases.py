"""The `[leases]` table: the lease service of this machine. Without the table there is none."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Final

import msgspec

from holdfast.config import names
from holdfast.config.paths import placed
from holdfast.config.problems import Severity
from holdfast.config.tables import Table
from holdfast.overload import Protections

LISTEN_DEFAULT: Final = "127.0.0.1:9640"
KEY_FILE_DEFAULT: Final = "keys/leases.key"
SWITCHES: Final = (*(field.name for field in fields(Protections)), "hints", "grace")


class LeaseService(msgspec.Struct, frozen=True):
    """How this machine serves leases. Paths are absolute."""

    listen: str
    """`address:port` of the HTTP service."""
    key_file: str
    """The key that may do everything; made at first start. Empty: there is none, only `[service] tokens_file`."""
    tls_cert: str = ""
    tls_key: str = ""
    ttl_s: float = 180.0
    """The least; it grows with the fleet, so that renewing takes at most `renewals_per_s`."""
    renewals_per_s: float = 1000.0
    expire_share_per_s: float = 0.01
    hint_cap_s: float = 120.0
    suspend_expiry_while_store_out: bool = False
    off: tuple[str, ...] = ()
    """Protections that are switched off, by name: for measuring their worth."""


def read_leases(table: Table, *, state: Path, here: Path, tokens: bool = False) -> LeaseService:
    """Read the table; the key's path counts from the state directory, those of TLS from the file.

    With `tokens` (the machine has a file of them) a key that may do everything is there only if it is asked for.
    """
    default = LeaseService(listen="", key_file="")
    cert, key = read_tls(table, here=here)
    key_file = table.text("key_file", "" if tokens else KEY_FILE_DEFAULT)
    off = table.texts("off")
    for index, switch in enumerate(off):
        if switch not in SWITCHES:
            table.notes.value(
                (*table.at("off"), index), f"no protection is called `{switch}`", ", ".join(SWITCHES)
            )
    service = LeaseService(
        listen=_listen(table, plain=not cert),
        key_file=placed(state, key_file),
        tls_cert=cert,
        tls_key=key,
        ttl_s=table.duration_s("ttl", default.ttl_s),
        renewals_per_s=float(table.integer("renewals_per_s", int(default.renewals_per_s), least=1, most=10**7)),
        expire_share_per_s=table.share("expire_share_per_s", default.expire_share_per_s) or 1e-9,
        hint_cap_s=table.duration_s("hint_cap", default.hint_cap_s),
        suspend_expiry_while_store_out=table.boolean("suspend_expiry_while_store_out", False),
        off=tuple(sorted(set(off))),
    )
    table.close()
    return service


def read_tls(table: Table, *, here: Path, prefix: str = "") -> tuple[str, str]:
    """Paths of `<prefix>tls_cert` and `<prefix>tls_key`, both or neither; relative ones count from the file."""
    wanted = (f"{prefix}tls_cert", f"{prefix}tls_key")
    cert, key = (table.text(name, "") for name in wanted)
    if bool(cert) != bool(key):
        given, other = wanted if cert else reversed(wanted)
        table.notes.key(table.at(given), f"{given} without {other}", f"add {other}, or take {given} out")
    return placed(here, cert), placed(here, key)


def _listen(table: Table, *, plain: bool) -> str:
    written = table.text("listen", LISTEN_DEFAULT)
    host, _ = names.split_endpoint(written)
    found = names.endpoint(written)
    if found is None or not (names.address(host, 4) or names.address(host, 6)):
        table.notes.value(table.at("listen"), f"`{written}` is no address and port", f'such as "{LISTEN_DEFAULT}"')
        return LISTEN_DEFAULT
    if plain and not (host == "::1" or host.startswith("127.")):
        table.notes.value(
            table.at("listen"),
            f"{host} is no loopback address, and without TLS the key crosses the network readably",
            "add tls_cert and tls_key, or listen on loopback behind something that speaks TLS",
            Severity.WARNING,
        )
    return found
