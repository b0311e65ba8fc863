"""Self-contained HTML pages: one file that a person opens, sends or keeps; nothing is fetched."""
