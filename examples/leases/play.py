"""A fleet by lease, played from beginning to end on this machine: python examples/leases/play.py

It runs `holdfast up` with a lease service, and hosts of one HAProxy and one `holdfast agent` each, and prints what
it does and sees. The name `api.fleet.test` leads to whoever holds a lease and is ready. HAProxy's file is a
configuration document; each host validates it with HAProxy's own check before it counts.

  1  three hosts come: each enters the name once it has applied its configuration
  2  an agent is killed: its host leaves the name
  3  a new host whose document is broken stays out until it has a good one
  4  a new document goes to all, and the name loses nobody
  5  a broken document is refused by all, with HAProxy's words, and the old one stays
  6  two agents are killed at once: their hosts leave one by one, a window apart

Needs the extra `leases` and haproxy. Everything lies in a temporary directory and is ended with the script.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from holdfast.client import delivery
from holdfast.client.http import LeaseHttp
from holdfast.model.delivery import Result, Standing, Status

NAME = "api.fleet.test"
HOLDFAST = (sys.executable, "-c", "from holdfast.cli.main import main; main()")
WINDOW_S = 3.0
PATIENCE_S = 120.0
PATH = os.environ.get("PATH", "") + ":/usr/sbin"

UP = """
format = 1
scope = "fleet"
allowed_prefixes = ["127.0.0.0/8"]
[service]
state = "state"
metrics_listen = ""
[leases]
listen = "127.0.0.1:{leases}"
ttl = "6s"
[[zone]]
name = "fleet.test"
provider = "embedded"
server = "127.0.0.1:{dns}"
[[endpoint]]
name = "api.fleet.test"
ttl = 1
targets = {{ from = "leases", role = "api" }}
[endpoint.check]
kind = "http"
interval = "300ms"
timeout = "250ms"
rise = 2
fall = 5
[limits]
window = "3s"
removal_share = 0.25
removal_share_total = 0.25
hold_down = "500ms"
flap_window = "1s"
observation_ttl = "10s"
"""
AGENT = """
format = 1
server = "http://127.0.0.1:{leases}"
key_file = "state/keys/leases.key"
[target]
role = "api"
name = "{name}"
ipv4 = "{address}"
port = {port}
[ready]
kind = "http"
interval = "300ms"
timeout = "250ms"
[configuration]
directory = "{name}"
validate = "env ADDRESS={address} haproxy -c -f {{dir}}/haproxy.cfg"
reload = "{directory}/reload.sh {name} {address}"
"""
# What a unit of the host does: start HAProxy, or let a new one take over from it without losing a connection.
RELOAD = """#!/bin/sh
cd {directory} && pid=$(cat $1.pid 2>/dev/null)
ADDRESS=$2 exec haproxy -D -p $1.pid -f $1/current/haproxy.cfg ${{pid:+-sf $pid}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend front
  bind "${{ADDRESS}}:{port}"
  http-request return status 200 content-type text/plain string "document {version}"
"""


class Play:
    """A directory, what runs in it, and what the name has answered."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.dns, self.leases, self.port = _free_port(), _free_port(), _free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.seen: list[tuple[float, frozenset[str]]] = []
        self.began_s = time.monotonic()
        self.ended = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)

    # -- what a person does ----------------------------------------------------------------------------------

    def up(self) -> None:
        """`holdfast up`."""
        (self.directory / "up.toml").write_text(UP.format(leases=self.leases, dns=self.dns))
        reload = self.directory / "reload.sh"
        reload.write_text(RELOAD.format(directory=self.directory))
        reload.chmod(0o755)
        self._start("up", "up", "--plain", "up.toml")
        self.until((self.directory / "state" / "keys" / "leases.key").exists, "the service runs")
        self.until(lambda: _listens(self.leases), "the lease service listens")
        self.watcher.start()

    def agent(self, name: str) -> None:
        """`holdfast agent` for a host: its HAProxy is started by the reload command of its first document."""
        places = {"name": name, "address": _address(name), "port": self.port, "leases": self.leases}
        (self.directory / f"{name}.toml").write_text(AGENT.format(directory=self.directory, **places))
        self._start(name, "agent", f"{name}.toml")

    def kill(self, *names: str) -> None:
        """`kill -9` of agents. Their HAProxies go on."""
        for name in names:
            self.running[name].kill()

    def publish(self, version: str, to: str, *, broken: bool = False) -> int:
        """`holdfast deliver publish`; the document's generation."""
        text = HAPROXY.format(port=self.port, version=version) + ("  servr nonsense\n" if broken else "")
        (self.directory / "haproxy.cfg").write_text(text)
        said = self.holdfast("deliver", "publish", "haproxy.cfg", "--to", to)
        self.say(said)
        return int(said.split(":")[0].removeprefix("generation "))

    def holdfast(self, *arguments: str) -> str:
        """A command; of `deliver` with address and key of the service."""
        service = ["--url", f"http://127.0.0.1:{self.leases}", "--key-file", "state/keys/leases.key"]
        where = service if arguments[0] == "deliver" else ["--config", "up.toml"]
        done = subprocess.run(  # noqa: S603 - this very program
            [*HOLDFAST, *arguments, *where], cwd=self.directory, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"holdfast {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    # -- what a person sees ----------------------------------------------------------------------------------

    def answers(self) -> frozenset[str]:
        """The hosts that the name leads to."""
        return self.seen[-1][1] if self.seen else frozenset()

    def version(self, name: str) -> str:
        """What the host's HAProxy serves."""
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://{_address(name)}:{self.port}/", timeout=2) as found,
        ):
            return str(found.read().decode())
        return "nothing"

    def refusing(self, generation: int) -> list[str]:
        """The hosts that refused it: what `holdfast deliver status` shows, asked in this process."""
        key = (self.directory / "state" / "keys" / "leases.key").read_text().strip()

        async def ask() -> Result:
            async with LeaseHttp(f"http://127.0.0.1:{self.leases}", key) as service:
                return await delivery.ask(service, Status())

        found = asyncio.run(ask())
        lags = found.hosts if isinstance(found, Standing) else ()
        return sorted(lag.host.name for lag in lags if lag.refused == generation)

    def status(self) -> str:
        """`holdfast status`: its lines about leases and configuration."""
        lines = self.holdfast("status").splitlines()
        return "\n".join(line for line in lines if line.startswith(("lease", "configuration for", "  h", "held")))

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for it."""
        end_s = time.monotonic() + PATIENCE_S
        while not true():
            up = self.running["up"]
            if time.monotonic() > end_s or up.poll() is not None:
                raise SystemExit(f"not within {PATIENCE_S:g} s: {what}\n{(self.directory / 'up.log').read_text()}")
            time.sleep(0.05)
        self.say(what)

    def leads_to(self, *names: str) -> None:
        """Wait until the name leads to exactly these."""
        self.until(lambda: self.answers() == frozenset(names), f"{NAME} leads to {', '.join(names)}")

    def say(self, text: str) -> None:
        """A line with its time."""
        print(f"{time.monotonic() - self.began_s:6.1f} s  " + text.replace("\n", "\n          "), flush=True)

    def _watch(self) -> None:
        while not self.ended.wait(0.05):
            try:
                reply = dns.query.udp(dns.message.make_query(NAME, "A"), "127.0.0.1", port=self.dns, timeout=2.0)
            except (dns.exception.DNSException, OSError):
                continue
            now = frozenset(f"h{item.to_text()[-1]}" for rrset in reply.answer for item in rrset)
            if not self.seen or self.seen[-1][1] != now:
                self.seen.append((time.monotonic(), now))

    # -- processes -------------------------------------------------------------------------------------------

    def _start(self, name: str, *arguments: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - this very program
                [*HOLDFAST, *arguments],
                cwd=self.directory,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": PATH},
            )

    def close(self) -> None:
        """End everything that was started."""
        self.ended.set()
        for process in reversed(self.running.values()):
            process.kill()
            process.wait()
        for file in self.directory.glob("h*.pid"):
            for pid in file.read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def play(the: Play) -> None:
    """The six scenes."""
    the.say("1: three hosts come")
    the.up()
    the.publish("1", "role/api")
    for name in ("h1", "h2", "h3"):
        the.agent(name)
    the.leads_to("h1", "h2", "h3")

    the.say("2: the agent of h3 is killed with -9; its HAProxy goes on")
    the.kill("h3")
    the.leads_to("h1", "h2")
    the.say(the.status())

    the.say("3: h4 comes, and the document that is meant for it is broken")
    the.publish("1", "host/h4", broken=True)
    the.agent("h4")
    the.until(lambda: the.refusing(2) == ["h4"], "h4 holds a lease and refuses its document")
    _expect(the.answers() == {"h1", "h2"}, "h4 is not in the name before it has applied its configuration")
    the.say(the.holdfast("deliver", "remove", "haproxy.cfg", "--from", "host/h4"))
    the.until(lambda: the.version("h4") == "document 1", "h4 has applied the document of its role")
    the.leads_to("h1", "h2", "h4")
    the.agent("h3")
    the.leads_to("h1", "h2", "h3", "h4")

    the.say("4: a new document for all")
    hosts, before = ("h1", "h2", "h3", "h4"), len(the.seen)
    the.publish("2", "role/api")
    the.until(lambda: all(the.version(name) == "document 2" for name in hosts), "all serve document 2")
    _expect(len(the.seen) == before, "the name has led to all four all the time")

    the.say("5: a broken document for all")
    broken = the.publish("3", "role/api", broken=True)
    the.until(lambda: len(the.refusing(broken)) == 4, "all four refuse it")
    told = the.holdfast("deliver", "status").splitlines()
    the.say(next(line for line in told if "servr" in line))
    _expect(all(the.version(name) == "document 2" for name in hosts), "all serve document 2 as before")
    _expect(len(the.seen) == before, "the name has led to all four all the time")
    the.publish("4", "role/api")
    the.until(lambda: all(the.version(name) == "document 4" for name in hosts), "all serve document 4")

    the.say("6: the agents of h1 and h2 are killed with -9 at once")
    the.kill("h1", "h2")
    the.leads_to("h3", "h4")
    *_, (first_s, one), (second_s, _) = the.seen
    _expect(len(one) == 3, f"they left one by one: first {', '.join(sorted(set(hosts) - one))}")
    _expect(
        second_s - first_s > 0.7 * WINDOW_S, f"the other {second_s - first_s:.1f} s later (window {WINDOW_S:g} s)"
    )
    the.say(the.status())


def _expect(true: bool, what: str) -> None:
    if not true:
        raise SystemExit(f"NOT SO: {what}")
    print(f"          seen: {what}", flush=True)


def _address(name: str) -> str:
    return f"127.0.0.4{name[1:]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


def main() -> None:
    """Play it."""
    if shutil.which("haproxy", path=PATH) is None:
        raise SystemExit("haproxy is not installed (apt-get install haproxy)")
    with tempfile.TemporaryDirectory() as directory:
        the = Play(Path(directory))
        try:
            play(the)
        finally:
            the.close()
    print("all six seen")


if __name__ == "__main__":
    main()
