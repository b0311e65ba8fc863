"""Tokens of callers: what a grant covers, what a file of tokens may be, and who is let in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from holdfast.access.gate import CannotGuard, Gate
from holdfast.access.grants import BadGrant, Grant, Role, covers, follows, parse_grant
from holdfast.access.private_file import NotPrivate, read_private, read_token
from holdfast.access.tokens import BadTokens, digest, line, parse_tokens
from holdfast.cli.main import cli

SECRET = "host-1.0123456789abcdefghijklmnopqrstuvwxyz"


def grants(*texts: str) -> tuple[Grant, ...]:
    """Grants as written."""
    return tuple(map(parse_grant, texts))


def tokens_file(directory: Path, text: str, mode: int = 0o600) -> Path:
    """A file of tokens."""
    path = directory / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return path


COVERED = (
    ("lease", Role.LEASE, "api/host-1", True),
    ("lease:api", Role.LEASE, "api/host-1", True),
    ("lease:api", Role.LEASE, "api2/host-1", False),
    ("lease:api/host-1", Role.LEASE, "api/host-1", True),
    ("lease:api/host-1", Role.LEASE, "api/host-11", False),
    ("lease:api/host-1", Role.LEASE, "api", False),
    ("lease:api/host-1", Role.LEASE, "", False),
    ("lease", Role.READ, "api", False),
    ("read", Role.LEASE, "api/host-1", False),
    ("publish:role/lb", Role.PUBLISH, "all", False),
    ("publish:group/a", Role.PUBLISH, "group/a", True),
    ("records:shop.example", Role.RECORDS, "shop.example", True),
    ("records:shop.example", Role.RECORDS, "www.shop.example", True),
    ("records:shop.example", Role.RECORDS, "notshop.example", False),
    ("records:shop.example", Role.RECORDS, "example", False),
    ("operate", Role.RECORDS, "anything", True),
    ("operate", Role.LEASE, "", True),
)


@pytest.mark.parametrize(("text", "role", "subject", "allowed"), COVERED)
def test_what_a_grant_covers(text: str, role: Role, subject: str, allowed: bool) -> None:
    """A grant covers its own role, its subject and what lies below it, and nothing beside it."""
    assert covers(grants(text), role, subject) is allowed


def test_a_host_follows_what_it_is_and_a_lease_is_enough_for_host_and_role() -> None:
    """Each selector that a host names has to be covered: nobody reads another group's documents by claiming it."""
    held = grants("lease:api/host-1", "follow:group/a")
    assert follows(held, name="host-1", role="api", group="a") == ""
    assert follows(held, name="host-1", role="api", group="b") == "group/b"
    assert follows(held, name="host-2", role="api", group="a") == "host/host-2"
    assert follows(held, name="host-1", role="db", group="") == "host/host-1"
    assert follows(grants("follow"), name="x", role="y", group="z") == ""


@pytest.mark.parametrize("text", ["", "admin", "lease:", "lease:a/b/c", "lease:a b", "operate:all", "read:../x"])
def test_what_is_no_grant_is_refused_with_what_would_be_one(text: str) -> None:
    """Unknown roles and odd subjects are errors, never grants of nothing or of all."""
    with pytest.raises(BadGrant, match=r"one of|such as|without a subject"):
        parse_grant(text)


@given(st.text(max_size=200))
def test_a_file_of_anything_is_tokens_or_an_error_with_its_line(text: str) -> None:
    """No text makes the reader fail otherwise, and what it reads has grants."""
    try:
        found = parse_tokens(text)
    except BadTokens as error:
        assert str(error).startswith("line ")  # noqa: PT017  either outcome is right
    else:
        assert all(token.grants for token in found)


def test_a_caller_is_known_by_its_whole_token(tmp_path: Path) -> None:
    """The right token is let in with its grants; another end, another id, another scheme or nothing is not."""
    file = tokens_file(tmp_path, "# hosts\n" + line("host-1", grants("lease:api/host-1"), SECRET))
    gate = Gate(file=file)
    caller = gate.caller(f"Bearer {SECRET}")
    assert caller is not None
    assert caller.id == "host-1"
    assert caller.refusal(Role.LEASE, "api/host-1") == ""
    assert "has lease:api/host-1, and this needs publish:all" in caller.refusal(Role.PUBLISH, "all")
    for shown in (f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}", "Bearer host-1.", "Bearer ", "", f"Basic {SECRET}",
                  "Bearer other.0123456789abcdefghijklmnopqrstuvwxyz", "Bearer " + digest(SECRET)):  # fmt: skip
        assert gate.caller(shown) is None
    assert SECRET not in file.read_text()


