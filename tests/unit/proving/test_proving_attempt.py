"""A finding is tried on the code itself: proven, guarded, or not reached and why."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.proving.attempt import attempt
from holdfast.proving.values import Answer, Task

CODE = """
import asyncio

async def connect():
    return await asyncio.open_connection("127.0.0.1", 1)

class Pool:
    def __init__(self, size: int) -> None:
        self.conn = None
        self.lock = asyncio.Lock()

    async def racy(self) -> object:
        if self.conn is None:
            self.conn = await connect()
        return self.conn

    async def guarded(self) -> object:
        async with self.lock:
            if self.conn is None:
                self.conn = await connect()
        return self.conn

    async def never_there(self) -> object:
        if self.conn == "something else":
            self.conn = await connect()
        return self.conn

class Unmakable(Pool):
    def __init__(self) -> None:
        raise RuntimeError("no daemon here")
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder with the module in it, forgotten afterwards."""
    (tmp_path / "pool_to_prove.py").write_text(CODE)
    yield tmp_path
    sys.modules.pop("pool_to_prove", None)
    sys.path.remove(str(tmp_path))


def task(root: Path, name: str, owner: str = "Pool", module: str = "pool_to_prove") -> Task:
    """The check-await-act in one of the methods."""
    lines = CODE.splitlines()
    start = next(number for number, line in enumerate(lines) if f"def {name}(" in line)
    check = next(number for number in range(start, len(lines)) if "if self.conn" in lines[number]) + 1
    file = str(root / "pool_to_prove.py")
    return Task(
        rule="HF001",
        root=str(root),
        module=module,
        function=f"{owner}.{name}",
        path="self.conn",
        check=(file, check),
        gap=(file, check + 1),
        act=(file, check + 1),
    )


def test_a_race_is_proven_with_what_had_to_be_made_up(root: Path) -> None:
    """The network is refused, so a stand-in waits in its place; the answer says so, the test shows it."""
    proof = attempt(task(root, "racy"))
    assert proof.answer is Answer.PROVEN
    assert proof.said.startswith("with stand-ins for module.connect: ")
    assert "its check at line 13 was older than the same act by Pool.racy" in proof.said
    assert "stack.enter_context(swapped(module, 'connect'))" in proof.test
    assert "Pool.racy-2" in proof.story


def test_a_lock_guards(root: Path) -> None:
    """The act is reached, and in all schedules the check still held."""
    proof = attempt(task(root, "guarded"))
    assert proof.answer is Answer.GUARDED
    assert "proved for Pool.guarded" in proof.said
    bare = attempt(task(root, "guarded", owner="Unmakable"))
    assert (bare.answer, "without its __init__" in bare.said) == (Answer.GUARDED, True)


def test_what_nobody_comes_to_is_not_proven(root: Path) -> None:
    """No value that was tried passes the check."""
    assert attempt(task(root, "never_there")).answer is Answer.NOT_REACHED


def test_a_class_that_can_not_be_made_is_tried_bare(root: Path) -> None:
    """Without its __init__, which the answer says."""
    proof = attempt(task(root, "racy", owner="Unmakable"))
    assert proof.answer is Answer.PROVEN
    assert proof.said.startswith("with an object without its __init__; ")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"module": "no_such_module_at_all"}, "can't be imported: ModuleNotFoundError"),
        ({"owner": "Pool.racy.<locals>"}, "is a function within a function"),
        ({"owner": "NoClass"}, "has no attribute 'NoClass'"),
    ],
)
def test_what_can_not_be_called_is_told(root: Path, changed: dict[str, str], says: str) -> None:
    """Not reached, with the reason; never a traceback."""
    proof = attempt(task(root, "racy", **changed))
    assert proof.answer is Answer.NOT_REACHED
    assert says in proof.said
