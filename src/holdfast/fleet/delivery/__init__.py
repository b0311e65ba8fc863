"""Configuration to a fleet: the shipped loops of `propagation`, 10^2 to 10^4 hosts, virtual time.

`world` runs the coroutines, `machine` is a host's release directory, `truth` is what each host should have by what
was published, `play` makes a restart with much that is dirty and counts.
"""
