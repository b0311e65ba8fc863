"""The laboratory. For your own code: `from holdfast import lab`, then `lab.explore`, `lab.prove`, `lab.replay`.

Names are looked up when they are first used: who only has the pytest plugin installed pays nothing for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.lab.actor import Actor, LabError, NonDeterminismError
    from holdfast.lab.aio.refused import RealIoRefusedError
    from holdfast.lab.aio.watching import watch
    from holdfast.lab.api import explore, prove, replay
    from holdfast.lab.building import ScenarioError, actors, always, each_step, scenario
    from holdfast.lab.report import Broken, Replayed, Report
    from holdfast.lab.system import Scenario, View
    from holdfast.lab.tape import Tape, TapeMismatchError
    from holdfast.lab.world.faults import Disaster, Fault, Faults

_HOMES = {
    "actor": ("Actor", "LabError", "NonDeterminismError"),
    "aio.refused": ("RealIoRefusedError",),
    "aio.watching": ("watch",),
    "api": ("explore", "prove", "replay"),
    "building": ("ScenarioError", "actors", "always", "each_step", "scenario"),
    "report": ("Broken", "Replayed", "Report"),
    "system": ("Scenario", "View"),
    "tape": ("Tape", "TapeMismatchError"),
    "world.faults": ("Disaster", "Fault", "Faults"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Actor",
    "Broken",
    "Disaster",
    "Fault",
    "Faults",
    "LabError",
    "NonDeterminismError",
    "RealIoRefusedError",
    "Replayed",
    "Report",
    "Scenario",
    "ScenarioError",
    "Tape",
    "TapeMismatchError",
    "View",
    "actors",
    "always",
    "each_step",
    "explore",
    "prove",
    "replay",
    "scenario",
    "watch",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'holdfast.lab' has no attribute {name!r}")
    return getattr(importlib.import_module(f"holdfast.lab.{home}"), name)
