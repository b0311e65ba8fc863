"""The storm's configuration file: what is edited, its TOML, and which addresses each name should have."""

from __future__ import annotations

from pathlib import Path

import msgspec
from storm_schedule import BACKENDS, ENACTORS, PROBERS, Kind, Step

from holdfast.model.configuration import ZoneConfig

SCOPE = "storm"
ZONE = "storm.test"
API, WWW, IMG = (f"{n}.{ZONE}" for n in ("api", "www", "img"))
NAMES = (API, WWW, IMG)
GROUPS_OF = {API: ("pool",), WWW: ("pool", "solo"), IMG: ("solo",)}
"""Groups that each name may be in."""
INTERVAL_S, TIMEOUT_S, FALL = 1.0, 0.5, 2
DETECTION_S = INTERVAL_S * FALL + TIMEOUT_S
"""From a death to the second failed probe, at the latest."""
WINDOW_S = 10.0
HOLD_DOWN_S = 10.0
ADDRESS = dict(zip(BACKENDS, ("127.0.77.1", "127.0.77.2", "127.0.77.3", "127.0.77.4"), strict=True))


class StormFile(msgspec.Struct, frozen=True):
    """What edits change. `resting` has weight 0 in the pool; `absent` is left out of the solo group."""

    resting: str = ""
    absent: str = ""
    www_group: str = "pool"

    def edited(self, step: Step) -> StormFile:
        """The file after an edit."""
        match Kind[step.kind]:
            case Kind.WEIGHT:
                return msgspec.structs.replace(self, resting="" if self.resting else step.subject)
            case Kind.MEMBER:
                return msgspec.structs.replace(self, absent="" if self.absent else step.subject)
            case _:
                return msgspec.structs.replace(self, www_group="solo" if self.www_group == "pool" else "pool")

    def wanted(self, dead: frozenset[str]) -> dict[tuple[str, str], bool]:
        """Which backend each name should have when these are dead, and no limit holds anything back."""
        pool = frozenset(BACKENDS) - dead - {self.resting}
        solo = frozenset(BACKENDS) - dead - {self.absent}
        groups = {API: pool, WWW: pool if self.www_group == "pool" else solo, IMG: solo}
        return {(name, backend): backend in groups[name] for name in NAMES for backend in BACKENDS}

    def text(self, zone: ZoneConfig, ports: dict[str, int], state: Path) -> str:
        """The TOML."""
        pool = "".join(_target("group", b, ports[b], weight=0 if b == self.resting else 100) for b in BACKENDS)
        solo = "".join(_target("group", b, ports[b], weight=100) for b in BACKENDS if b != self.absent)
        check = (
            f'[group.check]\nkind = "http"\npath = "/"\ninterval = "{INTERVAL_S:g}s"\n'
            f'timeout = "{TIMEOUT_S * 1000:g}ms"\nrise = 2\nfall = {FALL}\n'
        )
        parts = [
            f'format = 1\nscope = "{SCOPE}"\nmode = "enforce"\nallowed_prefixes = ["127.0.77.0/24"]\n',
            f'[service]\nstate = "{state}"\nenactors = [{", ".join(f"{e!r}" for e in ENACTORS)}]\n',
            f'[[zone]]\nname = "{ZONE}"\nprovider = "bind"\nserver = "{zone.server}"\n'
            f'key_name = "{zone.key_name}"\nkey_file = "{zone.key_file}"\n',
            f'[[group]]\nname = "pool"\n{check}{pool}',
            f'[[group]]\nname = "solo"\n{check}{solo}',
            *(f'[[endpoint]]\nname = "{n}"\ngroup = "{g}"\nttl = 1\n' for n, g in self._endpoints()),
            *(f'[[prober]]\nname = "{p}"\nvantage = "vantage-{p}"\n' for p in PROBERS),
            f'[limits]\nwindow = "{WINDOW_S:g}s"\nremoval_share = 1.0\nremoval_share_total = 0.5\n'
            f'hold_down = "{HOLD_DOWN_S:g}s"\nhold_down_max = "{HOLD_DOWN_S:g}s"\nflap_window = "60s"\n'
            'distrust_share = 0.5\nquorum = 2\nobservation_ttl = "8s"\n',
        ]
        return "\n".join(parts)

    def _endpoints(self) -> tuple[tuple[str, str], ...]:
        return ((API, "pool"), (WWW, self.www_group), (IMG, "solo"))


def _target(table: str, backend: str, port: int, *, weight: int) -> str:
    label = "left" if backend in BACKENDS[:2] else "right"
    return (
        f'[[{table}.target]]\nname = "{backend}"\nipv4 = "{ADDRESS[backend]}"\nport = {port}\n'
        f'label = "{label}"\nweight = {weight}\n'
    )
