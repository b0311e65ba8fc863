"""Ordinary asyncio code under search: a simulated loop, whose choices of who goes on are a tape.

Slower than the engines over ports, since the code is run again for each schedule, and open to any `async def`.
"""
