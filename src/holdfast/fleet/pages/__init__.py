"""Self-contained HTML pages of fleets: a whole day on two designs, and the table of ablations."""
