"""`holdfast deliver` with wrong input: what is wrong, where, and what to do; exit codes; never a traceback."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from holdfast.cli import exits
from holdfast.cli.main import cli
from holdfast.model.delivery import CONTENT_BYTES_MAX, Host, Lag
from holdfast.service.leases.members import lag_text
from servers.ports import free_port
from servers.process import HOST


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key file that nobody else reads."""
    found = tmp_path / "a.key"
    found.write_text("nonsense")
    found.chmod(0o600)
    return found


def deliver(*arguments: str | Path) -> Result:
    """Run it."""
    found = CliRunner().invoke(cli, ["deliver", *map(str, arguments)])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("htp://x", "`htp://x` is no address of HTTP; write http://host:port"),
        ("127.0.0.1:9640", "`127.0.0.1:9640` is no address of HTTP; write http://host:port"),
        ("http://[::1", "`http://[::1` is no address:"),
        ("http://", "is no address of HTTP"),
        ("http://127.0.0.1:99999", "is no address of HTTP"),
    ],
)
def test_an_address_that_is_none_is_told(key: Path, url: str, says: str) -> None:
    """Also where it cannot even be taken apart."""
    found = deliver("status", "--key-file", key, "--url", url)
    assert (found.exit_code, says in found.output) == (exits.FAILED, True), found.output


def test_a_service_that_is_not_there_is_told_with_what_to_start(key: Path) -> None:
    """Nobody listens."""
    found = deliver("status", "--key-file", key, "--url", f"http://{HOST}:{free_port()}")
    assert found.exit_code == exits.FAILED
    assert "does the service run there (`leases serve`, or `up`)?" in found.output


def test_a_ca_file_that_is_none_is_told(key: Path, tmp_path: Path) -> None:
    """Not there, or no certificate in it."""
    service = ("--key-file", key, "--url", f"https://{HOST}:{free_port()}")
    found = deliver("status", *service, "--ca-file", tmp_path / "none")
    assert (found.exit_code, "can't be read: No such file" in found.output) == (exits.FAILED, True)
    found = deliver("status", *service, "--ca-file", key)
    assert (found.exit_code, "holds no certificate in PEM" in found.output) == (exits.FAILED, True)


def test_a_file_that_is_too_large_is_not_read_to_its_end(key: Path, tmp_path: Path) -> None:
    """It is refused here, with the bound; so is a generation below 0."""
    large = tmp_path / "large"
    large.write_bytes(b"x" * (CONTENT_BYTES_MAX + 1))
    found = deliver("publish", large, "--to", "all", "--key-file", key)
    assert (found.exit_code, f"larger than {CONTENT_BYTES_MAX} bytes" in found.output) == (exits.USAGE, True)
    found = deliver("publish", key, "--to", "all", "--key-file", key, "--expect", "-1")
    assert "-1 is not in the range x>=0" in found.output


def test_a_directory_that_cannot_be_written_ends_a_follower_at_once(key: Path, tmp_path: Path) -> None:
    """Later it would only be not ready, for ever."""
    found = deliver("follow", "--host", "h", "--dir", key, "--key-file", key)
    assert (found.exit_code, f"--dir {key} can't be written: File exists" in found.output) == (exits.FAILED, True)
    url = ("--url", "http://[::1")
    found = deliver("follow", "--host", "h", "--dir", tmp_path / "d", "--key-file", key, *url)
    assert (found.exit_code, "is no address" in found.output) == (exits.FAILED, True)


def test_the_second_follower_of_a_directory_says_so(key: Path, tmp_path: Path) -> None:
    """It is not kept out: the first may be an old one that stands still."""
    directory = tmp_path / "d"
    directory.mkdir()
    follow = ("follow", "--host", "h", "--dir", directory, "--key-file", key, "--url", "http://[::1")
    assert "another process" not in deliver(*follow).output
    with (directory / ".holdfast.followed").open("a") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        assert f"another process follows {directory} as well" in deliver(*follow).output


@pytest.mark.parametrize("name", ["hôst", "a/b", "", "-x", "a" * 64])
def test_a_host_role_or_group_is_a_word(key: Path, tmp_path: Path, name: str) -> None:
    """No slash, nothing beyond ASCII."""
    for option in ("--host", "--role", "--group") if name else ("--host",):
        words = {"--host": "h", "--role": "r", "--group": "g", option: name}
        given = [text for pair in words.items() for text in pair]
        found = deliver("follow", *given, "--dir", tmp_path, "--key-file", key)
        assert (found.exit_code, "is no host, role or group" in found.output) == (exits.USAGE, True)


def test_a_host_that_lags_is_told_in_one_line_with_its_reason() -> None:
    """Refused, or kept from it by something else; a command's lines are one."""
    refused = Lag(Host("a"), 1, 2, ready=False, waits_s=0.0, refused=2, why="validate: exit 1: no\n good")
    assert lag_text(refused) == "a: has 1, should have 2; refused 2: validate: exit 1: no good"
    full = Lag(Host("b"), 1, 2, ready=False, waits_s=7.0, why="/d: No space left on device")
    assert lag_text(full) == "b: has 1, should have 2; waits for 7 s: /d: No space left on device"
