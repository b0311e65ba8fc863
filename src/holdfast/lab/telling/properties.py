"""What each property says, in one sentence, for people who meet its name in a report."""

from __future__ import annotations

MEANINGS: dict[str, str] = {
    "I1": "DNS never goes back: no write puts an older plan's data, or an older fence, over a newer one's.",
    "I2": "No write leaves a name without addresses that it had, unless a plan retires the name.",
    "I3": "A plan that DNS may still refer to is not deleted.",
    "I4": "No more capacity is taken out of DNS at once than the budget allows.",
    "I5": "After a freeze is acknowledged, nothing that it covers is written until somebody thaws it.",
    "I6": "From every state there is a way on to one where DNS holds the newest plan.",
    "I9": "A plan is never made from older inputs than the plan before it.",
    "progress": "From every state a way leads to one where DNS holds the newest plan; here none does: a wedge.",
    "converges": "Once nothing goes wrong any more all actors come to rest, and DNS then holds the newest plan.",
    "raised": "The code under test raised an exception that nobody caught.",
}


def meaning(broken: str) -> str:
    """The sentence for a breakage (`I2 never empty: ...`); empty for properties that are not ours."""
    return MEANINGS.get(broken.replace(":", " ").split(" ", 1)[0], "")
