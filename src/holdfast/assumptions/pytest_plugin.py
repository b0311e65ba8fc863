"""The pytest plugin: a test in which an assumption breaks fails, also where the code went on.

    pytest --never=fail     (the default) the test goes on to its end, and then fails with every `never` it reached
    pytest --never=raise    `never` raises where it stands, for a traceback into the code
    pytest --never=count    as in production

A test that breaks an assumption on purpose says so: `with never.expected("reason"): ...`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import pytest

from holdfast.assumptions.calling import never

CHOICES: Final = ("fail", "raise", "count")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--never` and the setting of the same name."""
    text = "what a reached holdfast.never does to a test: fail it at its end, raise at once, or count (production)"
    parser.getgroup("holdfast-never", "assumptions (holdfast.never)").addoption(
        "--never", choices=CHOICES, default=None, help=f"{text}; default: the setting `never`, or fail"
    )
    parser.addini("never", f"{text} (default: fail)", default="fail")


def pytest_configure(config: pytest.Config) -> None:
    """Check the setting once, before any test runs."""
    mode = _mode(config)
    if mode not in CHOICES:
        raise pytest.UsageError(f"never = {mode!r} in {config.inipath}: one of {', '.join(CHOICES)}")
    if mode == "raise":
        never.configure(mode="raise")


def _mode(config: pytest.Config) -> str:
    return str(config.getoption("never") or config.getini("never"))


def _phase(item: pytest.Item) -> Generator[None, object, object]:
    if _mode(item.config) == "count":
        return (yield)
    with never.watch.keeping() as reached:
        # An exception of the test itself goes through: it says more.
        result = yield
    if reached:
        pytest.fail("\n".join(found.sentence() for found in reached), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Fixtures are watched."""
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """The test is watched."""
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """What fixtures do at their end is watched."""
    return (yield from _phase(item))
