"""Answers `ports.release` on a real directory, with real commands.

DIR/current -> releases/<generation>      what daemons read: DIR/current/haproxy.cfg
DIR/releases/<generation>/                all files of a generation, and `.holdfast.json`, which says what it is
DIR/loaded                                the generation that the daemon has taken last
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import os
import shutil
from pathlib import Path

import msgspec

from holdfast.config.remembered import write_atomically
from holdfast.model.delivery import File
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import Command, CurrentRelease, Discard, Loaded, Ran, Release, Run, Stage, Switch
from holdfast.runtime.driver import Answers

MARK = ".holdfast.json"
LOCK = ".holdfast.lock"
LOADED = "loaded"
OUTPUT_CHARACTERS_MAX = 2000
GENERATION_DIGITS = 12


class Releases:
    """One host's release directory. `commands` are run by the shell, with `{dir}` as the release's directory."""

    def __init__(self, directory: Path, commands: dict[Command, str], *, command_timeout_s: float = 60.0) -> None:
        self._directory = directory
        self._commands = commands
        self._timeout_s = command_timeout_s

    def register(self, answers: Answers) -> None:
        """Answer the operations of an actor."""
        answers.register(CurrentRelease, self.current)
        answers.register(Stage, self.stage)
        answers.register(Run, self.run)
        answers.register(Switch, self.switch)
        answers.register(Loaded, self.loaded)
        answers.register(Discard, self.discard)

    def _release(self, generation: int) -> Path:
        return self._directory / "releases" / f"{generation:0{GENERATION_DIGITS}d}"

    @property
    def _link(self) -> Path:
        return self._directory / "current"

    async def current(self, op: CurrentRelease) -> Release:
        """What `current` says of itself; a link to nothing is no release."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> Release:
        try:
            found = msgspec.json.decode((self._link / MARK).read_bytes(), type=Release)
        except (OSError, msgspec.DecodeError, RecursionError):
            return Release()
        return msgspec.structs.replace(found, loaded=self._loaded() == str(found.generation))

    def _loaded(self) -> str:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return (self._directory / LOADED).read_text(encoding="ascii").strip()
        return ""

    async def loaded(self, op: Loaded) -> CouldNotAsk | None:
        """Remember it; what can't be remembered is done again at the next start."""
        try:
            write = functools.partial(write_atomically, self._directory / LOADED, f"{op.generation}\n".encode())
            await asyncio.to_thread(write, mode=0o644)
        except OSError as error:
            return CouldNotAsk(f"{error.filename or self._directory}: {error.strerror}")
        return None

    async def stage(self, op: Stage) -> CouldNotAsk | None:
        """Write a release; a half-written one of an earlier try is replaced."""
        try:
            await asyncio.to_thread(self._stage, op)
        except OSError as error:
            return CouldNotAsk(f"{error.filename or self._directory}: {error.strerror}")
        return None

    def _stage(self, op: Stage) -> None:
        target = self._release(op.delivery.generation)
        if self._link.exists() and self._link.resolve() == target.resolve():
            return  # it is current: writing it anew would show a half of it
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True, mode=0o755)
        if not op.delivery.snapshot and self._link.exists():
            shutil.copytree(self._link.resolve(), target, dirs_exist_ok=True, symlinks=True)
        for name in op.delivery.gone:
            (target / name).unlink(missing_ok=True)
        for file in op.delivery.files:
            _write(target / file.name, file)
        mark = msgspec.json.encode(Release(op.delivery.generation, op.host, self._read().generation))
        _write(target / MARK, File(MARK, mark, 0o644))
        _sync(target)

    async def run(self, op: Run) -> Ran:
        """Run a command in the release's directory; one that does not end is killed and has failed."""
        text = self._commands.get(op.command, "")
        if not text or op.generation == 0:
            return Ran(True)
        where = self._release(op.generation)
        process = await asyncio.create_subprocess_shell(
            text.replace("{dir}", str(where)),
            cwd=where,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                output, _ = await process.communicate()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            await process.wait()
            return Ran(False, f"{op.command.value}: not ended within {self._timeout_s:g} s")
        said = output.decode("utf-8", "replace")[-OUTPUT_CHARACTERS_MAX:].strip()
        if process.returncode == 0:
            return Ran(True, said)
        return Ran(False, f"{op.command.value}: exit {process.returncode}: {said}")

    async def switch(self, op: Switch) -> CouldNotAsk | None:
        """Replace the link by another, in one rename; another process that is about it is not waited for."""
        try:
            return await asyncio.to_thread(self._switch_alone, op)
        except BlockingIOError:
            return CouldNotAsk(f"{self._directory}: another process switches just now")
        except OSError as error:
            return CouldNotAsk(f"{self._link}: {error.strerror}")

    def _switch_alone(self, op: Switch) -> CouldNotAsk | None:
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            current = self._read().generation
            if current != op.over:
                return CouldNotAsk(f"{self._link}: another process made {current} current, it was {op.over}")
            if op.generation and not (self._release(op.generation) / MARK).is_file():
                return CouldNotAsk(f"{self._release(op.generation)}: another process removed it")
            self._switch(op.generation)
            return None

    def _switch(self, generation: int) -> None:
        if generation == 0:
            self._link.unlink(missing_ok=True)
            return
        beside = self._directory / f".current-{os.getpid()}"
        beside.unlink(missing_ok=True)
        beside.symlink_to(self._release(generation).relative_to(self._directory))
        beside.rename(self._link)
        _sync(self._directory)

    async def discard(self, op: Discard) -> None:
        """Remove old releases; what can't be removed stays."""
        await asyncio.to_thread(self._discard, op.keep)

    def _discard(self, keep: int) -> None:
        kept = {self._release(keep).name, self._link.resolve().name}
        with contextlib.suppress(OSError):
            for release in (self._directory / "releases").iterdir():
                if release.name not in kept:
                    shutil.rmtree(release, ignore_errors=True)


def _write(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # never into a file that another release shares
    with path.open("xb") as out:
        out.write(file.content)
        out.flush()
        os.fsync(out.fileno())
    path.chmod(file.mode)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
