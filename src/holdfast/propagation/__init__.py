"""Configuration to hosts: newest generation wins, backlog is bounded, and `ready` is exact."""
