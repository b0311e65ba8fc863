"""Who may do what: secrets from files, tokens of callers and their grants. Imports nothing above."""
