"""What is kept on the machine: what files were applied as, and the embedded server's own key."""

from __future__ import annotations

import stat
from pathlib import Path

from holdfast.config.apply import LastApplied
from holdfast.config.own_keys import KeyNotMade, ensure_keys, local_zones
from holdfast.config.remembered import FILE_NAME, origin_of, recall, remember
from holdfast.config.settings import ServiceSettings
from holdfast.config.store_address import StoreSettings
from holdfast.model.configuration import Configuration, Mode, ProviderKind, ZoneConfig
from holdfast.nameserver.keys import load_key
from holdfast.nameserver.settings import KeySettings

ONE, TWO = LastApplied(1, 3, "d"), LastApplied(0, 9, "e")


def test_remembers_each_file_alone(tmp_path: Path) -> None:
    """Two files in one state directory do not disturb each other; an unknown file has no memory."""
    state, a, b = tmp_path / "state", tmp_path / "a.toml", tmp_path / "b.toml"
    assert recall(state, a) is None
    assert remember(state, a, ONE) == ""
    assert remember(state, b, TWO) == ""
    assert (recall(state, a), recall(state, b)) == (ONE, TWO)
    assert [path.name for path in state.iterdir()] == [FILE_NAME]


def test_garbled_memory_is_no_memory(tmp_path: Path) -> None:
    """A memory that can't be read asks for a word of force later; it never stops anything."""
    (tmp_path / FILE_NAME).write_text("{")
    assert recall(tmp_path, "a.toml") is None
    assert remember(tmp_path, "a.toml", ONE) == ""
    assert recall(tmp_path, "a.toml") == ONE


def test_failing_disk_is_a_warning(tmp_path: Path) -> None:
    """A state directory that can't be made is said, with what follows from it."""
    (tmp_path / "file").write_text("")
    assert "--force" in remember(tmp_path / "file" / "state", "a.toml", ONE)


def test_origin_names_machine_and_file(tmp_path: Path) -> None:
    """The origin in the store tells people where to look."""
    assert origin_of(tmp_path / "x.toml").endswith(f":{tmp_path / 'x.toml'}")


def _zones(*zones: ZoneConfig) -> Configuration:
    return Configuration(scope="s", mode=Mode.ENFORCE, zones=zones, groups=(), endpoints=(), probers=())


def test_key_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    """The embedded server's key is made at first start, readable by nobody else, and kept after that."""
    service = ServiceSettings(state=str(tmp_path / "state"), store=StoreSettings())
    embedded = ZoneConfig(name="z.test", provider=ProviderKind.EMBEDDED, server="127.0.0.1:5335", key_name="own")
    given = ZoneConfig(name="y.test", provider=ProviderKind.EMBEDDED, server="", key_name="k", key_env="K")
    configuration = _zones(embedded, given)
    (path,) = ensure_keys(configuration, service)  # type: ignore[misc]
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    content = Path(path).read_bytes()
    assert ensure_keys(configuration, service) == ()
    assert Path(path).read_bytes() == content
    local = local_zones(configuration, service)
    assert (local[0].key_file, local[1].key_file) == (path, "")
    key = load_key(KeySettings(name="own", algorithm="hmac-sha256", file=path), {})
    assert len(key.secret) == 32


def test_key_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A disk that refuses is a value with the path in it."""
    (tmp_path / "file").write_text("")
    service = ServiceSettings(state=str(tmp_path / "file"), store=StoreSettings())
    zone = ZoneConfig(name="z.test", provider=ProviderKind.EMBEDDED, server="", key_name="own")
    result = ensure_keys(_zones(zone), service)
    assert isinstance(result, KeyNotMade)
    assert str(tmp_path) in result.text
