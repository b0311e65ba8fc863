"""One pass per function: syntax to events in order (readings, tests, gaps, writes, calls), and the state at each.

The walk is abstract interpretation on the tree itself: branches copy the state, joins keep the checks that all
came by, loops run twice. Rules listen to events and never see syntax they would have to order themselves.
"""
