"""Three zones on one machine: each a network namespace with a disk and a clock; a relay between them."""
