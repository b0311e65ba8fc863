"""Virtual time for asyncio code: no clock, no I/O; time passes only when nothing is ready.

`timed` is what all such loops share, `loop` runs in asyncio's own order. The laboratory's loop, whose order is
somebody's choice, is `holdfast.lab.aio.loop`.
"""
