"""What the loops of the chain ask of the outside: typed operations, each awaited, each answered by a value.

A room is coroutines that await nothing but operations. In production an asyncio adapter answers them
(`holdfast.runtime`); in the laboratory a trampoline with virtual time and faults does (`holdfast.lab`). So the
laboratory searches the code that ships. Rules of the house, each asked by exhaustive search:

- An operation is a frozen value with its keys visible: read and write footprints are exact.
- An operation yields *before* it executes. One transaction is one step; fence and data are separate reads.
- No port raises: "lost the race", "could not ask" and "was refused" are different *values*.
- No room reads a clock: deadlines are named timers that may have fired (`ports.clock`).
- One coroutine per actor; parallelism lives in the adapter.
"""
