"""What of a call's context may be told: values of plain types, short, and never a secret.

An assumption breaks where nobody looked, and the record goes to logs and dashboards. So an object is told by its
type only (its `repr` may hold anything), and a value whose name sounds like a secret is not told at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

LENGTH_MAX: Final = 200
"""Characters of a text that are told."""
VALUES_MAX: Final = 16
"""Values of one call that are told."""
HIDDEN: Final = "(not told: its name sounds like a secret)"
_SECRET_PARTS = (
    *("password", "passwd", "passphrase", "secret", "token", "credential", "authorization", "authorisation"),
    *("cookie", "session_id", "sessionid", "signature", "private", "api_key", "apikey", "access_key"),
)
_SECRET_ENDS = ("key", "auth", "pin", "dsn", "pass", "pwd")


def tellable(context: Mapping[str, object]) -> dict[str, Scalar]:
    """The context as it may be told."""
    told = {name: _value(name, value) for name, value in list(context.items())[:VALUES_MAX]}
    if len(context) > VALUES_MAX:
        told["and_more"] = len(context) - VALUES_MAX
    return told


def shorten(text: str) -> str:
    """At most `LENGTH_MAX` characters, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LENGTH_MAX else f"{line[: LENGTH_MAX - 1]}…"


def _value(name: str, value: object) -> Scalar:
    if _sounds_secret(name):
        return HIDDEN
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        # An enormous number can't be rendered (sys.set_int_max_str_digits), and no counter is one.
        return int(value) if value.bit_length() <= 256 else f"<int of {value.bit_length()} bits>"
    if isinstance(value, str):
        return shorten(value)
    return f"<{type(value).__qualname__}>"


def _sounds_secret(name: str) -> bool:
    plain = name.lower()
    return any(part in plain for part in _SECRET_PARTS) or plain.rsplit("_", 1)[-1] in _SECRET_ENDS
