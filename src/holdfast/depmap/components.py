"""Strongly connected components, without recursion: maps are deep."""

from __future__ import annotations

from collections.abc import Sequence


def components(edges: Sequence[Sequence[int]]) -> list[list[int]]:
    """Tarjan's algorithm. Components come with those that they lead to first (dependencies before dependents)."""
    size = len(edges)
    number = [0] * size
    low = [0] * size
    placed = bytearray(size)
    found: list[list[int]] = []
    stack: list[int] = []
    counter = 0
    for root in range(size):
        if number[root]:
            continue
        counter += 1
        number[root] = low[root] = counter
        stack.append(root)
        path = [(root, iter(edges[root]))]
        while path:
            node, ahead = path[-1]
            for other in ahead:
                if not number[other]:
                    counter += 1
                    number[other] = low[other] = counter
                    stack.append(other)
                    path.append((other, iter(edges[other])))
                    break
                if not placed[other] and number[other] < low[node]:
                    low[node] = number[other]
            else:
                path.pop()
                if path and low[node] < low[path[-1][0]]:
                    low[path[-1][0]] = low[node]
                if low[node] == number[node]:
                    found.append(_cut(stack, node, placed))
    return found


def _cut(stack: list[int], node: int, placed: bytearray) -> list[int]:
    at = len(stack) - 1
    while stack[at] != node:
        at -= 1
    component = stack[at:]
    del stack[at:]
    for one in component:
        placed[one] = 1
    return component
