"""Leases: who is alive. Grants with fencing tokens, renewals that need no store, recovery that can't collapse."""
