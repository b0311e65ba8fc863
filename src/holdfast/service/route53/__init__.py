"""Hosted zones on Route 53 as people meet them: verified or not, examined, warned of."""
