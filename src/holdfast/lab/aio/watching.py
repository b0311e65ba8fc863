"""What a scenario may say about itself while it runs on the simulated loop."""

from __future__ import annotations

from asyncio import events
from collections.abc import Callable

from holdfast.lab.aio.loop import SimLoop


def watch(name: str, check: Callable[[], str | bool | None]) -> None:
    """From now on, check this after every step of this run: None or True if it holds, else False or how it broke.

    A check that raises is broken too, so it may assert.

    Raises:
        RuntimeError: called outside a search.
    """
    loop = events._get_running_loop()
    if not isinstance(loop, SimLoop):
        here = "no loop runs here" if loop is None else "this loop is a real one"
        raise RuntimeError(f"lab.watch is for code under lab.explore or @pytest.mark.interleavings; {here}")
    loop.watches.append((name, check))
