"""`store` and the keys beside it: what they mean, and how a wrong one is told with its line."""

from __future__ import annotations

import pytest

from holdfast.config.loading import read_text
from holdfast.config.problems import Problem, render
from holdfast.config.settings import Loaded, Rejected
from holdfast.config.store_address import Host, StoreKind, StoreSettings

FILE = """scope = "shop"
[service]
state = "/var/lib/holdfast"
{lines}
[[zone]]
name = "shop.example"
provider = "embedded"
[[endpoint]]
name = "www.shop.example"
ttl = 5
[[endpoint.target]]
name = "a"
ipv4 = "192.0.2.1"
port = 80
label = "x"
"""
FIRST_LINE = 4


def store(*lines: str) -> StoreSettings:
    """What a file with these lines says of its store."""
    loaded = read_text(FILE.format(lines="\n".join(lines)), "/etc/holdfast/shop.toml")
    assert isinstance(loaded, Loaded), loaded.problems
    return loaded.service.store


def refused(*lines: str) -> tuple[int, str, str, str]:
    """Line, key, text and fix of the one problem with these lines."""
    found = read_text(FILE.format(lines="\n".join(lines)), "/etc/holdfast/shop.toml")
    assert isinstance(found, Rejected)
    (problem,) = (p for p in found.problems if p.severity.value == "error")
    return problem.line, problem.key, problem.text, problem.fix


def test_a_file_counts_from_the_state_directory() -> None:
    """The default, a name and an absolute path."""
    assert store() == StoreSettings(path="/var/lib/holdfast/store.sqlite")
    assert store('store = "other.db"').path == "/var/lib/holdfast/other.db"
    assert store('store = "/srv/other.db"').path == "/srv/other.db"


def test_postgresql() -> None:
    """Hosts in order with their ports, user, database and schema; files count from the file's directory."""
    found = store(
        'store = "postgresql://hold%40fast@db1.example,db2.example:6543,[2001:db8::1]/shop?schema=prod"',
        'store_password_file = "shop.password"',
        'store_ca_file = "/etc/ssl/db.pem"',
    )
    assert found.kind is StoreKind.POSTGRESQL
    assert found.hosts == (Host("db1.example", 5432), Host("db2.example", 6543), Host("2001:db8::1", 5432))
    assert (found.user, found.database, found.namespace) == ("hold@fast", "shop", "prod")
    assert (found.password_file, found.ca_file) == ("/etc/holdfast/shop.password", "/etc/ssl/db.pem")
    assert found.tls
    assert str(found) == "postgresql://hold@fast@db1.example:5432,db2.example:6543,[2001:db8::1]:5432/shop"


def test_a_unix_socket_is_this_machine() -> None:
    """?host= names its directory, and nothing has to be encrypted there."""
    found = store('store = "postgresql:///shop?host=/run/postgresql"')
    assert found.hosts == (Host("/run/postgresql", 5432),)
    assert not found.tls


def test_etcd() -> None:
    """Members in order, and the prefix of all keys."""
    found = store('store = "etcd://a.example,b.example:2479/prod/shop"')
    assert found.kind is StoreKind.ETCD
    assert found.hosts == (Host("a.example", 2379), Host("b.example", 2479))
    assert (found.namespace, found.user, found.tls) == ("prod/shop", "", True)
    assert store('store = "etcd://127.0.0.1"').namespace == "holdfast"


@pytest.mark.parametrize(
    ("lines", "tls"),
    [
        (['store = "etcd://127.0.0.1,[::1],localhost"'], False),
        (['store = "etcd://127.0.0.1,a.example"'], True),
        (['store = "etcd://127.0.0.1"', 'store_ca_file = "ca.pem"'], True),
        (['store = "etcd://127.0.0.1"', "store_tls = true"], True),
        (['store = "etcd://a.example"', "store_tls = false"], False),
    ],
)
def test_tls_unless_it_never_leaves_the_machine(lines: list[str], tls: bool) -> None:
    """On by itself as soon as one host is another machine, or a CA is named; off only by word."""
    assert store(*lines).tls is tls


@pytest.mark.parametrize(
    ("line", "text", "fix"),
    [
        ("mysql://db/x", "`mysql` is no kind of store", "postgresql://"),
        ("postgresql://u:secret@db/x", "a password stands in the store's address", "store_password_file"),
        ("postgresql://db", "names no database", "such as"),
        ("postgresql://db/x?schema=Ä", "is no schema's name", "1 to 40"),
        ("postgresql://db/x?sslmode=disable", "unknown in the store's address: sslmode", "such as"),
        ("postgresql://db:70000/x", "`db:70000` is no host and port", "such as"),
        ("postgresql://db/x?host=/run", "?host= is for the directory of a Unix socket alone", "postgresql://"),
        ("etcd://", "`` is no host and port", "such as"),
        ("etcd://a/b c", "`b c` is no prefix of keys", "letters"),
        ("etcd://root@a", "user root has no password", "store_password_file"),
    ],
)
def test_a_wrong_address_is_told_with_its_line(line: str, text: str, fix: str) -> None:
    """The line of `store`, what is wrong, what would be right; a password that stands there is not repeated."""
    found = refused(f'store = "{line}"')
    assert found[:2] == (FIRST_LINE, "service.store")
    assert text in found[2]
    assert fix in found[3]
    assert "secret" not in found[2] + found[3]


@pytest.mark.parametrize(
    ("lines", "key", "text"),
    [
        (['store = "x.db"', 'store_ca_file = "ca"'], "store_ca_file", "is for a store on a server"),
        (['store = "x.db"', "store_tls = true"], "store_tls", "is for a store on a server"),
        (['store = "etcd://a"', 'store_cert_file = "c"'], "store_cert_file", "without `store_key_file`"),
        (['store = "etcd://a"', 'store_key_file = "k"'], "store_key_file", "without `store_cert_file`"),
        (['store = "etcd://a"', 'store_password_file = "p"'], "store_password_file", "a password without a user"),
    ],
)
def test_keys_that_do_not_go_together(lines: list[str], key: str, text: str) -> None:
    """The line of the key that is too much."""
    found = refused(*lines)
    assert found[:2] == (FIRST_LINE + 1, f"service.{key}")
    assert text in found[2]


def test_a_password_in_the_address_is_not_shown() -> None:
    """The line of the file is shown with stars in its place: this text goes to events and logs."""
    lines = FILE.format(lines='store = "postgresql://me:p@ss:word@db/x" # c').splitlines()
    shown = render((Problem("f", FIRST_LINE, 9, "service.store", "text", "fix"),), "\n".join(lines))
    assert 'store = "postgresql://************@db/x" # c' in shown
    assert "word" not in shown


def test_a_ca_without_tls() -> None:
    """Turned off by word and named all the same: one of the two is a mistake."""
    found = refused('store = "etcd://a"', "store_tls = false", 'store_ca_file = "ca"')
    assert found[:2] == (FIRST_LINE + 2, "service.store_ca_file")
    assert "no use without TLS" in found[2]
