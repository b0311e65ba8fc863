"""Progress of long work on standard error: one live line in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.markup import escape

PLAIN_EVERY_S = 10.0


class Progress:
    """Takes what work says of itself; `note` prints a line that stays."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = self._told = time.monotonic()
        self._status = console.status("") if console.is_terminal else None

    def start(self, what: str) -> None:
        """Show that work goes on."""
        self._what = what
        if self._status is not None:
            self._status.update(escape(what))
            self._status.start()

    def stop(self) -> None:
        """No more of it."""
        if self._status is not None:
            self._status.stop()

    def say(self, text: str) -> None:
        """How far it has come."""
        now = time.monotonic()
        line = f"{self._what}: {text}, {now - self._begun:.0f} s"
        if self._status is not None:
            self._status.update(escape(line))
        elif now - self._told >= PLAIN_EVERY_S:
            self._told = now
            click.echo(line, err=True)

    def note(self, text: str) -> None:
        """A line that stays."""
        if self._status is not None:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text, err=True)


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Progress of one piece of work."""
    shown = Progress(Console(stderr=True))
    shown.start(what)
    try:
        yield shown
    finally:
        shown.stop()
