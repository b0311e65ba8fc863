"""What functions of the project do to each other: outlines of single files, linked into facts about each call."""
