"""The configuration of a storm over three zones, and what DNS should say of it.

The TTL of every name is the file's revision: so DNS itself shows whose inputs a plan was made from (I9).
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from holdfast.model.configuration import ZoneConfig
from zones.net import ZONES, address
from zones.schedule import BACKENDS

SCOPE, ZONE = "zones", "storm.test"
NAMES = tuple(f"{n}.{ZONE}" for n in ("api", "www", "img"))
WINDOW_S = 6.0
REMOVALS_MAX = 2
"""Backends that may leave within a window: 34 % of six."""
BACKEND_PORT = 80


class Content(msgspec.Struct, frozen=True):
    """What people change. `resting` is the number of the backend with weight 0, or -1."""

    revision: int = 1
    resting: int = -1

    def edited(self, backend: int) -> Content:
        """The next revision: this backend rests, or, if one does, none."""
        return Content(self.revision + 1, -1 if self.resting >= 0 else backend)

    def wanted(self) -> frozenset[str]:
        """The addresses of each name when all backends live."""
        return frozenset(address(*b) for n, b in enumerate(BACKENDS) if n != self.resting)

    def text(self, zone: ZoneConfig, store: str, state: Path) -> str:
        """The TOML."""
        targets = "".join(
            f'[[group.target]]\nname = "b{z}-{last}"\nipv4 = "{address(z, last)}"\nport = {BACKEND_PORT}\n'
            f'label = "zone-{z}"\nweight = {0 if n == self.resting else 100}\n'
            for n, (z, last) in enumerate(BACKENDS)
        )
        return "\n".join(
            [
                f'format = 1\nscope = "{SCOPE}"\nmode = "enforce"\nallowed_prefixes = ["10.77.0.0/16"]\n',
                f'[service]\nstate = "{state}"\nstore = "{store}"\nstore_tls = false\n',
                f'[[zone]]\nname = "{ZONE}"\nprovider = "{zone.provider.value}"\nserver = "{zone.server}"\n'
                f'key_name = "{zone.key_name}"\nkey_file = "{zone.key_file}"\ntimeout = "3s"\n',
                f'[[group]]\nname = "pool"\n[group.check]\nkind = "http"\npath = "/"\ninterval = "500ms"\n'
                f'timeout = "400ms"\nrise = 2\nfall = 2\n{targets}',
                *(f'[[endpoint]]\nname = "{name}"\ngroup = "pool"\nttl = {self.revision}\n' for name in NAMES),
                *(f'[[prober]]\nname = "{p}"\nvantage = "zone-{z}"\n' for z, p in zip(ZONES, "abc", strict=True)),
                f'[limits]\nwindow = "{WINDOW_S:g}s"\nremoval_share = 1.0\nremoval_share_total = 0.34\n'
                'hold_down = "2s"\nhold_down_max = "4s"\nflap_window = "10s"\ndistrust_share = 0.5\nquorum = 2\n'
                'observation_ttl = "4s"\nkeep_plans = 2\n',
            ]
        )
