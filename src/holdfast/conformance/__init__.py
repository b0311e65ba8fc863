"""Suites that any adapter must pass, shipped so that the author of another adapter can run them."""
