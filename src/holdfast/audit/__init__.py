"""The audit: stale check-then-act in Python source, on `ast` and exact access paths.

`sources` reads files, `flow` walks each function and tells events, `rules` (one per file) turn events into drafts,
`drafts` makes findings of them, `engine` shares files among processes. What is known of other people's interfaces
stands in `tables`.
"""
