"""Composition roots: where rooms, adapters and a configuration file become processes."""
