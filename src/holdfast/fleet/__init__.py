"""Whole fleets of lease holders in virtual time: does this design recover, how soon, and which protection did it.

    driver    the shipped rules (admission, hints, lease rules, book), event by event: 10^2 to 10^5 hosts
    model     the whole fleet in numpy, second by second: 10^4 to 10^6 hosts; held against `driver` by tests
    cells     (load, cost) cells, and what is asked of a design in each
    ablation  every protection switched off alone, and alone on
    flapping  health checks on targets whose configuration has not arrived (shipped rules)
    day/      20 October 2025 through the whole chain, with every assumption named

`model`, and what builds on it, need the extra `fleet` (numpy). Nothing here reads a clock: time is a number.
"""
