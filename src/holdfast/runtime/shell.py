"""A user's command: run to its end and no further, with the end of what it printed.

What it leaves running in the background is not waited for, though that holds its output open; such a daemon has to
send its own output elsewhere. Who gives up, or is stopped, ends the command and all that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Final

OUTPUT_BYTES_MAX: Final = 2000
_READ_BYTES: Final = 64 * 1024


async def run_shell(text: str, directory: Path, *, timeout_s: float) -> tuple[int, str]:
    """Exit status and the end of the output.

    Raises:
        TimeoutError: it did not end, and was killed; OSError: it could not be started.
    """
    output = _Output()
    try:
        process = await asyncio.create_subprocess_shell(
            text,
            cwd=directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output.writes,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        output.follow()
        try:
            async with asyncio.timeout(timeout_s):
                code = await process.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        return code, output.end()
    finally:
        output.close()


class _Output:
    """The end of what comes out of a pipe. Nobody who writes is kept waiting."""

    def __init__(self) -> None:
        self._reads, self.writes = os.pipe()
        os.set_blocking(self._reads, False)
        self._tail = b""
        self._loop = asyncio.get_running_loop()

    def follow(self) -> None:
        """The command has its own end of the pipe by now."""
        os.close(self.writes)
        self.writes = -1
        self._loop.add_reader(self._reads, self._read)

    def _read(self) -> bool:
        try:
            found = os.read(self._reads, _READ_BYTES)
        except BlockingIOError:
            return False
        self._tail = (self._tail + found)[-OUTPUT_BYTES_MAX:]
        if not found:
            self._loop.remove_reader(self._reads)
        return bool(found)

    def end(self) -> str:
        """All that was written until now; an endless writer that was left behind is not waited for."""
        for _ in range(OUTPUT_BYTES_MAX):
            if not self._read():
                break
        return self._tail.decode("utf-8", "replace").strip()

    def close(self) -> None:
        self._loop.remove_reader(self._reads)
        os.close(self._reads)
        if self.writes >= 0:
            os.close(self.writes)
