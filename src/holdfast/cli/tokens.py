"""`tokens`: who may do what at the HTTP services."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click
import msgspec

from holdfast.cli import exits
from holdfast.cli.common import fail, format_option, show


class Listed(msgspec.Struct, frozen=True):
    """A token as the file has it, without its digest."""

    id: str
    grants: tuple[str, ...]


@click.group()
def tokens() -> None:
    """Tokens of callers, each with what it may do. The file keeps only their digests.

    \b
    Example:
      holdfast tokens new host-1 lease:api/host-1 --tokens tokens --out host-1.token
    """


@tokens.command()
@click.argument("id_", metavar="ID")
@click.argument("grants", nargs=-1, required=True, metavar="GRANT...")
@click.option("--tokens", "file", required=True, type=click.Path(), help="The service's file; made if missing.")
@click.option("--out", required=True, type=click.Path(), help="Where the token goes, mode 0600; never replaced.")
def new(id_: str, grants: tuple[str, ...], file: str, out: str) -> None:
    """Make a token: its digest into the service's file, the token itself into a file for its holder.

    GRANT is read, lease, follow, publish, records or operate, with what of it: lease:ROLE/NAME,
    publish:group/NAME, records:DOMAIN. A running service takes the file over at once.

    \b
    Example:
      holdfast tokens new ci publish:role/lb read:config --tokens tokens --out ci.token
    """
    import secrets

    from holdfast.access.grants import BadGrant, parse_grant
    from holdfast.access.private_file import NotPrivate, read_private
    from holdfast.access.tokens import BadTokens, line, parse_tokens
    from holdfast.config.remembered import write_atomically

    path, token = Path(file), f"{id_}.{secrets.token_urlsafe(32)}"
    try:
        before = read_private(path) if path.exists() else ""
        after = before + ("\n" if before and not before.endswith("\n") else "")
        after += line(id_, tuple(parse_grant(grant) for grant in grants), token)
        parse_tokens(after)
    except NotPrivate as error:
        fail(str(error))
    except (BadGrant, BadTokens) as error:
        fail(f"{file}: {error}", exits.USAGE)
    _put(out, token)
    try:
        write_atomically(path, after.encode(), mode=0o600)
    except OSError as error:
        Path(out).unlink(missing_ok=True)
        _cannot_write(file, error)
    click.echo(f"{out}: token of `{id_}` ({', '.join(grants)}); {file} knows it by its digest")


@tokens.command("show")
@click.argument("file", type=click.Path())
@format_option
def show_(file: str, form: str) -> None:
    """The ids of a file and what each may do. Exit 1 if the file can't be used.

    \b
    Example:
      holdfast tokens show tokens
    """
    from holdfast.access.private_file import NotPrivate, read_private
    from holdfast.access.tokens import BadTokens, parse_tokens

    try:
        found = parse_tokens(read_private(Path(file)))
    except NotPrivate as error:
        fail(str(error))
    except BadTokens as error:
        fail(f"{file}: {error}")
    listed = tuple(Listed(token.id, tuple(map(str, token.grants))) for token in found)
    show(listed, form, lambda: "\n".join(f"{one.id:<24} {', '.join(one.grants)}" for one in listed) or "no tokens")


def _put(out: str, token: str) -> None:
    """The token into a new file of its own."""
    from holdfast.access.new_file import write_new

    try:
        write_new(Path(out), f"{token}\n".encode())
    except FileExistsError:
        fail(f"{out} is there already; a token is not written over another file", exits.REFUSED)
    except OSError as error:
        _cannot_write(out, error)


def _cannot_write(path: str, error: OSError) -> NoReturn:
    fail(f"can't write {path}: {error.strerror}")
