"""Credentials of an AWS account: from a file of mode 0600 in the form of AWS's own, or from the environment.

They are read again when the file changes, so that short-lived ones can be renewed under a running service. They
are never in a log, an event or an error: `Credentials` does not print itself.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from holdfast.access.private_file import NotPrivate, read_private
from holdfast.model.configuration import Route53Settings


class NoCredentials(ValueError):
    """They can't be had; the text says where they were looked for and what to do, never what was found."""


class Credentials(msgspec.Struct, frozen=True):
    """An access key; `token` for short-lived ones."""

    key_id: str
    secret: str
    token: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"


class CredentialSource:
    """Where one zone's credentials come from."""

    def __init__(self, settings: Route53Settings, environment: Mapping[str, str] = os.environ) -> None:
        self._file = settings.credentials_file
        self._profile = settings.profile
        self._environment = environment
        self._read: tuple[int, Credentials] | None = None

    def get(self) -> Credentials:
        """The credentials as they are now.

        Raises:
            NoCredentials: there are none, or others can read them.
        """
        if not self._file:
            return self._from_environment()
        try:
            changed_ns = Path(self._file).stat().st_mtime_ns
        except OSError as error:
            raise NoCredentials(f"the credentials file {self._file} can't be read: {error.strerror}") from error
        if self._read is None or self._read[0] != changed_ns:
            self._read = changed_ns, self._from_file()
        return self._read[1]

    def _from_environment(self) -> Credentials:
        found = {name: self._environment.get(name, "") for name in _VARIABLES}
        if not found["AWS_ACCESS_KEY_ID"] or not found["AWS_SECRET_ACCESS_KEY"]:
            raise NoCredentials(
                "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or"
                " write credentials_file in the zone's provider"
            )
        return Credentials(*(found[name] for name in _VARIABLES))

    def _from_file(self) -> Credentials:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(read_private(Path(self._file)))
        except NotPrivate as error:
            raise NoCredentials(str(error)) from error
        except configparser.Error as error:
            # The parser's own text quotes lines, and lines hold secrets.
            where = f" at line {error.lineno}" if isinstance(error, configparser.MissingSectionHeaderError) else ""
            raise NoCredentials(
                f"{self._file} is no credentials file{where}: [{self._profile}] and keys"
            ) from None
        if not parser.has_section(self._profile):
            known = ", ".join(parser.sections()) or "none"
            raise NoCredentials(f"{self._file} has no profile [{self._profile}]; it has: {known}")
        section = parser[self._profile]
        found = [section.get(name.lower(), "").strip() for name in _VARIABLES]
        if not found[0] or not found[1]:
            raise NoCredentials(f"{self._file} [{self._profile}] lacks aws_access_key_id or aws_secret_access_key")
        return Credentials(*found)


_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
