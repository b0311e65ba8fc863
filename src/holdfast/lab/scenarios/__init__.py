"""Small scenes of the shipped loops, each built around one rule: short to search, and cheap to kill mutants with."""
