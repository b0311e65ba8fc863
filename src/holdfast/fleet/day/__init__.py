"""A bad day through the whole chain: name, leases, launches, configuration, health, capacity in DNS.

assumed   what nobody has published: each parameter with its range and its reason; Latin-hypercube draws of them
scripts   what is known of the two days: when the cause ended, when people helped; the historical timeline
leases    the fleet model under the script
network   launches and the configuration backlog, minute by minute
play      all of it for one draw, one design, one seed
shape     whether a day of 2025 looks as reported; whether holdfast's keeps what it promises
"""
