"""A run for people: each step with who, what, why it was allowed, and what the world looks like after it."""
