"""What is no port: clocks, chance, files, sockets, threads, asyncio, and state that one run leaves to the next.

Code under search may use none of them, or its runs can't be repeated. The watch sees the calls by the
interpreter's profiler, so it costs; the kernel keeps it on for the first of an actor's real runs, and later ever
more seldom.
"""

from __future__ import annotations

import asyncio
import datetime
import gc
import linecache
import os
import random
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import types
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from holdfast.lab.canonical import Forms, NotCanonicalError

CLOCK, CHANCE, FILES, NETWORK, TASKS = (
    "ports.clock (Arm, Fired, Idle)",
    "ports.random (NewId)",
    "ports.disk (Load, Stage, Promote)",
    "ports.dns, ports.store or ports.probe",
    "an actor of its own",
)
"""The port that stands in for each."""

CALLS: dict[Any, tuple[str, str]] = {
    time.time: ("time.time", CLOCK),
    time.time_ns: ("time.time_ns", CLOCK),
    time.monotonic: ("time.monotonic", CLOCK),
    time.monotonic_ns: ("time.monotonic_ns", CLOCK),
    time.perf_counter: ("time.perf_counter", CLOCK),
    time.perf_counter_ns: ("time.perf_counter_ns", CLOCK),
    time.sleep: ("time.sleep", CLOCK),
    datetime.datetime.now: ("datetime.now", CLOCK),
    datetime.datetime.utcnow: ("datetime.utcnow", CLOCK),
    os.urandom: ("os.urandom", CHANCE),
    random.random: ("random.random", CHANCE),
    random.getrandbits: ("random (the module's own generator)", CHANCE),
    open: ("open", FILES),
    os.open: ("os.open", FILES),
    os.stat: ("os.stat", FILES),
    os.listdir: ("os.listdir", FILES),
    os.scandir: ("os.scandir", FILES),
    os.getpid: ("os.getpid", CHANCE),
}
"""Functions of C, with the port that stands in for them."""

_CODES: dict[types.CodeType, tuple[str, str]] = {
    socket.socket.__init__.__code__: ("socket.socket", NETWORK),
    subprocess.Popen.__init__.__code__: ("subprocess.Popen", TASKS),
    threading.Thread.start.__code__: ("threading.Thread", TASKS),
    type(os.environ).__getitem__.__code__: ("os.environ", FILES),
}
_ASYNCIO = str(Path(asyncio.__file__).parent) + os.sep
_STDLIB = sysconfig.get_path("stdlib")
_KERNEL = str(Path(__file__).parent / "automaton.py")


class Caught(NamedTuple):
    """A call of something that is no port, the line of the code under test that led to it, and what to ask."""

    what: str
    instead: str
    file: str
    line: int

    def text(self) -> str:
        """In one line."""
        source = linecache.getline(self.file, self.line).strip()
        return f"calls {self.what} at {Path(self.file).name}:{self.line} ({source})"


def named(called: Any) -> tuple[str, str] | None:
    """What a function of C is called here, and the port instead of it; None if it is harmless."""
    try:
        return CALLS.get(called)
    except TypeError:  # a method of something that can't be hashed
        return None


@contextmanager
def profiled(watch: Callable[[types.FrameType, str, Any], None]) -> Iterator[None]:
    """With this profiler in place of the one that was there.

    Without the collector: what others have hung on it (a test framework's clock) would run in the code's name.
    """
    before, collects = sys.getprofile(), gc.isenabled()
    gc.disable()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()


@contextmanager
def watching() -> Iterator[list[Caught]]:
    """What is called meanwhile that is no port: the first call of each line."""
    caught: list[Caught] = []

    def watch(frame: types.FrameType, event: str, called: Any) -> None:
        if event == "c_call":
            found = named(called)
        elif event == "call":
            found = _CODES.get(frame.f_code) or _of_asyncio(frame.f_code)
        else:
            return
        place = None if found is None else _caller(frame)
        if found is not None and place is not None and not any(c[2:] == place for c in caught):
            caught.append(Caught(*found, *place))

    with profiled(watch):
        yield caught


def _of_asyncio(code: types.CodeType) -> tuple[str, str] | None:
    if not code.co_filename.startswith(_ASYNCIO):
        return None
    return f"asyncio.{code.co_qualname}", CLOCK if code.co_name == "sleep" else TASKS


def _caller(frame: types.FrameType | None) -> tuple[str, int] | None:
    """The nearest line that is not the standard library's; None for an import, or when it is the kernel's own."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file == _KERNEL or file.startswith("<frozen importlib") or frame.f_code.co_name == "<module>":
            return None
        if not (file.startswith(_STDLIB) and "site-packages" not in file) and not file.startswith("<"):
            return file, frame.f_lineno
        frame = frame.f_back
    return None


# -- state that one run leaves to the next ------------------------------------------------------------------


def left_behind(start: Callable[[], Coroutine[Any, Any, Any]], results: Sequence[Any]) -> tuple[str, ...]:
    """Names of module variables and closure variables that differ after one more run along these results."""
    held: dict[str, Callable[[], Any]] = {}

    def watch(frame: types.FrameType, event: str, _: Any) -> None:
        if event == "call" and not frame.f_code.co_filename.startswith(_STDLIB):
            held.update(_reached(frame))

    with profiled(watch):
        _run(start, results)
    forms = Forms()
    before = _forms(held, forms)
    _run(start, results)
    after = _forms(held, forms)
    return tuple(sorted(name for name, form in before.items() if after[name] != form))


def _run(start: Callable[[], Coroutine[Any, Any, Any]], results: Sequence[Any]) -> None:
    running = start()
    try:
        running.send(None)
        for result in results:
            running.send(result)
    except Exception:  # it ends or fails: what it did on the way counts
        return
    finally:
        running.close()


def _reached(frame: types.FrameType) -> dict[str, Callable[[], Any]]:
    """Variables outside the frame that its code names."""
    code, outer = frame.f_code, frame.f_globals
    where = Path(code.co_filename).name
    found: dict[str, Callable[[], Any]] = {}
    for name in code.co_names:
        if name in outer and not isinstance(outer[name], types.ModuleType | type | types.FunctionType):
            found[f"the module variable `{name}` ({where})"] = lambda n=name: outer.get(n)  # type: ignore[misc]
    local = frame.f_locals
    for name in code.co_freevars:
        if name in local:
            found[f"the closure variable `{name}` of {code.co_qualname}"] = _value(local[name])
    return found


def _value(held: Any) -> Callable[[], Any]:
    return lambda: held


def _forms(held: dict[str, Callable[[], Any]], forms: Forms) -> dict[str, Any]:
    found = {}
    for name, value in held.items():
        try:
            found[name] = forms.of(value())
        except NotCanonicalError:
            found[name] = None
    return found
