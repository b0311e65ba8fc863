"""`python -m zones 7 20-29`: storms by seed, one JSON line each; `summary FILE...` tells what came of them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "system"))

from zones.campaign import main

if __name__ == "__main__":
    main(sys.argv[1:])
