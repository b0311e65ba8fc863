"""Findings that somebody has looked at: comments with a reason, and a baseline of what was there before."""
