"""etcd: a cluster of real members, each with its data in a temporary directory, on free ports of 127.0.0.1."""

from __future__ import annotations

import json
import shutil
import signal
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from holdfast.config.store_address import StoreSettings, parse_address
from servers.ports import free_port
from servers.process import HOST, DidNotStart, Process, binary, run
from servers.tls import Tls

PACKAGE = "etcd-server"
CLIENT_PACKAGE = "etcd-client"
PASSWORD = "a password only for tests"


class Member:
    """One member: its ports, its directory, and its process while it runs."""

    def __init__(self, number: int, directory: Path, *, host: str = HOST) -> None:
        self.name = f"m{number}"
        self.host = host
        self.client_port, self.peer_port = free_port(), free_port()
        self.data = directory / self.name
        self.process: Process | None = None

    @property
    def peer(self) -> str:
        """As it stands in `--initial-cluster`."""
        return f"{self.name}=http://{self.host}:{self.peer_port}"


class Etcd:
    """A cluster whose members can be stopped, killed, paused and put back from a snapshot. A context manager."""

    def __init__(
        self, directory: Path, count: int = 3, *, tls: Tls | None = None, places: Sequence[tuple[str, Path]] = ()
    ) -> None:
        """`places` are an address and a directory for each member, where they are not all here."""
        self.directory = directory
        self.tls = tls
        self._program = binary("etcd", PACKAGE)
        homes = places or [(HOST, directory)] * count
        self.members = [Member(number, home, host=host) for number, (host, home) in enumerate(homes)]
        self._cluster = ",".join(member.peer for member in self.members)
        self.password_file = directory / "password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(PASSWORD + "\n")

    def start(self, *members: Member) -> None:
        """Start these members, or all.

        Raises:
            DidNotStart: with the end of a log.
        """
        self.launch(*members)
        self.await_healthy(*members)

    def launch(self, *members: Member) -> None:
        """Start these members, or all, and wait for nothing."""
        for member in members or self.members:
            member.process = Process(self.command(member), self.directory, member.name)

    def command(self, member: Member) -> list[str]:
        """What starts it."""
        scheme = "https" if self.tls else "http"
        client, peer = f"{scheme}://{member.host}:{member.client_port}", f"http://{member.host}:{member.peer_port}"
        secure = []
        if self.tls:
            secure = ["--cert-file", str(self.tls.certificate), "--key-file", str(self.tls.key),
                      "--trusted-ca-file", str(self.tls.ca), "--client-cert-auth"]  # fmt: skip
        return [self._program, "--name", member.name, "--data-dir", str(member.data),
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", self._cluster, "--initial-cluster-state", "new",
                "--logger", "zap", "--log-level", "error", *secure]  # fmt: skip

    def await_healthy(self, *members: Member) -> None:
        """Until each of these members, or all, answers that the cluster has a quorum."""
        for member in members or self.members:
            assert member.process is not None, f"etcd {member.name} was not started"
            member.process.await_ready(
                lambda member=member: self.healthy(member),  # type: ignore[misc]
                f"etcd {member.name}: not healthy",
            )

    def healthy(self, member: Member) -> bool:
        """What a linearizable read says."""
        scheme, context = ("http", None) if self.tls is None else ("https", _client_context(self.tls))
        url = f"{scheme}://{member.host}:{member.client_port}/health"
        try:
            with urllib.request.urlopen(url, timeout=1.0, context=context) as answer:
                return bool(json.load(answer)["health"] == "true")
        except (OSError, urllib.error.URLError, ValueError):
            return False

    def ctl(self, *arguments: object, member: Member | None = None) -> str:
        """etcdctl on one member, or all; its output."""
        to = ",".join(f"{m.host}:{m.client_port}" for m in ([member] if member else self.members))
        secure: list[str] = []
        if self.tls:
            to = ",".join(f"https://{one}" for one in to.split(","))
            secure = [
                "--cacert",
                str(self.tls.ca),
                "--cert",
                str(self.tls.certificate),
                "--key",
                str(self.tls.key),
            ]
        command = [binary("etcdctl", CLIENT_PACKAGE), "--endpoints", to, *secure, *map(str, arguments)]
        return run(command, self.directory, {"ETCDCTL_API": "3"})

    def kill(self, *members: Member) -> None:
        """KILL these members, or all."""
        for member in members or self.members:
            assert member.process is not None
            member.process.kill()

    def pause(self, *members: Member) -> None:
        """Stop these members where they stand: connections stay open and say nothing."""
        for member in members:
            assert member.process is not None
            member.process.signal(signal.SIGSTOP)

    def resume(self, *members: Member) -> None:
        """Go on."""
        for member in members:
            assert member.process is not None
            member.process.signal(signal.SIGCONT)

    def leader(self) -> Member:
        """The member that leads."""
        for member in self.members:
            if member.process is None or member.process.ended:
                continue
            said = self._status(member)
            if said["header"]["member_id"] == said["leader"]:
                return member
        raise DidNotStart("etcd: no member leads")

    def lead(self, member: Member) -> None:
        """Make this member the leader."""
        self.ctl("move-leader", f"{self._status(member)['header']['member_id']:x}", member=self.leader())

    def _status(self, member: Member) -> Any:
        return json.loads(self.ctl("endpoint", "status", "-w", "json", member=member))[0]["Status"]

    def save(self, to: Path) -> None:
        """A snapshot as a backup takes it."""
        to.unlink(missing_ok=True)
        self.ctl("snapshot", "save", to, member=self.members[0])

    def restore(self, snapshot: Path) -> None:
        """Replace the whole cluster by the snapshot, as etcd's documentation says: new data for every member."""
        self.kill()
        self.put_back(snapshot, *self.members)
        self.start()

    def put_back(self, snapshot: Path, *members: Member) -> None:
        """New data from the snapshot for members that do not run."""
        for member in members:
            shutil.rmtree(member.data)
            self.ctl("snapshot", "restore", snapshot, "--name", member.name, "--data-dir", member.data,
                     "--initial-cluster", self._cluster,
                     "--initial-advertise-peer-urls", f"http://{member.host}:{member.peer_port}")  # fmt: skip

    def address(self, *, namespace: str = "holdfast", user: str = "") -> str:
        """As it stands in a configuration."""
        hosts = ",".join(f"{member.host}:{member.client_port}" for member in self.members)
        return f"etcd://{user}{'@' if user else ''}{hosts}/{namespace}"

    def settings(self, *, namespace: str = "holdfast") -> StoreSettings:
        """How a store reaches it."""
        settings = parse_address(self.address(namespace=namespace))
        if self.tls is None:
            return settings
        return msgspec.structs.replace(
            settings,
            tls=True,
            ca_file=str(self.tls.ca),
            cert_file=str(self.tls.certificate),
            key_file=str(self.tls.key),
        )

    def close(self) -> None:
        """End it, for sure, and remove its files."""
        for member in self.members:
            if member.process is not None:
                member.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Etcd:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _client_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca))
    context.load_cert_chain(tls.certificate, tls.key)
    return context


def start_etcd(count: int = 3, *, tls: Tls | None = None) -> Etcd:
    """A cluster with a quorum.

    Raises:
        Missing: etcd or etcdctl is not installed.
    """
    binary("etcd", PACKAGE), binary("etcdctl", CLIENT_PACKAGE)
    directory = Path(tempfile.mkdtemp(prefix="hf-etcd-"))
    made = Etcd(directory, count, tls=tls)
    try:
        made.start()
    except BaseException:
        made.close()
        raise
    return made
