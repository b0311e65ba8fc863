"""The embedded server's settings follow the configuration."""

from __future__ import annotations

from holdfast.config.loading import read_text
from holdfast.config.settings import Loaded
from holdfast.service.nameserver import DATA_DIRECTORY, server_settings

TEXT = """
scope = "s"
[service]
dns_listen = "127.0.0.1:5399"
[[zone]]
name = "s.test"
provider = "embedded"
[[endpoint]]
name = "a.s.test"
[[endpoint.target]]
name = "one"
ipv4 = "127.0.0.1"
port = 80
"""


def _loaded(text: str) -> Loaded:
    loaded = read_text(text, "s.toml")
    assert isinstance(loaded, Loaded)
    return loaded


def test_each_embedded_zone_is_served_with_its_key() -> None:
    """The zone, its address and its generated key reach the server; data lie outside the store's file (R15)."""
    loaded = _loaded(TEXT)
    settings = server_settings(loaded.configuration, loaded.service)
    assert settings is not None
    assert settings.listen == (("127.0.0.1", 5399),)
    assert [z.name for z in settings.zones] == ["s.test"]
    assert settings.zones[0].keys == ("holdfast-s",)
    assert [k.name for k in settings.keys] == ["holdfast-s"]
    assert settings.data_directory.name == DATA_DIRECTORY
    assert str(settings.data_directory) != loaded.service.store.path


def test_without_embedded_zones_there_is_no_server() -> None:
    """A scope on other people's servers starts no name server."""
    text = TEXT.replace(
        'provider = "embedded"', 'provider = "bind"\nserver = "127.0.0.1:53"\nkey_name = "k"\nkey_env = "K"'
    )
    loaded = _loaded(text)
    assert server_settings(loaded.configuration, loaded.service) is None
