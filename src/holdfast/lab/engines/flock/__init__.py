"""Thousands of schedules side by side on arrays: the sampler's second gear. Needs numpy (extra `lab`).

Each schedule is a *lane*: a row of numbers, as the plain tables have them. One round moves every lane by one
step: chances, choices, table look-ups and changes are each one operation on arrays. Where a table has no entry yet
(an agent in front of a cell that no lane has met so), the plain tables learn it from the real code, once for all.

Each lane does, draw for draw, what `engines.schedule` does with the same number; the tests hold them together. So
nothing is recorded here: a schedule that breaks something is run again by itself to get its tape.
"""
