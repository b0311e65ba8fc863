"""A zone's machine: a process that has holdfast imported, and forks for each role or command of it.

What a fork runs is `holdfast.cli.main` with its arguments: the program that ships, in a process of its own that
can be killed and stopped. Only the import is shared, which otherwise costs a second of processor time.
The machine has a clock of its own (zones/clock.c), which moves under running processes.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from servers.process import PYTHON, Missing
from servers.waiting import eventually

PR_SET_PDEATHSIG = 1
COMMAND_S = 60.0
KILLED_S = 60.0
"""KILL can't be refused, but a loaded machine may take its time."""


class Clock:
    """The wall clock of one machine, as seconds beside the true one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(0)

    def set(self, offset_s: int) -> None:
        """From now on, for all that runs there."""
        # In place: the file is mapped.
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o644)
        os.write(descriptor, struct.pack("l", offset_s))
        os.close(descriptor)


def build_clock(directory: Path) -> Path:
    """The library that gives processes the machine's clock.

    Raises:
        Missing: no compiler.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise Missing("gcc is not installed (Debian: apt-get install gcc libc6-dev)")
    library = directory / "clock.so"
    source = Path(__file__).with_name("clock.c")
    done = subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"{compiler} can't build {source.name}: {done.stderr}")
    return library


class Forked:
    """A process of a machine: like `servers.process.Process`."""

    def __init__(self, machine: Machine, pid: int, log: Path) -> None:
        self._machine, self.pid, self.log = machine, pid, log
        self._code: int | None = None

    @property
    def code(self) -> int | None:
        """Its exit code once it has ended."""
        if self._code is None:
            self._code = self._machine.code(self.pid)
        return self._code

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self.code is not None

    def tail(self) -> str:
        """The end of its output."""
        return self.log.read_text(errors="replace")[-2000:]

    def signal(self, number: int) -> None:
        """Signal it."""
        if not self.ended:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """KILL, and collect it."""
        self.signal(signal.SIGKILL)
        eventually(lambda: self.ended, KILLED_S, lambda: f"{self.log.name} outlives KILL")


class Machine:
    """The process that forks. Started inside its zone; a context manager is not needed, `close` ends all."""

    def __init__(self, directory: Path, *, library: Path, clock: Clock) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        self.environment = {"LD_PRELOAD": str(library), "ZONE_CLOCK": str(clock.file)}
        self._directory = directory
        self._lock = threading.Lock()
        self._child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", PYTHON, "-m", "zones.machine"],
            env={**os.environ, **self.environment, "PYTHONPATH": paths},
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._commands = 0

    def start(self, log: str, *arguments: str) -> Forked:
        """A role, or `backend ADDRESS PORT`; its output goes to a log beside the others."""
        path = self._directory / f"{log}.log"
        pid = self._say("start", str(path), *arguments)
        assert pid is not None
        return Forked(self, pid, path)

    def command(self, *arguments: str, within_s: float = COMMAND_S) -> tuple[bool, str]:
        """A command of holdfast: whether it succeeded, and what it said. Killed when the time is over."""
        self._commands += 1
        running = self.start(f"command-{self._commands % 20}-{id(self)}", "fresh", *arguments)
        deadline_s = time.monotonic() + within_s
        while not running.ended:
            if time.monotonic() > deadline_s:
                running.kill()
                return False, f"killed after {within_s:g} s: {' '.join(arguments)}: {running.tail()}"
            time.sleep(0.02)  # a bounded wait for a real process
        return running.code == 0, running.log.read_text(errors="replace")

    def code(self, pid: int) -> int | None:
        """The exit code of a fork, None while it runs."""
        return self._say("code", str(pid))

    def _say(self, *words: str) -> int | None:
        with self._lock:
            assert self._child.stdin is not None
            assert self._child.stdout is not None
            self._child.stdin.write(json.dumps(words) + "\n")
            self._child.stdin.flush()
            answer: int | None = json.loads(self._child.stdout.readline())
            return answer

    def close(self) -> None:
        """KILL it; its forks end with it."""
        self._child.kill()
        self._child.wait(timeout=10)
        for stream in (self._child.stdin, self._child.stdout):
            assert stream is not None
            stream.close()


# The other side: what runs as `python -m zones.machine`.


def main() -> None:
    """Import, then fork as asked."""
    play = _imported()
    ended: dict[int, int] = {}
    for line in sys.stdin:
        word, *rest = json.loads(line)
        if word == "start":
            _collect(ended)
            pid = _fork(Path(rest[0]), rest[1:], play)
            ended.pop(pid, None)  # numbers of processes come again
            print(pid, flush=True)
        else:
            _collect(ended)
            print(json.dumps(ended.get(int(rest[0]))), flush=True)


def _imported() -> Callable[[], None]:
    import gc
    import importlib
    import pkgutil

    for package in ("cli", "service", "stores", "runtime", "enactor", "planner", "health", "killswitch"):
        for found in pkgutil.iter_modules(importlib.import_module(f"holdfast.{package}").__path__):
            importlib.import_module(f"holdfast.{package}.{found.name}")
    for name in ("uvloop", "aiohttp", "holdfast.service.demo.backends"):
        importlib.import_module(name)
    from holdfast.cli.main import main as play

    assert threading.active_count() == 1, "a fork of several threads is none"
    gc.freeze()
    return play


def _collect(ended: dict[int, int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        ended[pid] = os.waitstatus_to_exitcode(status)


def _fork(log: Path, arguments: list[str], play: Callable[[], None]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        mode = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if arguments[0] == "fresh" else os.O_APPEND)
        out, nothing = os.open(log, mode, 0o644), os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0), os.dup2(out, 1), os.dup2(out, 2)
        code = _play(arguments, play)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


def _play(arguments: list[str], play: Callable[[], None]) -> int:
    if arguments[0] == "fresh":
        arguments = arguments[1:]
    if arguments[0] == "backend":
        from holdfast.service.demo.backends import serve

        serve(arguments[1], int(arguments[2]))
        return 0
    sys.argv = ["holdfast", *arguments]
    play()
    return 0


if __name__ == "__main__":
    main()
