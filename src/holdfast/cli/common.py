"""What commands share: which file is meant, how to run a coroutine, how to fail in one clear line."""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import msgspec

from holdfast.cli import exits
from holdfast.config.loading import load
from holdfast.config.problems import render, to_json
from holdfast.config.settings import Loaded, Rejected

T = TypeVar("T")

DEFAULT_FILE = "holdfast.toml"
CURRENT = Path(".holdfast") / "current"
"""Which file `up` last started in this directory: so that `holdfast status` beside it needs no argument."""


def cancel_on_signals() -> None:
    """SIGINT and SIGTERM cancel the task that calls this, the main one of a command that runs until it is told."""
    task = asyncio.current_task()
    assert task is not None, "called from the command's coroutine"
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def file_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config FILE`, for commands that talk about a running scope."""
    return click.option(
        "-c",
        "--config",
        "file",
        envvar="HOLDFAST_CONFIG",
        type=click.Path(),
        help="The file. Default: $HOLDFAST_CONFIG, ./holdfast.toml, or what `up` started here last.",
    )(command)


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--format text|json`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="json is for programs: one document on standard output.",
    )(command)


def reason_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--reason TEXT`, recorded with the word."""
    return click.option("--reason", required=True, help="Why; recorded, and shown to whoever looks later.")(
        command
    )


def load_file(path: str | None) -> Loaded:
    """Read the file that is meant; on errors print all of them and exit with 65."""
    chosen = path or _default()
    loaded = load(chosen)
    if isinstance(loaded, Rejected):
        click.echo(render(loaded.problems, loaded.text), err=True)
        fail(f"{chosen} is refused: {_count(loaded)}", exits.BAD_CONFIGURATION)
    return loaded


def load_checked(path: str, form: str) -> Loaded:
    """As `load_file`, for `check`: warnings are shown too, and JSON if asked."""
    loaded = load(path)
    if form == "json":
        click.echo(to_json(loaded.problems))
    elif loaded.problems:
        click.echo(render(loaded.problems, loaded.text), err=True)
    if isinstance(loaded, Rejected):
        fail(f"{path} is refused: {_count(loaded)}", exits.BAD_CONFIGURATION)
    return loaded


def _count(rejected: Rejected) -> str:
    errors = sum(p.severity.value == "error" for p in rejected.problems)
    return f"{errors} error{'' if errors == 1 else 's'}"


def _default() -> str:
    if Path(DEFAULT_FILE).exists():
        return DEFAULT_FILE
    try:
        return CURRENT.read_text().strip()
    except OSError:
        fail(
            f"which configuration? There is no ./{DEFAULT_FILE} here, and `holdfast up` has not run in this"
            " directory; name it with --config FILE",
            exits.USAGE,
        )


def remember_current(path: str) -> None:
    """Make `path` the default of later commands in this directory; a read-only directory is no reason to fail."""
    try:
        CURRENT.parent.mkdir(exist_ok=True)
        CURRENT.write_text(str(Path(path).absolute()) + "\n")
    except OSError:
        return


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; failures of the outside are one line and exit 1."""
    from holdfast.nameserver.settings import NameserverProblem
    from holdfast.service.scene import CannotOpen
    from holdfast.stores.refusal import Refused

    try:
        return asyncio.run(work)
    except (CannotOpen, NameserverProblem, Refused) as error:
        fail(str(error))


def fail(text: str, code: int = exits.FAILED) -> NoReturn:
    """One line on standard error, and out."""
    click.echo(f"holdfast: {text}", err=True)
    sys.exit(code)


def show(value: object, form: str, text: Callable[[], str]) -> None:
    """Print as JSON or as text."""
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        click.echo(text())


def who() -> str:
    """Who speaks: recorded with every word."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"
