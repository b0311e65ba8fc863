"""The store that a file names, opened: the one place that knows all engines. Drivers are loaded when needed."""

from __future__ import annotations

from pathlib import Path

from holdfast.config.store_address import StoreKind, StoreSettings
from holdfast.stores.port import Store
from holdfast.stores.refusal import Refused


def open_store(settings: StoreSettings) -> Store:
    """The store; nothing is asked of it yet.

    Raises:
        Refused: its driver is not installed.
    """
    try:
        if settings.kind is StoreKind.POSTGRESQL:
            from holdfast.stores.postgres import PostgresStore

            return PostgresStore(settings)
        if settings.kind is StoreKind.ETCD:
            from holdfast.stores.etcd import EtcdStore

            return EtcdStore(settings)
    except ModuleNotFoundError as error:
        extra = "postgres" if settings.kind is StoreKind.POSTGRESQL else "etcd"
        raise Refused(
            f"the store {settings} needs {error.name}, which is not installed: pip install 'holdfast[{extra}]'"
        ) from error
    from holdfast.stores.sqlite import SqliteStore

    return SqliteStore(Path(settings.path))
