"""The agent's file: which lease service, what to register, when it is ready, how it leaves."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Final
from urllib.parse import urlsplit

import msgspec

from holdfast.config import names
from holdfast.config.loading import read_file
from holdfast.config.paths import placed
from holdfast.config.problems import has_errors
from holdfast.config.sections import read_check
from holdfast.config.settings import Rejected
from holdfast.config.source import Source, read_source
from holdfast.config.tables import Notes, Table
from holdfast.model.configuration import Check
from holdfast.model.lease import Place, bad_word

AT_MOST_S: Final = 600.0
LINGER_S: Final = 5.0


class Drain(msgspec.Struct, frozen=True):
    """How it leaves: until none of `names` is answered with its address at `dns`, and `linger_s` after that."""

    names: tuple[str, ...] = ()
    dns: str = ""
    """`address:port` of a name server of the zone; empty if there is nothing to ask."""
    linger_s: float = LINGER_S
    """For resolvers and clients that have the old answer: the names' TTL, and the longest request."""
    at_most_s: float = AT_MOST_S


class Configured(msgspec.Struct, frozen=True):
    """Which documents the host takes (docs/propagation.md), and where they go."""

    directory: str
    group: str = ""
    validate: str = ""
    """Command that must succeed on `{dir}` before a release becomes current."""
    reload: str = ""


class AgentFile(msgspec.Struct, frozen=True):
    """A good file. Paths are absolute."""

    path: str
    server: str
    key_file: str
    ca_file: str
    role: str
    name: str
    place: Place
    check: Check | None
    drain: Drain
    configuration: Configured | None = None


def load_agent(path: str) -> AgentFile | Rejected:
    """Read a file. Never raises for what the file is or holds."""
    text = read_file(path)
    if isinstance(text, Rejected):
        return text
    source = read_source(text, path)
    if not isinstance(source, Source):
        return Rejected(path=path, text=text, problems=source)
    notes = Notes(source)
    found = _read(Table(notes, (), source.document), path)
    return Rejected(path=path, text=text, problems=notes.problems) if has_errors(notes.problems) else found


def _read(root: Table, path: str) -> AgentFile:
    here = FilePath(path).absolute().parent
    if root.integer("format", 1, least=0, most=2**31) != 1:
        root.notes.value(root.at("format"), "this holdfast reads format 1", "write format = 1")
    server = root.text("server", None, wanted='the lease service, such as "http://127.0.0.1:9640"')
    if server and not _is_address(server):
        root.notes.value(
            root.at("server"), f"`{server}` is no address of HTTP", '"http://host:port" or "https://..."'
        )
    key_file = root.text("key_file", None, wanted="file with the lease service's key")
    ca_file = root.text("ca_file", "")
    target = root.table("target")
    if target is None:
        root.notes.key((), "no [target]", "add [target] with role, name, ipv4 or ipv6, and port")
        target = Table(Notes(root.notes.source), ("target",), {})  # its own faults would only repeat that
    role, name, place = _target(target)
    ready, drain, configuration = root.table("ready"), root.table("drain"), root.table("configuration")
    found = AgentFile(
        path=path,
        server=server.rstrip("/"),
        key_file=placed(here, key_file),
        ca_file=placed(here, ca_file),
        role=role,
        name=name,
        place=place,
        check=None if ready is None else read_check(ready),
        drain=Drain() if drain is None else _drain(drain),
        configuration=None if configuration is None else _configuration(configuration, here),
    )
    root.close()
    return found


def _is_address(url: str) -> bool:
    """Whether it leads to a service by HTTP."""
    try:
        found = urlsplit(url)
        return found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        return False


def _target(table: Table) -> tuple[str, str, Place]:
    words = {}
    for key in ("role", "name"):
        words[key] = table.text(key, None, wanted=f"the lease's {key}")
        if words[key] and bad_word(words[key]):
            table.notes.value(table.at(key), bad_word(words[key]), 'such as "api"')
    addresses: dict[str, str | None] = {}
    for key, version in (("ipv4", 4), ("ipv6", 6)):
        written = table.text(key, "")
        addresses[key] = names.address(written, version)
        if written and addresses[key] is None:
            table.notes.value(table.at(key), f"`{written}` is no IPv{version} address", "where clients reach it")
    if not table.has("ipv4") and not table.has("ipv6"):
        table.notes.key(table.path, "a target without an address", "add ipv4 or ipv6, or both")
    if not table.has("port"):
        table.notes.key(table.path, "`port` is missing", "add the port that it serves on")
    label = table.text("label", "default")
    if bad_word(label):
        table.notes.value(table.at("label"), bad_word(label), 'a zone or region, such as "berlin"')
    place = Place(
        port=table.integer("port", 1, least=1, most=65535),
        a=addresses["ipv4"],
        aaaa=addresses["ipv6"],
        label=label,
        weight=table.integer("weight", 100, least=0, most=65535),
    )
    table.close()
    return words["role"], words["name"], place


def _configuration(table: Table, here: FilePath) -> Configured:
    directory = table.text("directory", None, wanted='where releases go, such as "/var/lib/lb"')
    group = table.text("group", "")
    if group and bad_word(group):
        table.notes.value(table.at("group"), bad_word(group), 'a zone or tenant, such as "zone-a"')
    found = Configured(
        directory=str(here / directory),
        group=group,
        validate=table.text("validate", ""),
        reload=table.text("reload", ""),
    )
    table.close()
    return found


def _drain(table: Table) -> Drain:
    written = table.texts("names")
    found = tuple(name for text in written if (name := names.domain(text)) is not None)
    if len(found) != len(written):
        table.notes.value(table.at("names"), "one of these is no DNS name", "the names that the target serves")
    dns = table.text("dns", "")
    host, _ = names.split_endpoint(dns)
    if dns and (names.endpoint(dns, 53) is None or not (names.address(host, 4) or names.address(host, 6))):
        table.notes.value(table.at("dns"), f"`{dns}` is no address and port", 'such as "192.0.2.53:53"')
    if bool(found) != bool(dns):
        table.notes.key(table.path, "drain needs both names and dns", "to ask whether the names still lead here")
    drain = Drain(
        names=found,
        dns=names.endpoint(dns, 53) or "",
        linger_s=table.duration_s("linger", LINGER_S),
        at_most_s=table.duration_s("at_most", AT_MOST_S),
    )
    table.close()
    return drain
