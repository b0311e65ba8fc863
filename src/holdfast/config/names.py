"""Grammars of what a configuration names: DNS names, scopes, groups, addresses, servers.

Each function answers with the canonical form, or None when the text is not in the grammar.
"""

from __future__ import annotations

import ipaddress
import re

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_SCOPE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,51}[a-z0-9])?")
_GROUP = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?")
_TARGET = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62})")
NAME_LENGTH_MAX = 253


def domain(text: str) -> str | None:
    """A DNS name: lower case, without the final dot."""
    name = text.lower().removesuffix(".")
    if not name or len(name) > NAME_LENGTH_MAX:
        return None
    return name if all(_LABEL.fullmatch(label) for label in name.split(".")) else None


def scope(text: str) -> str | None:
    """A scope: one label, short enough that `_holdfast-<scope>` is one label of at most 63 bytes too."""
    return text if _SCOPE.fullmatch(text) else None


def group(text: str) -> str | None:
    """A group's name: stands in store keys before the slash."""
    return text if _GROUP.fullmatch(text) else None


def target(text: str) -> str | None:
    """A target's, a prober's or a label's name."""
    return text if _TARGET.fullmatch(text) else None


def within(name: str, zone: str) -> bool:
    """Whether a name is the zone's apex or below it."""
    return name == zone or name.endswith(f".{zone}")


def address(text: str, version: int) -> str | None:
    """An IP address of one version, compressed."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A scope id ("%eth0") means something on one machine only.
    return str(parsed) if parsed.version == version and "%" not in text else None


def prefix(text: str) -> str | None:
    """A CIDR prefix without host bits."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        return None


def endpoint(text: str, port_default: int | None = None) -> str | None:
    """`host:port` with a host that is an address or a name; `[v6]:port`."""
    host, port = split_endpoint(text, port_default)
    if port is None or not 1 <= port <= 65535:
        return None
    v6 = address(host, 6)
    if v6 is not None:
        return f"[{v6}]:{port}"
    host_ok = address(host, 4) or (None if re.fullmatch(r"[\d.]+", host) else domain(host))
    return None if host_ok is None else f"{host_ok}:{port}"


def split_endpoint(text: str, port_default: int | None = None) -> tuple[str, int | None]:
    """Host and port as written; no port (and no default) or a port that is no number is None."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if not port:
        return host, port_default
    return host, int(port) if re.fullmatch(r"[0-9]{1,5}", port) else None
