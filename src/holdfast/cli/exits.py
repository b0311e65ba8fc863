"""Exit codes: stable, the same in every command (table in docs/cli.md)."""

from __future__ import annotations

OK = 0
FAILED = 1
"""It could not be done: something did not answer."""
DIFFERENT = 2
"""`plan --detailed-exitcode`: there are differences. `lab replay`: the code no longer does what the tape says."""
REFUSED = 3
"""A rule or somebody's newer word forbids it: lost the race, a freeze, not this file's document."""
PARTIAL = 4
"""Done in part: a freeze that 7 of 9 zones carry."""
BROKEN = 5
"""`lab`: a property is broken, or a mutant survived."""
BAD_CONFIGURATION = 65
"""The file is wrong: all errors of a configuration have been printed with their lines; what is no tape, or no
table of mutants, has been named (EX_DATAERR)."""
USAGE = 64
"""The command line is wrong (EX_USAGE)."""
INTERRUPTED = 130
"""Ctrl-C: what was reached has been said."""
