"""The door of an HTTP service: who shows which token. Tokens are read again when their file changes.

A file that was spoiled while the service runs changes nothing until it is mended: refusing everybody would turn a
slip of an editor into an outage of every lease. It is said loudly instead. At start it is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from holdfast.access.private_file import NotPrivate, read_private
from holdfast.access.tokens import KEY_ID, BadTokens, Token, find, parse_tokens, the_key

WHO = "send a token as `Authorization: Bearer <token>`"


class CannotGuard(ValueError):
    """No tokens can be had; the text says why and what to do."""


class Gate:
    """Tokens of a file, a key that may do everything, or both. One of them at least.

    `told(good, text)` hears of each change of the file: whether it is in force, and what is to be said.
    """

    def __init__(
        self, *, key: str = "", file: Path | None = None, told: Callable[[bool, str], None] | None = None
    ) -> None:
        """Read the tokens.

        Raises:
            CannotGuard: there is nothing to check callers by, or the file can't be read as it is.
        """
        if not key and file is None:
            raise CannotGuard("no key and no file of tokens: nobody could ever call")
        self._key, self._file, self._told = key, file, told
        self._seen = self._stamp()
        try:
            self._tokens = self._read()
        except (NotPrivate, BadTokens) as error:
            raise CannotGuard(f"tokens in {file}: {error}") from error

    def caller(self, authorization: str) -> Token | None:
        """Who shows this header; None if nobody that we know."""
        scheme, _, shown = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        self._look()
        return find(self._tokens, shown.strip())

    def _look(self) -> None:
        now = self._stamp()
        if now == self._seen:
            return
        self._seen = now
        try:
            self._tokens = self._read()
        except (NotPrivate, BadTokens) as error:
            self._tell(
                False, f"tokens in {self._file}: {error}; those read before stay in force until it is mended"
            )
            return
        self._tell(True, f"tokens in {self._file}: {len(self._tokens) - bool(self._key)} are in force now")

    def _read(self) -> dict[str, Token]:
        found = {KEY_ID: the_key(self._key)} if self._key else {}
        if self._file is not None:
            found |= {token.id: token for token in parse_tokens(read_private(self._file))}
        return found

    def _stamp(self) -> tuple[int, int, int, int] | None:
        """What changes with the file, its mode included."""
        if self._file is None:
            return None
        try:
            found = os.stat(self._file)  # noqa: PTH116  one call at every request
        except OSError:
            return (0, 0, 0, 0)
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode

    def _tell(self, good: bool, text: str) -> None:
        if self._told is not None:
            self._told(good, text)