def test_the_key_of_a_service_may_do_everything_beside_tokens(tmp_path: Path) -> None:
    """A key file's key and tokens work side by side; the key is found by no id, also if it has a dot in it."""
    file = tokens_file(tmp_path, line("host-1", grants("lease:api/host-1"), SECRET))
    gate = Gate(key="a.key", file=file)
    key = gate.caller("Bearer a.key")
    assert key is not None
    assert key.may(Role.OPERATE)
    assert gate.caller("Bearer a.keys") is None
    with pytest.raises(CannotGuard, match="nobody could ever call"):
        Gate()


def test_tokens_are_rotated_while_the_service_runs_and_a_spoiled_file_changes_nothing(tmp_path: Path) -> None:
    """A new line is in force at the next call, a removed one is not; a file open to others changes nothing."""
    old, new = "a.0000000000000000000000", "b.1111111111111111111111"
    told: list[tuple[bool, str]] = []
    file = tokens_file(tmp_path, line("a", grants("read"), old))
    gate = Gate(file=file, told=lambda good, text: told.append((good, text)))
    file.write_text(line("a", grants("read"), old) + line("b", grants("read"), new))
    assert gate.caller(f"Bearer {new}") is not None
    assert gate.caller(f"Bearer {old}") is not None
    file.write_text(line("b", grants("read"), new))
    assert gate.caller(f"Bearer {old}") is None
    file.chmod(0o644)
    assert gate.caller(f"Bearer {new}") is not None
    assert gate.caller(f"Bearer {old}") is None
    assert [good for good, _ in told] == [True, True, False]
    assert "chmod 600" in told[-1][1]
    assert not any(new in text or digest(new) in text for _, text in told)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601])
def test_a_secret_that_others_reach_is_refused_with_how_to_mend_it(tmp_path: Path, mode: int) -> None:
    """Any bit for group or others; the text names the file and the command, and nothing of what is in it."""
    path = tokens_file(tmp_path, SECRET, mode)
    with pytest.raises(NotPrivate) as refused:
        read_private(path)
    assert str(refused.value) == f"{path} has mode {mode:04o}, others can reach the secret; run: chmod 600 {path}"


def test_what_is_no_secret_is_refused(tmp_path: Path) -> None:
    """A directory, a named pipe, a missing file, bytes that are no text, an empty and a long file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    binary = tokens_file(tmp_path, "")
    binary.write_bytes(b"s3cret\xff\xfe")
    for path, why in (
        (tmp_path, "directory"),
        (pipe, "no file"),
        (tmp_path / "none", "can't read"),
        (binary, "UTF-8"),
    ):
        with pytest.raises(NotPrivate, match=why) as refused:
            read_private(path)
        assert "s3cret" not in str(refused.value)
    for text, why in (("", "is empty"), ("a\nb", "more than one line"), ("x" * 2**20 + "y", "no secret has more")):
        with pytest.raises(NotPrivate, match=why):
            read_token(tokens_file(tmp_path, text))


def test_a_credential_of_systemd_may_show_the_bit_of_its_access_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0440 is allowed below $CREDENTIALS_DIRECTORY alone; for everybody, or to be written, nowhere."""
    path = tokens_file(tmp_path, SECRET, 0o440)
    with pytest.raises(NotPrivate):
        read_private(path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_private(path) == SECRET
    for mode in (0o444, 0o660):
        path.chmod(mode)
        with pytest.raises(NotPrivate):
            read_private(path)


def test_the_commands_make_a_token_that_the_gate_lets_in(tmp_path: Path) -> None:
    """`tokens new` writes both files 0600 and prints no token; `show` lists grants; nothing is ever replaced."""
    file, out = tmp_path / "tokens", tmp_path / "ci.token"
    new = ["tokens", "new", "ci", "publish:role/lb", "read:config", "--tokens", str(file), "--out", str(out)]
    made = CliRunner().invoke(cli, new, catch_exceptions=False)
    assert made.exit_code == 0, made.output
    token = read_token(out)
    caller = Gate(file=file).caller(f"Bearer {token}")
    assert caller is not None
    assert caller.may(Role.PUBLISH, "role/lb")
    assert not caller.may(Role.READ)
    again = CliRunner().invoke(cli, new)
    assert again.exit_code == 64
    assert "stands there twice" in again.output
    listed = CliRunner().invoke(cli, ["tokens", "show", str(file), "--format", "json"])
    assert '"publish:role/lb"' in listed.output
    assert token not in made.output + again.output + listed.output
    other = CliRunner().invoke(cli, ["tokens", "new", "b", "read", "--tokens", str(file), "--out", str(out)])
    assert other.exit_code == 3
    assert len(parse_tokens(file.read_text())) == 1
