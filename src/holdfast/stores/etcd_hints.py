"""Hints from etcd: one watch on all of the store, while anybody is subscribed; it also says where the chain ends.

A watch that ended loses hints, so after each new one everybody is woken. One that says nothing for a while is
begun again: its other end may be gone. A member that has lost its leader ends it (`hasleader`), and the next is
asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from typing import Final

import msgspec

from holdfast.stores.etcd_client import EtcdClient, Failed
from holdfast.stores.etcd_layout import Layout, read_revision
from holdfast.stores.etcd_wire import WATCH_LINE, Kv, WatchResult, range_of
from holdfast.stores.hints import HintHub
from holdfast.stores.refusal import Refused

AGAIN_S: Final = (0.2, 5.0)
"""Least pause before the next watch, and the ceiling to which pauses grow; jittered."""
MINE_MAX: Final = 256


class EtcdHints:
    """Turns watch events into hints until it is cancelled."""

    def __init__(self, client: EtcdClient, layout: Layout, hub: HintHub) -> None:
        self._client = client
        self._layout = layout
        self._hub = hub
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets
        self._mine: deque[int] = deque(maxlen=MINE_MAX)
        self.revision = 0
        """The store's revision as last known; 0 for an empty one. If it is behind, a commit fails and says so."""

    def mine(self, revision: int) -> None:
        """A commit of this process, which gives its own hints."""
        self.revision = revision
        self._mine.append(revision)

    async def run(self) -> None:
        """Watch, for ever."""
        pause_s, pause_max_s = AGAIN_S
        while True:
            try:
                await self._watch()
                pause_s = AGAIN_S[0]
            except (Failed, Refused, msgspec.MsgspecError):
                # Whoever asks the store hears of the trouble; hints only come late.
                pause_s = min(pause_max_s, pause_s * 2)
            await asyncio.sleep(self._rng.uniform(0.5, 1.0) * pause_s)

    async def _watch(self) -> None:
        """One watch, until it ends."""
        body = {"create_request": range_of(self._layout.all)}
        async with self._client.stream("/v3/watch", body) as lines:
            async for line in lines:
                result = WATCH_LINE.decode(line).result
                if result is None or result.canceled:
                    return
                if result.created:
                    self._hub.changed_all()
                self._told(result)

    def _told(self, result: WatchResult) -> None:
        kvs = [event.kv for event in result.events]
        mine: set[int] = set()
        for kv in kvs:
            if kv.key == self._layout.revision and self._end(kv) in self._mine:
                mine.add(kv.mod_revision)
        entries = (self._layout.read(kv.key, b"") for kv in kvs if kv.mod_revision not in mine)
        self._hub.changed({entry.key for entry in entries if entry is not None})

    def _end(self, kv: Kv) -> int:
        """The revision that a commit has brought; events come late, so it never lowers what is known."""
        with contextlib.suppress(ValueError):
            _, revision = read_revision(kv.value)
            self.revision = max(self.revision, revision)
            return revision
        return 0
