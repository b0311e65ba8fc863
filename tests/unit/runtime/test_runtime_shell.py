"""A user's command: its end, its output, what it leaves behind, and what becomes of it when nobody waits."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.runtime.shell import OUTPUT_BYTES_MAX, run_shell


def runs(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def told(file: Path) -> int:
    """The process id that was written, or 0."""
    text = file.read_text() if file.exists() else ""
    return int(text) if text.endswith("\n") else 0


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(30.0):
        for _ in itertools.count():
            if holds():
                return
            await asyncio.sleep(0.01)


async def test_status_and_the_end_of_the_output(tmp_path: Path) -> None:
    """Both streams, in the directory; of much only the end."""
    assert await run_shell("echo out; echo err >&2; exit 3", tmp_path, timeout_s=30.0) == (3, "out\nerr")
    assert await run_shell("pwd", tmp_path, timeout_s=30.0) == (0, str(tmp_path))
    code, said = await run_shell("head -c 3000000 /dev/zero | tr '\\0' x; echo end", tmp_path, timeout_s=30.0)
    assert (code, len(said), said[-4:]) == (0, OUTPUT_BYTES_MAX - 1, "xend")


async def test_what_runs_on_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    """A daemon that a reload starts keeps its output open: it is neither waited for nor killed."""
    file = tmp_path / "pid"
    assert await run_shell(f"sleep 300 & echo $! > {file}; echo started", tmp_path, timeout_s=30.0) == (
        0,
        "started",
    )
    assert runs(told(file))
    os.kill(told(file), 9)


async def test_who_gives_up_ends_it_and_what_it_started(tmp_path: Path) -> None:
    """No time left, or the follower is stopped: nothing of it runs on."""
    with pytest.raises(TimeoutError):
        await run_shell("sleep 300", tmp_path, timeout_s=0.1)
    file = tmp_path / "pid"
    task = asyncio.create_task(run_shell(f"sleep 300 & echo $! > {file}; wait", tmp_path, timeout_s=300.0))
    await until(lambda: told(file) > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not runs(told(file)))
