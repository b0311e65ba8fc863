"""Hints from PostgreSQL: one connection that listens, while anybody is subscribed.

A lost connection loses hints, so after each new one everybody is woken. A connection that says nothing may be one
whose other end is gone, so it is asked now and then.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final

import asyncpg

from holdfast.stores.hints import HintHub
from holdfast.stores.postgres_faults import TROUBLES
from holdfast.stores.postgres_schema import channel
from holdfast.stores.postgres_session import PostgresSession

ASK_EVERY_S: Final = 15.0
ANSWER_S: Final = 5.0
AGAIN_S: Final = (0.2, 5.0)
"""Least pause before the next attempt to connect, and the ceiling to which pauses grow; jittered."""


class PostgresHints:
    """Turns notifications into hints until it is cancelled."""

    def __init__(self, session: PostgresSession, hub: HintHub) -> None:
        self._session = session
        self._hub = hub
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets

    async def run(self) -> None:
        """Listen, for ever."""
        pause_s, pause_max_s = AGAIN_S
        while True:
            try:
                await self._listen()
                pause_s = AGAIN_S[0]
            except TROUBLES:
                # Whoever asks the store hears of the trouble; hints only come late.
                pause_s = min(pause_max_s, pause_s * 2)
            await asyncio.sleep(self._rng.uniform(0.5, 1.0) * pause_s)

    async def _listen(self) -> None:
        """One connection, until it ends."""
        connection = await self._session.connect()
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(channel(self._session.settings.namespace), self._told)
            self._hub.changed_all()
            while not ended.is_set():
                try:
                    async with asyncio.timeout(ASK_EVERY_S):
                        await ended.wait()
                except TimeoutError:
                    async with asyncio.timeout(ANSWER_S):
                        await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    def _told(self, connection: asyncpg.Connection | Any, pid: int, where: str, keys: object) -> None:
        if pid in self._session.epochs:
            return  # this process's own commit, which has given its hints
        if isinstance(keys, str) and keys:
            self._hub.changed(keys.split("\n"))
        else:
            self._hub.changed_all()
