"""The `[external_dns]` table: which names clusters may bring by ExternalDNS's webhook, and where it listens."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from holdfast.config import names
from holdfast.config.leases import read_tls
from holdfast.config.paths import placed
from holdfast.config.sections import TTL_MAX, read_check
from holdfast.config.tables import Table
from holdfast.model.configuration import CheckKind, ExternalDns

LISTEN_DEFAULT: Final = "127.0.0.1:8888"
STATUS_LISTEN_DEFAULT: Final = "127.0.0.1:8080"
KEY_FILE_DEFAULT: Final = "keys/external-dns.key"


class Webhook(msgspec.Struct, frozen=True):
    """How this machine serves the webhook. Paths are absolute."""

    listen: str
    """`address:port` of the provider's own routes. Beyond loopback a token is asked for."""
    status_listen: str
    """`address:port` of `/healthz` and `/metrics`; empty is off."""
    key_file: str
    """A key that may do everything, made at first start; empty: there is none, only `[service] tokens_file`."""
    tls_cert: str = ""
    tls_key: str = ""
    txt_prefix: str = ""
    txt_suffix: str = ""
    """As ExternalDNS is told by `--txt-prefix` or `--txt-suffix`."""

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine (in Kubernetes: this pod) reaches it."""
        return is_loopback(names.split_endpoint(self.listen)[0])


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    return host == "::1" or host.startswith("127.")


def read_policy(table: Table) -> ExternalDns:
    """What clusters may write. No domains mean those of all zones, which the rules fill in."""
    default = ExternalDns(domains=())
    domains: list[str] = []
    for index, text in enumerate(table.texts("domains")):
        domain = names.domain(text)
        if domain is None:
            table.notes.value(
                (*table.at("domains"), index), f"`{text}` is no DNS name", 'such as "k8s.example.com"'
            )
        else:
            domains.append(domain)
    check_table = table.table("check")
    check = default.check if check_table is None else read_check(check_table)
    if check.kind is not CheckKind.NONE and check.port is None:
        table.notes.key(table.at("check"), "a check of a cluster's addresses needs a port", "add port to check")
    return ExternalDns(
        domains=tuple(sorted(set(domains))),
        ttl=table.integer("ttl", default.ttl, least=0, most=TTL_MAX),
        check=check,
        floor_share=table.share("floor_share", default.floor_share),
        fail_open_share=table.share("fail_open_share", default.fail_open_share),
        delete_after_s=table.duration_s("delete_after", default.delete_after_s),
        delete_share=table.share("delete_share", default.delete_share),
    )


def read_webhook(table: Table, *, state: Path, here: Path, tokens: bool = False) -> Webhook:
    """Where it listens; the key's path counts from the state directory, those of TLS from the file.

    With `tokens` (the machine has a file of them) a key that may do everything is there only if it is asked for.
    """
    cert, key = read_tls(table, here=here)
    key_file = table.text("key_file", "" if tokens else KEY_FILE_DEFAULT)
    prefix, suffix = table.text("txt_prefix", ""), table.text("txt_suffix", "")
    if prefix and suffix:
        table.notes.key(table.at("txt_suffix"), "txt_prefix and txt_suffix are both given", "keep one of them")
    webhook = Webhook(
        listen=_listen(table, "listen", LISTEN_DEFAULT),
        status_listen=_listen(table, "status_listen", STATUS_LISTEN_DEFAULT, off=True),
        key_file=placed(state, key_file),
        tls_cert=cert,
        tls_key=key,
        txt_prefix=prefix,
        txt_suffix=suffix,
    )
    if not webhook.on_loopback and not cert:
        table.notes.key(
            table.at("listen"),
            f"{webhook.listen} is no loopback address, and without TLS the key would cross the network readably",
            "add tls_cert and tls_key, or listen on 127.0.0.1 in the pod of ExternalDNS",
        )
    return webhook


def _listen(table: Table, key: str, default: str, *, off: bool = False) -> str:
    written = table.text(key, default)
    host, _ = names.split_endpoint(written)
    found = names.endpoint(written)
    if off and not written:
        return ""
    if found is None or not (names.address(host, 4) or names.address(host, 6)):
        table.notes.value(table.at(key), f"`{written}` is no address and port", f'such as "{default}"')
        return default
    return found
