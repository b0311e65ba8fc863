"""Run with `pytest examples/lab`; `--runxfail` shows what the search finds in the flawed ones."""

from __future__ import annotations

import asyncio

import pytest

from stale_cache import Cache, Database, HastilyMendedCache, MendedCache

flawed = pytest.mark.xfail(strict=True, reason="the flaw that the search finds")


async def refresh_beside_save(kind: type[Cache]) -> None:
    """While the cache refreshes itself, somebody saves through it."""
    database = Database()
    cache = kind(database)
    await asyncio.gather(cache.refresh(), cache.save())
    assert cache.version == database.version


async def test_as_everybody_tests_it() -> None:
    """asyncio's own order alone passes, also on the flawed cache."""
    await refresh_beside_save(Cache)


@flawed
@pytest.mark.interleavings
async def test_cache() -> None:
    """The reply of the refresh comes last and is older."""
    await refresh_beside_save(Cache)


@flawed
@pytest.mark.interleavings
async def test_hastily_mended() -> None:
    """`max(self.version, await ...)` reads before it awaits."""
    await refresh_beside_save(HastilyMendedCache)


@pytest.mark.interleavings
async def test_mended() -> None:
    """Every order of the two is run."""
    await refresh_beside_save(MendedCache)


@pytest.mark.interleavings(schedules=1000, seconds=60)
async def test_mended_under_load() -> None:
    """Too many orders to run them all: a sample, which proves nothing."""
    database = Database()
    cache = MendedCache(database)
    await asyncio.gather(*(cache.refresh() for _ in range(4)), *(cache.save() for _ in range(4)))
    assert cache.version == database.version
