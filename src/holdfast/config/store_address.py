"""Which store, and how to reach it: `store = "..."` and the keys beside it, read into one value. No I/O.

store.sqlite                                   a file, from the state directory
postgresql://user@host:5432,other/database     hosts in the order in which they are tried; ?schema=, ?host=/socket
etcd://user@a:2379,b:2379,c:2379/prefix        members in the order in which they are tried

TLS is on, with the server's name checked, unless every host is this machine; `store_tls = false` turns it off by
word. A password in the address is refused: addresses are printed, so secrets come from files.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from holdfast.config.paths import placed
from holdfast.config.tables import Table


class StoreKind(enum.Enum):
    """The engines."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    ETCD = "etcd"


class Host(msgspec.Struct, frozen=True):
    """A host name, an address without brackets, or the directory of a Unix socket."""

    name: str
    port: int

    def __str__(self) -> str:
        if self.name.startswith("/"):
            return self.name
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether what is sent there never leaves this machine."""
        if self.name.startswith("/") or self.name == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.name).is_loopback
        except ValueError:
            return False


class StoreSettings(msgspec.Struct, frozen=True):
    """Where the store is. Files are absolute, empty when not given; secrets are only named."""

    kind: StoreKind = StoreKind.SQLITE
    path: str = ""
    """SQLite: the file."""
    hosts: tuple[Host, ...] = ()
    user: str = ""
    database: str = ""
    """PostgreSQL."""
    namespace: str = ""
    """PostgreSQL: the schema. etcd: the prefix of all keys."""
    tls: bool = False
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def __str__(self) -> str:
        """How it is named in messages: never with a secret."""
        if self.kind is StoreKind.SQLITE:
            return self.path
        user = f"{self.user}@" if self.user else ""
        hosts = ",".join(map(str, self.hosts))
        tail = self.database if self.kind is StoreKind.POSTGRESQL else self.namespace
        return f"{self.kind.value}://{user}{hosts}/{tail}"


class BadAddress(ValueError):
    """The address can't be read. `fix` says what would be right."""

    def __init__(self, text: str, fix: str) -> None:
        super().__init__(text)
        self.fix = fix


_PORTS: Final = {StoreKind.POSTGRESQL: 5432, StoreKind.ETCD: 2379}
_SCHEMES: Final = {"postgresql": StoreKind.POSTGRESQL, "postgres": StoreKind.POSTGRESQL, "etcd": StoreKind.ETCD}
_SHAPES: Final = {
    StoreKind.POSTGRESQL: '"postgresql://holdfast@db1.example,db2.example/holdfast"',
    StoreKind.ETCD: '"etcd://a.example,b.example,c.example/holdfast"',
}
NAMESPACE_DEFAULT: Final = "holdfast"
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_FILE_KEYS: Final = ("store_password_file", "store_ca_file", "store_cert_file", "store_key_file")


def parse_address(text: str) -> StoreSettings:
    """An address of a server, without what stands in keys of its own.

    Raises:
        BadAddress: with what would be right.
    """
    split = urlsplit(text)
    kind = _SCHEMES.get(split.scheme)
    if kind is None:
        raise BadAddress(
            f"`{split.scheme}` is no kind of store",
            f"a file name, {_SHAPES[StoreKind.POSTGRESQL]} or {_SHAPES[StoreKind.ETCD]}",
        )
    user, _, where = split.netloc.rpartition("@")
    if ":" in user:
        raise BadAddress(
            "a password stands in the store's address",
            "write it to a file of mode 0600 and name that with store_password_file",
        )
    options = dict(parse_qsl(split.query, keep_blank_values=True))
    socket = options.pop("host", "") if kind is StoreKind.POSTGRESQL else ""
    if socket and (where or not socket.startswith("/")):
        raise BadAddress("?host= is for the directory of a Unix socket alone", _SHAPES[kind])
    hosts = (Host(socket, _PORTS[kind]),) if socket else tuple(_host(h, kind) for h in where.split(","))
    path = unquote(split.path).strip("/")
    schema = options.pop("schema", "") if kind is StoreKind.POSTGRESQL else ""
    if options or split.fragment:
        unknown = ", ".join([*sorted(options), *([f"#{split.fragment}"] if split.fragment else [])])
        raise BadAddress(f"unknown in the store's address: {unknown}", f"such as {_SHAPES[kind]}")
    if kind is StoreKind.POSTGRESQL:
        return _postgresql(hosts, unquote(user), path, schema or NAMESPACE_DEFAULT)
    if path and not _PREFIX.fullmatch(path):
        raise BadAddress(f"`{path}` is no prefix of keys", f"letters, digits, dash, dot, /: {_SHAPES[kind]}")
    return StoreSettings(kind=kind, hosts=hosts, user=unquote(user), namespace=path or NAMESPACE_DEFAULT)


