"""What stores say when they can't be used at all."""

from __future__ import annotations


class Refused(Exception):
    """The store can't be used as it is; the text says why, and what to do."""
