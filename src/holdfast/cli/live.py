"""The live view of `up` in a terminal: what stands above, what happened last below. Plain lines elsewhere."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from holdfast.events.record import Record
    from holdfast.service.scene import Scene
    from holdfast.service.views import Status

REFRESH_S = 1.0
EVENTS_KEPT = 200
NAMES_SHOWN = 20
_LOUD = ("refused", "rejected", "failed", "held", "crashed", "stands_down", "frozen", "damaged", "down", "blocked")


class LiveView:
    """Collects events, asks for the status once a second, and draws. `hint` is shown below the title."""

    def __init__(self, console: Console, hint: str = "") -> None:
        self._console = console
        self._hint = hint
        self._events: deque[Record] = deque(maxlen=EVENTS_KEPT)
        self._status: Status | None = None

    def take(self, record: Record) -> None:
        """An event: shown with the next refresh."""
        self._events.append(record)

    async def run(self, scene: Scene) -> None:
        """Draw until cancelled."""
        from holdfast.service.views import status

        with Live(console=self._console, auto_refresh=False, screen=True) as live:
            while True:
                self._status = await status(scene, most=NAMES_SHOWN)
                live.update(self.render(), refresh=True)
                await asyncio.sleep(REFRESH_S)

    def render(self) -> RenderableType:
        """The whole picture, for the console's present height."""
        parts: list[RenderableType] = []
        used = 1
        if self._status is not None:
            lines = _standing(self._status)
            parts.extend(lines)
            used += len(lines)
        if self._hint:
            parts.append(Text(self._hint, style="dim"))
            used += self._hint.count("\n") + 1
        room = max(3, self._console.height - used - 1)
        parts.append(_happened(list(self._events)[-room:]))
        return Group(*parts)


def _standing(s: Status) -> list[RenderableType]:
    from holdfast.cli.looking import render_status

    lines: list[RenderableType] = []
    for line in render_status(s).splitlines():
        style = "bold" if line.startswith("scope") else ""
        if line.startswith(("!", "held back", "freeze")) or "NOTHING" in line or "FROZEN" in line:
            style = "bold red"
        lines.append(Text(line, style=style, no_wrap=True, overflow="ellipsis"))
    return lines


def _happened(records: list[Record]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1), expand=True)
    for width in (12, 12, 18):
        table.add_column(no_wrap=True, width=width)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for r in records:
        loud = any(word in r.kind for word in _LOUD)
        table.add_row(r.at[11:23], r.actor, r.kind, r.text.splitlines()[0], style="red" if loud else "")
    return table
