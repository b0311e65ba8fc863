"""The store that a file names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from holdfast.config.store_address import StoreSettings, parse_address
from holdfast.conformance.store_steps import put
from holdfast.stores.opening import open_store
from holdfast.stores.refusal import Refused


async def test_a_file_is_sqlite(tmp_path: Path) -> None:
    """Settings with a path alone."""
    store = open_store(parse_settings(tmp_path))
    await put(store, "k", b"1")
    await store.close()
    assert (tmp_path / "s.db").read_bytes().startswith(b"SQLite format 3")


def parse_settings(directory: Path) -> StoreSettings:
    """A file in the directory."""
    return StoreSettings(path=str(directory / "s.db"))


@pytest.mark.parametrize(
    ("address", "driver", "extra"), [("postgresql://db/x", "asyncpg", "postgres"), ("etcd://a", "aiohttp", "etcd")]
)
def test_a_driver_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, address: str, driver: str, extra: str
) -> None:
    """The light install has no drivers: what is missing is named, with the extra that brings it."""
    for name in [n for n in sys.modules if n.startswith((f"holdfast.stores.{extra}", f"{driver}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(
        Refused, match=rf"needs {driver}, which is not installed: pip install 'holdfast\[{extra}\]'"
    ):
        open_store(parse_address(address))
