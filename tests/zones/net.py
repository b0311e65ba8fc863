"""Zones as network namespaces: `10.77.<zone>.0/24` each, and nothing between them but the relay.

    zone 1 --hf0 (TUN)--+
    zone 2 --hf0 (TUN)--+-- relay (zones/relay.py)
    zone 3 --hf0 (TUN)--+

What a thread starts or opens `inside` a zone is there and stays there.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from servers.process import Missing

ZONES = (1, 2, 3)
NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
_libc = ctypes.CDLL(None, use_errno=True)


def address(zone: int, last: int = 1) -> str:
    """An address of a zone; `.1` are its services."""
    return f"10.77.{zone}.{last}"


class Net:
    """Three zones. A context manager: leaving it removes them."""

    def __init__(self, name: str, *, backends: tuple[tuple[int, int], ...]) -> None:
        """`backends` are (zone, last byte) of further addresses.

        Raises:
            Missing: not root, or no namespaces or TUN devices here.
        """
        if os.geteuid() != 0:
            raise Missing("zones as network namespaces need root")
        if shutil.which("ip") is None:
            raise Missing("ip is not installed (Debian: apt-get install iproute2)")
        self._names = {zone: f"hf-{name}-{zone}" for zone in ZONES}
        self.tuns: dict[int, int] = {}
        try:
            for zone in ZONES:
                self._make(zone, [last for z, last in backends if z == zone])
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            raise Missing(f"no network namespaces with TUN devices here: {error}") from error

    def _make(self, zone: int, backends: list[int]) -> None:
        name = self._names[zone]
        _ip("netns", "add", name)
        with self.inside(zone):
            self.tuns[zone] = _tun("hf0")
            _ip("link", "set", "lo", "up")
            _ip("addr", "add", f"{address(zone)}/24", "dev", "hf0")
            _ip("link", "set", "hf0", "up", "mtu", "1400")
            _ip("route", "add", "10.77.0.0/16", "dev", "hf0")
            for last in backends:
                _ip("addr", "add", f"{address(zone, last)}/32", "dev", "lo")

    @contextlib.contextmanager
    def inside(self, zone: int) -> Iterator[None]:
        """This thread is in the zone until the end of the block."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            self.enter(zone)
            yield
        finally:
            _set_namespace(home)
            os.close(home)

    def enter(self, zone: int) -> None:
        """This thread is in the zone for good."""
        there = os.open(NAMESPACES / self._names[zone], os.O_RDONLY)
        try:
            _set_namespace(there)
        finally:
            os.close(there)

    def close(self) -> None:
        """Remove the zones; processes in them are the caller's."""
        for descriptor in self.tuns.values():
            os.close(descriptor)
        self.tuns.clear()
        for name in self._names.values():
            if (NAMESPACES / name).exists():
                subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _set_namespace(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _tun(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def sweep() -> None:
    """Remove the zones and disks of runs that were killed: their names begin with a process that is gone."""
    for place in NAMESPACES.glob("hf-*-*-*"):
        if _gone(place.name.split("-")[1]):
            subprocess.run(["ip", "netns", "del", place.name], check=False, capture_output=True)
    for directory in Path(tempfile.gettempdir()).glob("hf-zones-*-*"):
        if _gone(directory.name.split("-")[2]):
            for disk in directory.glob("zone-*"):
                subprocess.run(["umount", "-l", str(disk)], check=False, capture_output=True)
            shutil.rmtree(directory, ignore_errors=True)


def _gone(pid: str) -> bool:
    return pid.isdigit() and not Path("/proc", pid).exists()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Disk:
    """A small disk of a zone's own: a tmpfs that can be filled to the last byte. A context manager."""

    def __init__(self, directory: Path, *, mib: int) -> None:
        self.path = directory
        directory.mkdir(parents=True)
        try:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "holdfast-zone", str(directory)],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise Missing(f"no tmpfs can be mounted here: {error}") from error
        self._filler = directory / "filler"

    def fill(self) -> None:
        """Nothing more can be written."""
        with self._filler.open("wb") as file:
            for piece in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while os.write(file.fileno(), bytes(piece)) == piece:
                        pass

    def free(self) -> None:
        """Again there is room."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it, also while somebody has a file of it open."""
        subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)
