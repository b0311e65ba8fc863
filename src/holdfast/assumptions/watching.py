"""The call itself: cheap when nothing is wrong, and safe in production when something is.

A reached assumption is counted (always), told (log, and whoever asked by `configure`; at most once in `interval_s`
for each reason and place) and answered with True. Nothing that goes wrong while telling reaches the caller.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final

from holdfast.assumptions.context import shorten, tellable
from holdfast.assumptions.reaching import KEPT_MAX, Book, NeverReached, Reached, Tally

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from holdfast.assumptions.metrics import Collected

INTERVAL_S: Final = 60.0
"""Between two lines about the same reason at the same place."""
MODES: Final = ("count", "raise")
ENVIRONMENT: Final = "HOLDFAST_NEVER"
"""`count` (the default) or `raise`."""

Hook = Callable[[Reached], None]


class Watch:
    """What stands behind `never`: counts, hooks, mode. One in a process; tests make their own."""

    def __init__(
        self,
        *,
        unix_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
        mode: str | None = None,
        default_registry: bool = False,
    ) -> None:
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        self._book = Book()
        self._here = threading.local()
        self._hooks: tuple[Hook, ...] = ()
        self._interval_s = INTERVAL_S
        self.mode = _mode(os.environ.get(ENVIRONMENT) if mode is None else mode)
        self._expected: list[tuple[str, list[Reached]]] = []
        self._kept: list[Reached] | None = None
        self._served: list[tuple[CollectorRegistry, Collected]] = []
        self._offers = default_registry

    def configure(
        self,
        *,
        mode: str | None = None,
        interval_s: float | None = None,
        tell: Hook | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        """Change what is given, keep the rest. Call it once, where the process is put together.

        Args:
            mode: `count`, or `raise` for tests.
            interval_s: at most one line in this time for each reason and place; 0 tells each.
            tell: called with each `Reached` that is told; what it raises is logged and goes no further.
            registry: the Prometheus registry that shows the counts; without one, prometheus-client's default
                registry does, if the process uses it.

        Raises:
            ValueError: for a mode that there isn't, or a time below 0.
        """
        if interval_s is not None and not interval_s >= 0:
            raise ValueError(f"interval_s is {interval_s!r}: seconds, 0 or more")
        if mode is not None:
            self.mode = _mode(mode)
        if interval_s is not None:
            self._interval_s = interval_s
        if tell is not None:
            self._hooks = (*self._hooks, tell)
        if registry is not None:
            self._offers = False
            self._serve(registry)

    @contextmanager
    def telling(self, tell: Hook, registry: CollectorRegistry) -> Iterator[None]:
        """`configure` for a while: a role that starts and stops within a process."""
        self.configure(tell=tell, registry=registry)
        try:
            yield
        finally:
            self._hooks = tuple(hook for hook in self._hooks if hook is not tell)
            for served, collected in [entry for entry in self._served if entry[0] is registry]:
                served.unregister(collected)
                self._served.remove((served, collected))

    def counts(self) -> tuple[Tally, ...]:
        """What was reached so far, in this process."""
        return self._book.tallies()

    def reset(self) -> None:
        """Forget counts and limits of rates (tests)."""
        self._book.clear()

    @contextmanager
    def expected(self, reason: str) -> Iterator[list[Reached]]:
        """A test that breaks an assumption on purpose: within, `reason` neither raises nor tells.

        Yields:
            What was reached, in order.

        Raises:
            AssertionError: at the end, if it was not reached.
        """
        reached: list[Reached] = []
        entry = (reason, reached)
        self._expected.append(entry)
        try:
            yield reached
        finally:
            # By identity: two blocks may expect the same reason.
            self._expected = [e for e in self._expected if e is not entry]
        if not reached:
            raise AssertionError(f"never: {reason}: expected to be reached here, and was not")

    @contextmanager
    def keeping(self) -> Iterator[list[Reached]]:
        """Everything that is reached within, also where the exception was swallowed (the pytest plugin)."""
        before, kept = self._kept, list[Reached]()
        self._kept = kept
        try:
            yield kept
        finally:
            self._kept = before

    def reached(self, reason: str, frame: FrameType, context: dict[str, object]) -> bool:
        """Count, tell, answer. `frame` is the caller's.

        Raises:
            NeverReached: in mode `raise`.
        """
        reason = shorten(str(reason))
        times, suppressed = self._book.enter(
            reason,
            _place(frame),
            unix_s=self._unix_s(),
            monotonic_s=self._monotonic_s(),
            interval_s=self._interval_s,
        )
        # A hook that breaks an assumption of its own is counted; telling that would ask the hook again.
        if self._quiet(suppressed) or getattr(self._here, "telling", False):
            return True
        found = Reached(
            reason=reason,
            place=_place(frame),
            line=f"{frame.f_code.co_filename}:{frame.f_lineno}",
            times=times,
            unix_s=self._unix_s(),
            context=tellable(context),
            suppressed=suppressed or 0,
        )
        if self._is_expected(found):
            return True
        if suppressed is not None:
            self._tell(found)
        if self.mode == "raise":
            raise NeverReached(found)
        return True

    def _quiet(self, suppressed: int | None) -> bool:
        return suppressed is None and self.mode == "count" and not self._expected and self._kept is None

    def _is_expected(self, found: Reached) -> bool:
        for reason, reached in reversed(self._expected):
            if reason == found.reason:
                reached.append(found)
                return True
        if self._kept is not None and len(self._kept) < KEPT_MAX:
            self._kept.append(found)
        return False

    def _tell(self, found: Reached) -> None:
        import logging

        log = logging.getLogger("holdfast.never")
        self._here.telling = True
        try:
            log.error("%s", found.sentence(), extra={"never": found})
            for hook in (*self._hooks, self._offer):
                try:
                    hook(found)
                except Exception:
                    # The caller is in a situation that nobody planned for; it must not get a second one.
                    log.exception("never: telling of %r failed in %r", found.reason, hook)
        finally:
            self._here.telling = False

    def _offer(self, _: Reached) -> None:
        """The default registry shows the counts, once the process has loaded prometheus-client for its own use."""
        client = sys.modules.get("prometheus_client")
        if client is not None and self._offers:
            self._offers = False
            self._serve(client.REGISTRY)

    def _serve(self, registry: CollectorRegistry) -> None:
        from holdfast.assumptions.metrics import Collected

        if all(known is not registry for known, _ in self._served):
            collected = Collected(self.counts)
            registry.register(collected)
            self._served.append((registry, collected))

    def forked(self) -> None:
        """In a forked child."""
        self._book.renew()
        self._here = threading.local()


def _mode(given: str | None) -> str:
    """The mode, from a call or the environment.

    Raises:
        ValueError: when there is no such mode.
    """
    if given in (None, ""):
        return "count"
    if given not in MODES:
        raise ValueError(
            f"never: there is no mode {given!r} ({ENVIRONMENT}, never.configure): {' or '.join(MODES)}"
        )
    return given


def _place(frame: FrameType) -> str:
    """Module and function: stable from one version of the code to the next, as a label should be."""
    return f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}"
