"""The live view draws what stands and what happened, within the height of the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from holdfast.cli.live import LiveView
from holdfast.events.record import Record


def test_the_newest_events_fit_below_the_rest() -> None:
    """Of many events the newest are shown; nothing overflows the terminal's height."""
    console = Console(file=io.StringIO(), width=100, height=12, force_terminal=True)
    view = LiveView(console, hint="Ctrl-C stops everything.")
    for i in range(50):
        view.take(
            Record(
                at="2026-01-01T00:00:00.000Z",
                process="up",
                kind="plan.created",
                actor="planner",
                text=f"event {i}.",
            )
        )
    with console.capture() as captured:
        console.print(view.render())
    drawn = captured.get()
    assert "event 49." in drawn
    assert "event 10." not in drawn
    assert len(drawn.splitlines()) <= console.height
