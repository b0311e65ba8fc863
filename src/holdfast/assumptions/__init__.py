"""`never`: an assumption that is watched at run time, instead of a comment that says "this can't happen".

    from holdfast import never

    if never("a plan below the fence", when=plan.generation < fence, plan=plan.generation, fence=fence):
        return Refused()   # the way out that nobody sees taken is counted, told and alerted on

Where the idea comes from: `WARN_ON` of the Linux kernel (tells, goes on, and answers the condition) and the
assertions of Antithesis ("unreachable"). An `assert` is not this: it stops production for what may be harmless, or
`-O` takes it out. Nor is a log line: nobody is woken by it, and in a loop it fills the disk.

Imports nothing of holdfast and nothing heavy; logging and prometheus-client are loaded when an assumption breaks.
"""

from holdfast.assumptions.calling import Never, never
from holdfast.assumptions.reaching import NeverReached, Reached
from holdfast.assumptions.watching import Watch

__all__ = ["Never", "NeverReached", "Reached", "Watch", "never"]
