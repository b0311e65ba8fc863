"""The documents of a scope, read and written through the store port: what several rooms need alike.

Coroutines over `ports.store` and nothing else. A document that can't be read is `Garbled`: a value like the
other outcomes, so that no room treats "unreadable" as "not there".
"""
