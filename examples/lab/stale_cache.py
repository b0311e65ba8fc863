"""A cache that refreshes itself in the background, flawed and mended: ordinary asyncio, no word of the lab."""

from __future__ import annotations

import asyncio


class Database:
    """Stands for the real one: a row with a version, and replies that are on their way for a while."""

    def __init__(self) -> None:
        self.version = 1

    async def read(self) -> int:
        """The version as it was when the question arrived."""
        version = self.version
        await asyncio.sleep(0.001)
        return version

    async def write(self) -> int:
        """A new version, and which."""
        self.version += 1
        version = self.version
        await asyncio.sleep(0.001)
        return version


class Cache:
    """Keeps the last version that it saw: `save` writes through it, `refresh` looks again."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.version = 0

    async def save(self) -> None:
        """Write to the database and to the cache."""
        self.version = await self.database.write()

    async def refresh(self) -> None:
        """The flaw: by the time that the reply is here, `save` may have put something newer in its place."""
        self.version = await self.database.read()


class HastilyMendedCache(Cache):
    """Looks mended, and is not: the left `self.version` is read before the await."""

    async def refresh(self) -> None:
        """Look again, and mean never to go back."""
        self.version = max(self.version, await self.database.read())


class MendedCache(Cache):
    """Compares when the reply is here, with no await between the look and the act; so does `save`."""

    async def save(self) -> None:
        """Write to the database and to the cache."""
        self._keep(await self.database.write())

    async def refresh(self) -> None:
        """Look again, and never go back."""
        self._keep(await self.database.read())

    def _keep(self, version: int) -> None:
        self.version = max(self.version, version)
