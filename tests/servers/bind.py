"""BIND 9, also with a secondary that follows it by NOTIFY."""

from __future__ import annotations

from pathlib import Path

from holdfast.model.configuration import ProviderKind
from servers.ports import free_port
from servers.process import (
    HOST,
    KEY_NAME,
    KEY_SECRET,
    Process,
    Running,
    ZoneSpec,
    await_answer,
    binary,
    workplace,
)

PACKAGE = "bind9"
ALLOW_ALL = f"allow-update {{ key {KEY_NAME}; }}; allow-transfer {{ key {KEY_NAME}; }};"


def start_bind(zones: tuple[ZoneSpec, ...], update: str = ALLOW_ALL) -> Running:
    """A primary alone. `update` says, in each zone, what the key may do."""
    return _start(zones, secondary=False, update=update)


def start_bind_with_secondary(zones: tuple[ZoneSpec, ...]) -> tuple[Running, int]:
    """A primary and a secondary; the port of the secondary."""
    running = _start(zones, secondary=True, update=ALLOW_ALL)
    return running, _secondary(running)


def _start(zones: tuple[ZoneSpec, ...], *, secondary: bool, update: str) -> Running:
    named = binary("named", PACKAGE)
    with workplace("bind") as directory:
        port = free_port()
        other = free_port() if secondary else 0
        for zone in zones:
            (directory / f"{zone.name}.zone").write_text(zone.text())
        notify = f"notify explicit; also-notify {{ {HOST} port {other}; }};" if secondary else "notify no;"
        body = "".join(
            f'zone "{z.name}" {{ type primary; file "{z.name}.zone"; {update} {notify} }};\n' for z in zones
        )
        (directory / "named.conf").write_text(_options(directory, port) + body)
        process = Process([named, "-g", "-n", "1", "-c", "named.conf"], directory, "named")
        running = Running(ProviderKind.BIND, port, zones, process, directory)
        if secondary:
            (directory / "secondary.port").write_text(str(other))
        await_answer(process, port, zones)
        return running


def _secondary(running: Running) -> int:
    """Start the secondary beside its primary."""
    try:
        port = int((running.directory / "secondary.port").read_text())
        directory = running.directory / "secondary"
        directory.mkdir()
        command = configure_secondary(
            directory, running.zones, host=HOST, port=port, primary=HOST, primary_port=running.port
        )
        process = Process(command, directory, "named")
        running.also.append(process)
        await_answer(process, port, running.zones)
    except BaseException:
        running.stop()
        raise
    return port


def configure_secondary(
    directory: Path, zones: tuple[ZoneSpec, ...], *, host: str, port: int, primary: str, primary_port: int = 53
) -> list[str]:
    """Write what a follower needs into the directory; its command. It asks every 2 s: a NOTIFY may be lost."""
    body = "".join(
        f'zone "{z.name}" {{ type secondary; file "{z.name}.zone";'
        f" primaries {{ {primary} port {primary_port} key {KEY_NAME}; }}; allow-notify {{ {primary}; }};"
        " min-refresh-time 1; max-refresh-time 2; min-retry-time 1; max-retry-time 1; };\n"
        for z in zones
    )
    (directory / "named.conf").write_text(_options(directory, port, host) + body)
    return [binary("named", PACKAGE), "-g", "-n", "1", "-c", "named.conf"]


def _options(directory: Path, port: int, host: str = HOST) -> str:
    return f"""
options {{
  directory "{directory}";
  listen-on port {port} {{ {host}; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  managed-keys-directory "{directory}";
  recursion no;
  dnssec-validation no;
  serial-query-rate 1000;
  notify-rate 1000;
  startup-notify-rate 1000;
  notify-delay 0;
}};
controls {{ }};
key {KEY_NAME} {{ algorithm hmac-sha256; secret "{KEY_SECRET}"; }};
"""
