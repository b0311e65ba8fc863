"""What the laboratory rests on: every loop that ships is searched, and none may import what is no port."""

from __future__ import annotations

import ast
import inspect
import tomllib
import types
from pathlib import Path
from typing import Any

import pytest

import holdfast
from holdfast.enactor.adopt import adopt
from holdfast.enactor.override import repair_override
from holdfast.killswitch.freeze import freeze, thaw
from holdfast.lab.scenarios.catalogue import SCENES
from holdfast.service import actors

SOURCE = Path(holdfast.__file__).parent
PYPROJECT = SOURCE.parents[1] / "pyproject.toml"
OUTSIDE = {"asyncio", "time", "random", "os", "socket", "pathlib", "threading", "subprocess", "datetime"}
ROOTS = ("holdfast.service", "holdfast.runtime")


def _loops_of_the_service() -> dict[str, types.CodeType]:
    """The coroutines of the rooms that `service/actors.py` drives, by where they stand."""
    named = vars(actors).values()
    loops = [f for f in named if inspect.iscoroutinefunction(f) and not f.__module__.startswith(ROOTS)]
    return {f"{f.__module__}.{f.__qualname__}": f.__code__ for f in loops}


def _runs(running: Any, wanted: types.CodeType) -> bool:
    """Whether a coroutine runs this code, itself or in what it awaits first."""
    try:
        running.send(None)
    except StopIteration:
        return False
    at = running
    while isinstance(at, types.CoroutineType):
        if at.cr_code is wanted:
            return True
        at = at.cr_await
    return False


def _searched(wanted: types.CodeType) -> bool:
    for check in SCENES:
        for actor in check.build().actors:
            running = actor.start()
            try:
                if _runs(running, wanted):
                    return True
            finally:
                running.close()
    return False


LOOPS = _loops_of_the_service() | {f.__qualname__: f.__code__ for f in (freeze, thaw, adopt, repair_override)}


def test_the_service_drives_the_loops_that_we_think_of() -> None:
    """Enactor, planner, prober, clean-up, thaw timer: a sixth one has to come under search as well."""
    rooms = {name.split(".")[1] for name in _loops_of_the_service()}
    assert rooms == {"enactor", "planner", "health", "killswitch"}
    assert len(_loops_of_the_service()) == 5


@pytest.mark.parametrize("loop", LOOPS)
def test_each_shipped_loop_is_an_actor_of_some_search(loop: str) -> None:
    """The very code object, no copy: also what people order by hand."""
    assert _searched(LOOPS[loop])


def _contract() -> dict[str, Any]:
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    return next(c for c in contracts if c["type"] == "forbidden" and "Rooms of the chain" in c["name"])


def test_the_import_contract_covers_every_room_that_is_searched() -> None:
    """A room that fell out of the contract could import a clock unseen."""
    contract = _contract()
    assert set(contract["forbidden_modules"]) >= OUTSIDE
    rooms = {code.co_filename.removeprefix(f"{SOURCE}/").split("/")[0] for code in LOOPS.values()}
    rooms |= {"ports", "model", "documents", "providers"}
    assert {f"holdfast.{room}" for room in rooms} <= set(contract["source_modules"])


def test_no_module_of_the_rooms_imports_what_is_no_port() -> None:
    """The same as the contract, read from the source: also inside functions, also where a linter is not run."""
    forbidden = set(_contract()["forbidden_modules"])
    bypassing = []
    for room in _contract()["source_modules"]:
        for path in sorted((SOURCE / room.removeprefix("holdfast.")).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                bypassing += [f"{path.name}: {n}" for n in names if n.split(".")[0] in forbidden]
    assert bypassing == []
