"""`keys`: the pair by which a planner signs plans and enactors know them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, show

if TYPE_CHECKING:
    from types import ModuleType


class Shown(msgspec.Struct, frozen=True):
    """A key, without its secret."""

    id: str
    kind: str
    file: str


@click.group()
def keys() -> None:
    """Keys that sign plans: the private one with planners, the public one with everybody (docs/security.md).

    \b
    Example:
      holdfast keys new planner.key
    """


@keys.command()
@click.argument("file", type=click.Path())
@format_option
def new(file: str, form: str) -> None:
    """Make a pair: the private key in FILE (mode 0600), the public one in FILE.pub. Nothing is replaced.

    \b
    Example:
      holdfast keys new planner.key
    """
    from holdfast.access.new_file import write_new

    secret, public, id_ = _signing().new_key()
    private_path, public_path = Path(file), Path(f"{file}.pub")
    try:
        write_new(private_path, secret)
        write_new(public_path, public, mode=0o644)
    except FileExistsError as error:
        fail(f"{error.filename} is there already; a key is not written over another file", exits.REFUSED)
    except OSError as error:
        fail(f"can't write {error.filename}: {error.strerror}")
    shown = Shown(id_, "private", file)
    lines = f"key {id_}: {file} (for planners: signing_key), {file}.pub (for everybody: plan_keys)"
    show(shown, form, lambda: lines)


@keys.command("show")
@click.argument("file", type=click.Path())
@format_option
def show_(file: str, form: str) -> None:
    """The id of a private or public key, as plans, events and refusals name it. Exit 1 if it can't be used.

    \b
    Example:
      holdfast keys show planner.key.pub
    """
    signing = _signing()
    try:
        if b"PRIVATE KEY" in Path(file).read_bytes()[:4096]:
            shown = Shown(signing.load_signer(Path(file)).key, "private", file)
        else:
            shown = Shown(signing.key_id(signing.load_public(Path(file))), "public", file)
    except (OSError, signing.BadKey) as error:
        fail(str(error))
    show(shown, form, lambda: f"{shown.id}  {shown.kind} key {file}")


def _signing() -> ModuleType:
    try:
        from holdfast.runtime import signing
    except ImportError as error:
        fail(f"this needs {error.name}: pip install 'holdfast[signing]'")
    return signing
