"""The exhaustive search on arrays: a whole level of the breadth-first search at once. Needs numpy (extra `lab`).

A state is a *world* (cells, messages in flight, faults left: interned to one number) and an agent for each actor,
packed into 64 bits. What an agent may do, and what that makes of a world, are look-ups in arrays; where they have
no entry yet, the plain tables learn it from the real code. States are numbered in the very order of
`engines.exhaustive`, so counts, witness and end are the same; the tests hold the two together.
"""
