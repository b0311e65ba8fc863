"""What ends a process at its start: something it needs can't be had."""

from __future__ import annotations


class CannotOpen(Exception):
    """Something a process needs can't be had; the text says what, where and what to do."""
