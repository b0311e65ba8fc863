"""Small scenes of the shipped loops, each built around one rule: short to search, quick to kill mutants."""
