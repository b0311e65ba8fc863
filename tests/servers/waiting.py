"""The one way to wait for what real processes do: looked at again and again, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LOOK_EVERY_S = 0.05

T = TypeVar("T")


def eventually(found: Callable[[], T | None], within_s: float, what: Callable[[], str]) -> T:
    """The first true thing that is found. `what` says what did not come, and may read logs.

    Raises:
        AssertionError: nothing true within the time.
    """
    deadline_s = time.monotonic() + within_s
    while not (result := found()):
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what()}"
        time.sleep(LOOK_EVERY_S)
    return result
