"""The asyncio answers to the ports: what drives the loops of the chain in production.

`driver` runs a loop, `ports` puts an actor's answers together from `clock`, `disk`, `ids`, a store, an event
sink, and (from elsewhere) the DNS transport and the probes.
"""
