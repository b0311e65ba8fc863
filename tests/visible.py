"""What can't run here is skipped with its reason; on CI, where everything is installed, that is a failure."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn, TypeVar

import pytest

from servers.process import Missing

T = TypeVar("T")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it if `CI=true`."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and {reason}")
    pytest.skip(reason)


def start_or_skip(start: Callable[[], T]) -> T:
    """Start a server; where it is not installed skip with the reason, or fail in CI."""
    try:
        return start()
    except Missing as absent:
        missing(str(absent))
