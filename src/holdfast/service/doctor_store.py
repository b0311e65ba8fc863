"""`doctor --store FILE`: how the store that a file names is, and all that was looked at. Changes no data."""

from __future__ import annotations

import msgspec

from holdfast.config.settings import Loaded
from holdfast.service.doctor_report import EXIT_GOOD, EXIT_TROUBLE
from holdfast.stores.examined import Examinable, Examined, Verdict
from holdfast.stores.opening import open_store
from holdfast.stores.refusal import Refused

_MARKS = {Verdict.GOOD: "ok", Verdict.DOUBTFUL: "!", Verdict.BAD: "BAD"}


class StoreReport(msgspec.Struct, frozen=True):
    """A store and what was looked at."""

    store: str
    examined: tuple[Examined, ...]

    @property
    def exit_code(self) -> int:
        """Trouble as soon as one thing is bad."""
        return EXIT_TROUBLE if any(e.verdict is Verdict.BAD for e in self.examined) else EXIT_GOOD


async def examine_store(loaded: Loaded) -> StoreReport:
    """Open the store as every role does, and look."""
    shown = str(loaded.service.store)
    try:
        store = open_store(loaded.service.store)
    except Refused as error:
        return StoreReport(shown, (Examined("driver", Verdict.BAD, str(error)),))
    try:
        assert isinstance(store, Examinable)
        return StoreReport(shown, await store.examine())
    finally:
        await store.close()


def text_of_store(report: StoreReport) -> str:
    """For a terminal: one line for each thing, what to do below it."""
    lines = [f"store {report.store}"]
    for one in report.examined:
        lines.append(f"  {_MARKS[one.verdict]:<4}{one.what}: {one.text}")
        if one.advice:
            lines.append(f"      {one.advice}")
    return "\n".join(lines)
