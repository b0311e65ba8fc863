"""Answers `ports.release` on a real directory, with real commands.

DIR/current -> releases/<name>      what daemons read: DIR/current/haproxy.cfg
DIR/releases/<name>/                all files of a generation, and `.holdfast.json`, which says what it is
DIR/loaded                          name of the release that the daemon has taken last

A name is the generation, a tag of host and contents, and a number if that lies there already. Versions before tags
named a release by its generation alone; what they left is read as it is, and gone after the next release.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import hashlib
import itertools
import os
import shutil
from pathlib import Path

import msgspec

from holdfast.config.remembered import write_atomically
from holdfast.model.delivery import Delivery, File, Host, digest_of
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import (
    Command,
    CurrentRelease,
    Differs,
    Discard,
    Loaded,
    Ran,
    Release,
    Run,
    Stage,
    Staged,
    Switch,
)
from holdfast.runtime.driver import Answers
from holdfast.runtime.shell import run_shell

MARK = ".holdfast.json"
LOCK = ".holdfast.lock"
LOADED = "loaded"
GENERATION_DIGITS = 12


class _Mark(msgspec.Struct, frozen=True):
    """What a release says of itself on disk. Defaults are for what older versions wrote."""

    generation: int
    host: Host
    digest: str = ""
    files: tuple[str, ...] | None = None
    """The names that we laid out; None: not said. What a command left beside them is not taken further."""
    before: str | int | None = None
    """Older versions wrote the generation."""


class Releases:
    """One host's release directory. `commands` are run by the shell in the release's directory.

    `{dir}` in them is that directory; of a reload it is `DIR/current`.
    """

    def __init__(self, directory: Path, commands: dict[Command, str], *, command_timeout_s: float = 60.0) -> None:
        self._directory = directory.absolute()  # commands get it, and run elsewhere
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

    def _release(self, name: str) -> Path:
        return self._directory / "releases" / name

    @property
    def _link(self) -> Path:
        return self._directory / "current"

    # -- what is current ---------------------------------------------------------------------------------------

    async def current(self, op: CurrentRelease) -> Release:
        """What `current` says of itself; a link to nothing is no release."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> Release:
        name = self._linked()
        mark = _mark(self._release(name)) if name else None
        if mark is None:
            return Release()
        before = _old_name(mark.before) if isinstance(mark.before, int) else mark.before
        loaded = self._loaded() in (name, str(mark.generation) if name == _old_name(mark.generation) else name)
        return Release(name, mark.generation, mark.host, mark.digest, before, loaded)

    def _linked(self) -> str:
        """Name of the release that `current` leads to."""
        try:
            return self._link.readlink().name
        except OSError:
            return ""

    def _loaded(self) -> str:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return (self._directory / LOADED).read_text(encoding="ascii").strip()
        return ""

    async def loaded(self, op: Loaded) -> CouldNotAsk | None:
        """Remember it; what can't be remembered is done again at the next start."""
        try:
            write = functools.partial(write_atomically, self._directory / LOADED, f"{op.release}\n".encode())
            await asyncio.to_thread(write, mode=0o644)
        except OSError as error:
            return CouldNotAsk(f"{error.filename or self._directory}: {error.strerror}")
        return None

    # -- a release beside it -----------------------------------------------------------------------------------

    async def stage(self, op: Stage) -> Staged | Differs | CouldNotAsk:
        """Write a release under a name of its own; what does not come out whole is removed."""
        try:
            return await asyncio.to_thread(self._stage, op)
        except OSError as error:
            return CouldNotAsk(f"{error.filename or self._directory}: {error.strerror}")

    def _stage(self, op: Stage) -> Staged | Differs:
        target = self._claim(op.delivery, op.host)
        try:
            digest = self._lay_out(op, target)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        if op.delivery.digest in ("", digest):
            return Staged(target.name)
        shutil.rmtree(target, ignore_errors=True)
        if op.delivery.snapshot:
            return Differs(f"{target}: what was written and read again is not what was sent; is the disk sound?")
        return Differs(f"{self._link}: not what the service takes it for; asking for everything")

    def _claim(self, delivery: Delivery, host: Host) -> Path:
        """A directory that nobody else writes to, and that no daemon reads."""
        tag = hashlib.sha256("/".join((host.name, host.role, host.group, delivery.digest)).encode()).hexdigest()
        name = f"{_old_name(delivery.generation)}-{tag[:12]}"
        (self._directory / "releases").mkdir(parents=True, exist_ok=True, mode=0o755)
        for number in itertools.count(1):
            target = self._release(name if number == 1 else f"{name}.{number}")
            with contextlib.suppress(FileExistsError):
                target.mkdir(mode=0o755)
                return target
        raise AssertionError("numbers do not end")

    def _lay_out(self, op: Stage, target: Path) -> str:
        """The files, durable, and last what they are; their digest."""
        base = self._release(self._linked())
        kept = () if op.delivery.snapshot else _laid(base, _mark(base))
        names = {*kept, *(file.name for file in op.delivery.files)} - set(op.delivery.gone)
        for name in sorted(names.intersection(kept)):
            _copy(base / name, target / name)
        for file in op.delivery.files:
            _write(target / file.name, file)
        digest = digest_of(_seen(target, name) for name in names)
        mark = _Mark(op.delivery.generation, op.host, digest, tuple(sorted(names)), self._read().name)
        _write(target / MARK, File(MARK, msgspec.json.encode(mark), 0o644))
        _sync(target)
        return digest

    # -- commands ----------------------------------------------------------------------------------------------

    async def run(self, op: Run) -> Ran | CouldNotAsk:
        """Run a command in the release's directory; one that does not end is killed and has failed."""
        text = self._commands.get(op.command, "")
        where = self._release(op.release)
        if op.command is Command.RELOAD and self._linked() != op.release:
            return CouldNotAsk(f"{self._link}: another process made {self._linked() or 'nothing'} current")
        if not where.is_dir():
            return CouldNotAsk(f"{where}: another process removed it")
        if not text:
            return Ran(True)
        # A reload that comes late must not have the daemon read what was replaced meanwhile.
        named = self._link if op.command is Command.RELOAD else where
        text = text.replace("{dir}", str(named))
        try:
            code, said = await run_shell(text, where, timeout_s=self._timeout_s)
        except TimeoutError:
            return Ran(False, f"{op.command.value}: not ended within {self._timeout_s:g} s: {text}")
        except OSError as error:
            return CouldNotAsk(f"{op.command.value}: can't be started: {error.strerror}")
        return Ran(True, said) if code == 0 else Ran(False, f"{op.command.value}: exit {code}: {said or text}")

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
            current = self._read().name
            if current != op.over:
                now, was = current or "nothing", op.over or "nothing"
                return CouldNotAsk(f"{self._link}: another process made {now} current, it was {was}")
            mark = _mark(self._release(op.release)) if op.release else None
            if op.release and mark is None:
                return CouldNotAsk(f"{self._release(op.release)}: another process removed it")
            if mark is not None and mark.before != op.over and not op.undoes:
                # Another one became current since it was laid out: that is the one to go back to.
                self._remark(op.release, msgspec.structs.replace(mark, before=op.over))
            self._switch(op.release)
            return None

    def _remark(self, release: str, mark: _Mark) -> None:
        write_atomically(self._release(release) / MARK, msgspec.json.encode(mark), mode=0o644)

    def _switch(self, release: str) -> None:
        if not release:
            self._link.unlink(missing_ok=True)
            return
        beside = self._directory / f".current-{os.getpid()}"
        beside.unlink(missing_ok=True)
        beside.symlink_to(self._release(release).relative_to(self._directory))
        beside.rename(self._link)
        _sync(self._directory)

    async def discard(self, op: Discard) -> None:
        """Remove old releases; what can't be removed stays."""
        await asyncio.to_thread(self._discard)

    def _discard(self) -> None:
        current = self._read()
        kept = {current.name or self._linked(), current.before}
        with contextlib.suppress(OSError):
            for release in (self._directory / "releases").iterdir():
                if release.name not in kept:
                    shutil.rmtree(release, ignore_errors=True)


def _old_name(generation: int) -> str:
    """How a release was named before names said for whom it is; empty for none."""
    return f"{generation:0{GENERATION_DIGITS}d}" if generation else ""


def _mark(release: Path) -> _Mark | None:
    try:
        return msgspec.json.decode((release / MARK).read_bytes(), type=_Mark)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _laid(release: Path, mark: _Mark | None) -> tuple[str, ...]:
    """Names of the files to build upon; those that are gone will be missed in the digest."""
    if mark is None:
        return ()
    if mark.files is not None:
        return tuple(name for name in mark.files if (release / name).is_file())
    found = (path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file())
    return tuple(name for name in found if name != MARK)


def _seen(release: Path, name: str) -> tuple[str, int, bytes]:
    """A file as it lies there, for the digest."""
    path = release / name
    return (name, path.stat().st_mode & 0o777, hashlib.sha256(path.read_bytes()).digest())


def _copy(source: Path, target: Path) -> None:
    _write(target, File(target.name, source.read_bytes(), source.stat().st_mode & 0o777))


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
