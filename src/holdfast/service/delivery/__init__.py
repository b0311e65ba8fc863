"""A host's side of configuration as a process."""
