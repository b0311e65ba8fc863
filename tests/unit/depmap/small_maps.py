"""Small maps for tests: random ones, and two fault trees with published counts."""

from __future__ import annotations

import random
import re

from holdfast.depmap.values import Map, Need, Phase, Service

CHINESE = """
r1 = g1 & g2; g1 = e1 | e2 | e3 | g3; g2 = g4 & g5; g3 = g6 & g7; g4 = e4 | e5 | e6 | e7 | g8; g5 = e8 | g9
g6 = e9 | e10 | e11 | g10; g7 = e12 | e13; g8 = g11 & g12; g9 = g13 & g14; g10 = g15 & g16
g11 = e14 | e15 | e16 | g17; g12 = g18 & g19; g13 = e1 | e2 | e3 | g20; g14 = e4 | e5 | e6 | e7 | g21
g15 = e17 | e18; g16 = e19 | e20 | e21; g17 = g22 & g23; g18 = e22 | e23; g19 = e24 | e25; g20 = g24 & g25
g21 = g26 & g27; g22 = e17 | e18 | e21; g23 = e19 | e20; g24 = e14 | e15 | e16 | g28; g25 = g29 & g30
g26 = e9 | e10 | e11 | g31; g27 = e12 | e13; g28 = g32 & g33; g29 = e22 | e23; g30 = e24 | e25; g31 = g34 & g35
g32 = e17 | e18 | e21; g33 = e19 | e20; g34 = e19 | e20 | e21; g35 = e17 | e18
"""
"""The benchmark tree "chinese" of Aralia (Dutuit and Rauzy, 1997): 25 events, 36 gates, 392 minimal cut sets."""

BAOBAB_2 = """
r1 = 3 of g1 g2 g3 g4 g5; g1 = g6 | e1; g2 = g7 | e2; g3 = g8 | e3; g4 = g9 | e4; g5 = g10 | e5; g6 = g11 & g12
g7 = g13 & g12; g8 = g14 & g12; g9 = g15 & g12; g10 = g16 & g12; g11 = g17 | e6; g12 = g18 | e11; g13 = g17 | e7
g14 = g17 | e8; g15 = g17 | e9; g16 = g17 | e10; g17 = 2 of g19 g20 g21; g18 = 2 of g22 g23 g24; g19 = g25 | e12
g20 = g26 | e13; g21 = g27 | e14; g22 = g25 | e15; g23 = g26 | e16; g24 = g27 | e17; g25 = g28 | e18
g26 = g29 | e19; g27 = g30 | e20; g28 = 2 of g31 g32 g33; g29 = 2 of g34 g35 g36; g30 = 2 of g37 g38 g39
g31 = e21 | e22; g32 = e25 | e26; g33 = e29 | e30; g34 = e23 | e22; g35 = e27 | e26; g36 = e31 | e30
g37 = e24 | e22; g38 = e28 | e26; g39 = e32 | e30
"""
"""The benchmark tree "baobab2" of Aralia: 32 events, 40 gates, some of them k of n, 4,805 minimal cut sets."""


def fault_tree(text: str) -> Map:
    """A tree in the notation above; a gate falls with any (|), all (&) or k of its inputs, and not by itself."""
    needs: list[Need] = []
    gates: set[str] = set()
    names: set[str] = set()
    for statement in re.split(r"[;\n]", text.strip()):
        gate, _, formula = (part.strip() for part in statement.partition("="))
        inputs = tuple(re.findall(r"[a-z]\w*", formula.replace("of", "")))
        gates.add(gate)
        names.update((gate, *inputs))
        if "|" in formula:
            needs += [Need(gate, (one,)) for one in inputs]
        else:
            quota = int(formula.split()[0]) if " of " in formula else len(inputs)
            needs.append(Need(gate, inputs, len(inputs) - quota + 1, group=gate))
    return Map(tuple(Service(name, fails=name not in gates) for name in sorted(names)), tuple(needs))


def random_map(seed: int, size_max: int = 8) -> Map:
    """Anything: cycles, groups, soft needs, boot needs, gates."""
    chance = random.Random(seed)
    names = [f"s{number}" for number in range(chance.randint(1, size_max))]
    needs: dict[tuple[str, tuple[str, ...]], Need] = {}
    for _ in range(chance.randint(0, 2 * len(names))):
        of = chance.choice(names)
        others = [name for name in names if name != of]
        if not others:
            continue
        on = tuple(sorted(chance.sample(others, min(len(others), chance.choice((1, 1, 1, 2, 3, 4))))))
        needs[of, on] = Need(
            of,
            on,
            chance.randint(1, len(on)),
            hard=chance.random() < 0.9,
            phase=chance.choice(tuple(Phase)),
            group="g" if len(on) > 1 else "",
        )
    services = tuple(Service(name, start_s=chance.randint(1, 5), fails=chance.random() < 0.85) for name in names)
    return Map(services, tuple(needs.values()))
