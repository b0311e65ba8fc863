"""Names as Route 53 writes and sorts them.

It writes every character but a-z, 0-9, `-`, `_` and `.` as `\\ooo` (a wildcard is `\\052`), and lists a zone by
names with their labels reversed and a final dot (`com.example.www.`), in ASCII order.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def from_api(name: str) -> str:
    """A name of the API in the form of `model.records`."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), name).removesuffix(".").lower()


def to_api(name: str) -> str:
    """The inverse, with the final dot."""
    return "".join(c if c in _PLAIN else f"\\{ord(c):03o}" for c in name) + "."


def position(name: str) -> str:
    """Sort key: where a name stands in a list."""
    return ".".join(reversed(name.split("."))) + "."
