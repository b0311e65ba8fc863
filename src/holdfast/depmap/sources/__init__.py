"""What teams have at hand, read into statements: one file for each kind of source."""
