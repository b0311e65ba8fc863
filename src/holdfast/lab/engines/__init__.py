"""Engines over one system and one kind of tape: sampling, exhaustive, partial-order reduction, shrinking."""
