"""`deliver`: configuration documents to hosts."""

from __future__ import annotations

import asyncio
import fcntl
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from holdfast.cli import exits
from holdfast.cli.common import cancel_on_signals, fail, format_option, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.model.delivery import Ask, Result, Standing
    from holdfast.ports.release import Ready

URL_DEFAULT = "http://127.0.0.1:9640"


def service_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--url`, `--key-file`, `--ca-file`: which service, and by which key."""
    for option in (
        click.option("--ca-file", default="", help="Certificates to trust, if the service has its own."),
        click.option(
            "--key-file",
            required=True,
            type=click.Path(),
            help="Token that is shown: state/keys/leases.key, or one made by `tokens new`.",
        ),
        click.option("--url", default=URL_DEFAULT, show_default=True, envvar="HOLDFAST_URL", help="The service."),
    ):
        command = option(command)
    return command


def key_in(path: str) -> str:
    """The token; exits when it can't be read, or others can reach it."""
    from holdfast.access.private_file import NotPrivate, read_token

    try:
        return read_token(Path(path))
    except NotPrivate as error:
        fail(f"the token of the service: {error}")


def asked(url: str, key_file: str, ca_file: str, call: Ask) -> Result:
    """One call; exits when there is no answer."""
    try:
        from holdfast.client.delivery import ask
        from holdfast.client.http import LeaseHttp, NotServed, Rejected
    except ImportError as error:
        fail(f"this needs {error.name}: pip install 'holdfast[leases]'")

    async def one() -> Result:
        async with LeaseHttp(url, key_in(key_file), ca_file=ca_file) as service:
            return await ask(service, call)

    try:
        return asyncio.run(one())
    except Rejected as error:
        fail(f"{url}: {error}")
    except NotServed as error:
        fail(f"{url}: {error}; does the service run there (`leases serve`, or `up`)?")


@click.group()
def deliver() -> None:
    """Configuration documents to hosts: published once, applied by each host as a whole, or refused by it.

    The service is that of the `[leases]` table (`up`, or `leases serve`).

    \b
    Example:
      holdfast deliver publish haproxy.cfg --to role/lb --key-file holdfast-state/keys/leases.key
    """


@deliver.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--to", "selector", required=True, help="all, role/NAME, group/NAME or host/NAME.")
@click.option("--as", "name", default=None, help="File name at the host. Default: that of FILE.")
@click.option("--mode", default="644", show_default=True, help="Permissions at the host, octal.")
@click.option(
    "--expect", type=click.IntRange(0), default=None, help="Refuse unless this generation is replaced; 0: new."
)
@service_options
@format_option
def publish(
    file: str,
    selector: str,
    name: str | None,
    mode: str,
    expect: int | None,
    url: str,
    key_file: str,
    ca_file: str,
    form: str,
) -> None:
    """Publish a file. Exit 3 if somebody else was first, 1 if the service takes nothing now.

    \b
    Example:
      holdfast deliver publish haproxy.cfg --to role/lb --expect 41 --key-file leases.key
    """
    from holdfast.model.delivery import CONTENT_BYTES_MAX, Publish

    try:
        with Path(file).open("rb") as given:
            content = given.read(CONTENT_BYTES_MAX + 1)
        bits = int(mode, 8)
    except OSError as error:
        fail(f"can't read {file}: {error.strerror}")
    except ValueError:
        fail(f"--mode {mode} is no octal number such as 644", exits.USAGE)
    if len(content) > CONTENT_BYTES_MAX:
        fail(f"{file} is larger than {CONTENT_BYTES_MAX} bytes: a document has to fit one write", exits.USAGE)
    call = Publish(selector, Path(file).name if name is None else name, content, bits, expect=expect)
    _written(asked(url, key_file, ca_file, call), form, f"{call.name} for {selector}")


@deliver.command()
@click.argument("name")
@click.option("--from", "selector", required=True, help="all, role/NAME, group/NAME or host/NAME.")
@click.option("--expect", type=click.IntRange(0), help="Refuse unless this generation is the one removed.")
@service_options
@format_option
def remove(name: str, selector: str, expect: int | None, url: str, key_file: str, ca_file: str, form: str) -> None:
    """Remove a document. A more general one of the same name is uncovered by it.

    \b
    Example:
      holdfast deliver remove haproxy.cfg --from host/lb-1 --key-file leases.key
    """
    from holdfast.model.delivery import Publish

    call = Publish(selector, name, deleted=True, expect=expect)
    _written(asked(url, key_file, ca_file, call), form, f"{name} for {selector} removed")


def _written(found: Result, form: str, what: str) -> None:
    from holdfast.model.delivery import Invalid, Published, Superseded, TryLater

    match found:
        case Published():
            show(found, form, lambda: f"generation {found.generation}: {what}")
        case Superseded():
            fail(
                f"{what}: generation {found.generation} is newer than what you expect; look at it first",
                exits.REFUSED,
            )
        case Invalid():
            fail(found.why, exits.USAGE)
        case TryLater():
            fail(f"not now: {found.why}; again in {found.after_s:.0f} s")
        case _:
            fail("an answer to something else came back: is this a holdfast of another version?")


@deliver.command()
@service_options
@format_option
def status(url: str, key_file: str, ca_file: str, form: str) -> None:
    """Which hosts have applied what is desired of them, and which wait, refused, or are silent.

    \b
    Example:
      holdfast deliver status --key-file leases.key
    """
    from holdfast.model.delivery import Standing, Status

    found = asked(url, key_file, ca_file, Status())
    if not isinstance(found, Standing):
        fail(getattr(found, "why", "no status came back"))
    show(found, form, lambda: _standing(found))


def _standing(of: Standing) -> str:
    from holdfast.service.leases.members import lag_text

    ready = sum(lag.ready for lag in of.hosts)
    lines = [f"generation {of.generation}; {ready} of {len(of.hosts)} hosts ready"]
    return "\n".join([*lines, *(lag_text(lag) for lag in of.hosts if not lag.ready)])


@deliver.command()
@click.option("--host", required=True, help="This host's name.")
@click.option("--role", default="", help="Its role.")
@click.option("--group", default="", help="Its zone or tenant.")
@click.option(
    "--dir", "directory", required=True, type=click.Path(), help="Releases go here; DIR/current is the one."
)
@click.option(
    "--validate", default="", help="Command that must succeed on {dir} before a release becomes current."
)
@click.option("--reload", default="", help="Command after it became current; if it fails, the old one comes back.")
@service_options
def follow(
    host: str,
    role: str,
    group: str,
    directory: str,
    validate: str,
    reload: str,
    url: str,
    key_file: str,
    ca_file: str,
) -> None:
    """Keep this host's files at what is published for it, until stopped.

    \b
    Example:
      holdfast deliver follow --host lb-1 --role lb --dir /var/lib/lb --key-file leases.key \\
        --validate 'haproxy -c -f {dir}/haproxy.cfg' --reload 'systemctl reload haproxy'
    """
    from holdfast.model.delivery import Host, Poll, problem

    try:
        from holdfast.client.http import NotServed
        from holdfast.service.delivery.following import Following, follow_configuration
    except ImportError as error:
        fail(f"this needs {error.name}: pip install 'holdfast[leases]'")
    who = Host(host, role, group)
    wrong = problem(Poll(who, 0))
    if wrong:
        fail(wrong, exits.USAGE)
    settings = Following(url, key_in(key_file), who, directory, validate, reload, ca_file)
    followed = _usable(directory)

    async def main() -> None:
        cancel_on_signals()
        try:
            await follow_configuration(settings, _told, _trouble)
        except NotServed as error:
            fail(str(error))
        except asyncio.CancelledError:
            click.echo("holdfast: stopped; the files stay")

    with followed:
        asyncio.run(main())


def _usable(directory: str) -> IO[str]:
    """Exits when nothing can be written there: later it would only be not ready, again and again.

    What comes back says, as long as it is open, that the directory is followed. It keeps nobody out: an old
    process that stands still must not keep its successor from going on.
    """
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
        mark = (Path(directory) / ".holdfast.followed").open("a", encoding="ascii")
    except OSError as error:
        fail(f"--dir {directory} can't be written: {error.strerror}; releases go there, give one of this user's")
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        click.echo(
            f"holdfast: another process follows {directory} as well: with another host, role or service each would"
            " undo what the other does; end one of them",
            err=True,
        )
    return mark


def _told(now: Ready) -> None:
    from holdfast.service.delivery.following import standing_text

    click.echo(f"{'ready' if now.ready else 'not ready'}: {standing_text(now)}")


def _trouble(why: str) -> None:
    click.echo(f"nothing from the service, the files stay: {why}" if why else "the service answers again")
