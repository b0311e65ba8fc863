"""In-process hints: who waits for which prefixes, and waking them. One event loop, no threads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class HintSubscription:
    """Implements `stores.port.Subscription`."""

    def __init__(self, hub: HintHub, prefixes: tuple[str, ...]) -> None:
        self.prefixes = prefixes
        self._hub = hub
        self._pending = asyncio.Event()

    async def wait(self) -> None:
        """Return as soon as a hint is pending, and consume it."""
        await self._pending.wait()
        self._pending.clear()

    def take(self) -> bool:
        """Consume a pending hint; whether there was one."""
        pending = self._pending.is_set()
        self._pending.clear()
        return pending

    def close(self) -> None:
        """No more hints."""
        self._hub.drop(self)

    def wake(self) -> None:
        """Make a hint pending."""
        self._pending.set()


class HintHub:
    """The subscriptions of one store."""

    def __init__(self) -> None:
        self._subscriptions: set[HintSubscription] = set()

    def __bool__(self) -> bool:
        return bool(self._subscriptions)

    def subscribe(self, prefixes: tuple[str, ...]) -> HintSubscription:
        """A new subscription."""
        subscription = HintSubscription(self, prefixes)
        self._subscriptions.add(subscription)
        return subscription

    def drop(self, subscription: HintSubscription) -> None:
        """Forget a subscription."""
        self._subscriptions.discard(subscription)

    def changed(self, keys: Iterable[str]) -> None:
        """Wake whoever waits for a prefix of one of these keys."""
        for key in keys:
            for subscription in self._subscriptions:
                if key.startswith(subscription.prefixes):
                    subscription.wake()

    def changed_all(self) -> None:
        """Wake everyone: something changed, nobody knows what."""
        for subscription in self._subscriptions:
            subscription.wake()