def _postgresql(hosts: tuple[Host, ...], user: str, database: str, schema: str) -> StoreSettings:
    if not database or "/" in database:
        raise BadAddress("the store's address names no database", f"such as {_SHAPES[StoreKind.POSTGRESQL]}")
    if not _SCHEMA.fullmatch(schema):
        raise BadAddress(f"`{schema}` is no schema's name", "1 to 40 of a-z, 0-9 and underscore, no digit first")
    return StoreSettings(kind=StoreKind.POSTGRESQL, hosts=hosts, user=user, database=database, namespace=schema)


def _host(text: str, kind: StoreKind) -> Host:
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?", text)
    port = int(found[3] or _PORTS[kind]) if found else 0
    if found is None or not 1 <= port <= 65535:
        raise BadAddress(f"`{text}` is no host and port", f"such as {_SHAPES[kind]}")
    return Host(name=found[1] or found[2], port=port)


def read_store(table: Table, *, state: str, here: str) -> StoreSettings:
    """`store` and its keys, from the `[service]` table. `state` and `here` are absolute directories."""
    written = table.text("store", "store.sqlite")
    files = {key: placed(here, table.text(key, "")) for key in _FILE_KEYS}
    tls_given = table.has("store_tls")
    tls = table.boolean("store_tls", True)
    if "://" not in written:
        _refuse_keys(table, [*(key for key in _FILE_KEYS if table.has(key)), *(["store_tls"] * tls_given)])
        return StoreSettings(path=placed(state, written))
    try:
        address = parse_address(written)
    except BadAddress as error:
        table.notes.value(table.at("store"), str(error), error.fix)
        return StoreSettings()
    tls = tls if tls_given else bool(files["store_ca_file"]) or not all(h.local for h in address.hosts)
    _check_pairs(table, address, files, tls=tls)
    return msgspec.structs.replace(
        address,
        tls=tls,
        password_file=files["store_password_file"],
        ca_file=files["store_ca_file"],
        cert_file=files["store_cert_file"],
        key_file=files["store_key_file"],
    )


def _refuse_keys(table: Table, given: list[str]) -> None:
    for key in given:
        fix = "take it out, or name a server: " + _SHAPES[StoreKind.POSTGRESQL]
        table.notes.key(table.at(key), f"`{key}` is for a store on a server, and this one is a file", fix)


def _check_pairs(table: Table, address: StoreSettings, files: dict[str, str], *, tls: bool) -> None:
    if bool(files["store_cert_file"]) != bool(files["store_key_file"]):
        given = "store_cert_file" if files["store_cert_file"] else "store_key_file"
        other = "store_key_file" if files["store_cert_file"] else "store_cert_file"
        table.notes.key(table.at(given), f"`{given}` without `{other}`", "a client's certificate needs both")
    elif not tls and (files["store_ca_file"] or files["store_cert_file"]):
        given = "store_ca_file" if files["store_ca_file"] else "store_cert_file"
        table.notes.key(table.at(given), f"`{given}` has no use without TLS", "store_tls = true, or take it out")
    if address.kind is StoreKind.ETCD and address.user and not files["store_password_file"]:
        fix = "name a file of mode 0600 with store_password_file, or take the user out"
        table.notes.value(table.at("store"), f"user {address.user} has no password", fix)
    if address.kind is StoreKind.ETCD and files["store_password_file"] and not address.user:
        fix = f"etcd://USER@{','.join(map(str, address.hosts))}"
        table.notes.key(table.at("store_password_file"), "a password without a user in the address", fix)
