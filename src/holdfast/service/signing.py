"""The keys of a machine's file: loaded when they are configured; only then the extra `signing` is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from holdfast.config.settings import ServiceSettings
from holdfast.ports.signing import BelievesPlans, SignsPlans
from holdfast.service.opening import CannotOpen


def signer_of(service: ServiceSettings) -> SignsPlans | None:
    """The planner's key of this machine, if it has one.

    Raises:
        CannotOpen: it can't be used.
    """
    path = service.signing_key
    found: SignsPlans | None = None if not path else _with(lambda signing: signing.load_signer(Path(path)))
    return found


def believer_of(service: ServiceSettings) -> BelievesPlans | None:
    """The keys whose plans are believed here; None believes all.

    Raises:
        CannotOpen: one can't be used.
    """
    paths = [Path(path) for path in service.plan_keys]
    found: BelievesPlans | None = None if not paths else _with(lambda signing: signing.load_believer(paths))
    return found


def _with(load: Callable[[ModuleType], Any]) -> Any:
    try:
        from holdfast.runtime import signing
    except ImportError as error:
        raise CannotOpen(f"signed plans need {error.name}: pip install 'holdfast[signing]'") from error
    try:
        return load(signing)
    except signing.BadKey as error:
        raise CannotOpen(str(error)) from error
