"""`doctor --store FILE`: how the store that a file names is, and all that was looked at. Changes no data."""

from __future__ import annotations

import msgspec

from holdfast.config.settings import Loaded
from holdfast.documents.plans import read_newest_plan
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.ports import register_store
from holdfast.service.doctor_report import EXIT_GOOD, EXIT_TROUBLE
from holdfast.service.opening import CannotOpen
from holdfast.service.signing import believer_of
from holdfast.stores.examined import Examinable, Examined, Verdict
from holdfast.stores.opening import open_store
from holdfast.stores.port import Store
from holdfast.stores.refusal import Refused

FOREIGN_ADVICE = (
    "somebody wrote it past the planners, or keys differ between machines (`holdfast keys show`);"
    " DNS stays as it is"
)
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
        signature = await _signature(loaded, store)
        assert isinstance(store, Examinable)
        return StoreReport(shown, (*await store.examine(), *signature))
    finally:
        await store.close()


async def _signature(loaded: Loaded, store: Store) -> tuple[Examined, ...]:
    """Whether the newest plan is one that this machine believes; nothing where no keys are configured."""
    try:
        believes = believer_of(loaded.service)
    except CannotOpen as error:
        return (Examined("signature", Verdict.BAD, str(error)),)
    if believes is None:
        return ()
    answers = Answers()
    register_store(answers, store)
    plan = await drive(read_newest_plan(Keys(loaded.configuration.scope)), answers)
    if not isinstance(plan, Plan):
        why = "the store has no plan" if plan is None else plan.reason
        return (Examined("signature", Verdict.DOUBTFUL, f"the newest plan can't be looked at: {why}"),)
    unsigned = believes.refusal(plan.head)
    if not unsigned:
        return (Examined("signature", Verdict.GOOD, f"plan {plan.identity} is signed by a key of ours"),)
    return (Examined("signature", Verdict.BAD, f"plan {plan.identity} is refused: {unsigned}", FOREIGN_ADVICE),)


def text_of_store(report: StoreReport) -> str:
    """For a terminal."""
    return lines_of(f"store {report.store}", report.examined)


def lines_of(title: str, examined: tuple[Examined, ...]) -> str:
    """One line for each thing, what to do below it."""
    lines = [title]
    for one in examined:
        lines.append(f"  {_MARKS[one.verdict]:<4}{one.what}: {one.text}")
        if one.advice:
            lines.append(f"      {one.advice}")
    return "\n".join(lines)
