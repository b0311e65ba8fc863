"""The record of decisions: sinks for `ports.events`, the stored form, metrics, and reading it back.

A sink can't block a decision (R16): what it can't take it counts, and reports the count as an event.
"""
