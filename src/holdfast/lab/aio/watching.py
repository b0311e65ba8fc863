"""What a scenario may say about itself while it runs on the simulated loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from holdfast.lab.aio.loop import SimLoop


def watch(name: str, check: Callable[[], str | bool | None]) -> None:
    """From now on, check this after every step of this run: None or True if it holds, else False or how it broke.

    Raises:
        RuntimeError: called outside a search.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimLoop):
        raise RuntimeError(
            "lab.watch is for code under lab.explore or @pytest.mark.interleavings; this loop is a real one"
        )
    loop.watches.append((name, check))
