"""The dependency map: what falls with what, what can rise again from nothing, and in which order.

Dominators and articulation points ask whether *any* path is left. A service needs *all* of its hard dependencies,
some k of n, and none of its soft ones; so everything here is one monotone rule, the failure closure (`compiled`),
asked in several ways: for one set of failures (`compiled.Compiled.falls`), for all single failures at once
(`singles`), for the smallest sets that take a service down (`cutsets`), and from
below: what starts (`blackstart`).
"""
