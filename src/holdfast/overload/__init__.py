"""Overload protection that imports alone: for any lease, heartbeat or job service.

Nothing here imports the rest of holdfast, a third-party library, a clock, a socket or chance: `now_s` (any
monotonic clock, seconds) and `chance` (uniform in [0, 1)) are handed in, decisions come back as values. So the
same code runs under asyncio, in threads behind one lock, and in virtual time.

At the server, `Admission` (`admission`): lanes in strict priority, a queue bounded in *seconds of work*, newest
first above half of it, a test whether the work can still be finished at admission and again when it is taken, and
a gradient limiter that learns how much may be in work at once. `Outstanding` and `retry_after_s` (`hints`) tell
the refused when to come back. At the client: `RetryBudget` and `Breaker`.

Why all of them: over 15 (load, cost) cells of a prototype no single protection always recovered; the pairs
"renewals first + newest first" and "renewals first + bounded queue + drop stale work + retry hint" did (facts on
leases and overload). Each has a switch of its own (`Protections`), so that its worth can be measured.
"""

from holdfast.overload.admission import ADMITTED, Admission, Job, Lane, Offered, Protections, Why
from holdfast.overload.breaker import Breaker, BreakerSettings
from holdfast.overload.budget import BudgetSettings, RetryBudget
from holdfast.overload.hints import Outstanding, retry_after_s
from holdfast.overload.limiter import GradientLimiter, LimiterSettings
from holdfast.overload.pace import CrowdPace
from holdfast.overload.service_times import ServiceTimes

__all__ = [
    "ADMITTED",
    "Admission",
    "Breaker",
    "BreakerSettings",
    "BudgetSettings",
    "CrowdPace",
    "GradientLimiter",
    "Job",
    "Lane",
    "LimiterSettings",
    "Offered",
    "Outstanding",
    "Protections",
    "RetryBudget",
    "ServiceTimes",
    "Why",
    "retry_after_s",
]
