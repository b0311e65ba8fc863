"""The October race beside the peers: one model, one run, one table; raw output in benchmarks/out/lab_peers.jsonl.

Run: python benchmarks/lab_peers.py [PEER...]    (about ten minutes; PEER as in benchmarks/peers/with_PEER.py)

simloop and simloom need Python 3.12: `sh scripts/peers.sh` makes an environment with them in .venv-peers, which is
used if it is there, for ours too. Spin comes from Debian (`apt-get install spin`). A peer that is missing has a
line that says so.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
OUT = HERE / "out" / "lab_peers.jsonl"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PEERS = (
    "ours_ports",
    "ours_asyncio",
    "with_frontrun",
    "with_simloop",
    "with_simloom",
    "with_hypothesis",
    "with_spin",
)
TIMEOUT_S = 900


def main() -> None:
    """Every peer, or those that are named."""
    chosen = [p for p in PEERS if not sys.argv[1:] or p.split("_", 1)[1] in sys.argv[1:]]
    if not chosen:
        sys.exit(f"no such peer: there are {', '.join(p.split('_', 1)[1] for p in PEERS)}")
    python = str(PYTHON if PYTHON.exists() else sys.executable)
    rows = []
    for peer in chosen:
        print(f"{peer} ...", file=sys.stderr, flush=True)
        rows += _run(python, peer)
    OUT.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    print(f"{_machine(python)}\n\n{_tables(rows)}\n\nraw: {OUT.relative_to(ROOT)}")


def _run(python: str, peer: str) -> list[dict[str, Any]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(HERE / "peers")))}
    OUT.parent.mkdir(exist_ok=True)
    printed = OUT.parent / f"lab_peers.{peer}.txt"
    why = ""
    with (
        printed.open("w+") as out,
        subprocess.Popen(
            [python, str(HERE / "peers" / f"{peer}.py")],
            env=environment,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            _, complaints = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            why = f"not done after {TIMEOUT_S} s"
        else:
            if process.returncode:
                why = (complaints.strip().splitlines() or ["no reason given"])[-1]
    rows = _rows(printed.read_text())
    return [*rows, {"row": "missing", "peer": peer, "why": why}] if why else rows


def _rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def _machine(python: str) -> str:
    program = "import platform; print(platform.python_version())"
    version = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"Python {version}, {platform.machine()}, {os.cpu_count()} cores, load {load}"


def _tables(rows: list[dict[str, Any]]) -> str:
    parts = [_table(FOUND, [_found(r) for r in rows if r["row"] == "found"])]
    parts.append(_table(RATES, [_rate(r) for r in rows if r["row"] == "rate"]))
    parts.append(_table(PROOFS, [_proof(r) for r in rows if r["row"] == "proof"]))
    parts += [f"{r['peer']}: missing: {r['why']}" for r in rows if r["row"] == "missing"]
    return "\n\n".join(part for part in parts if part)


FOUND = ("3 plans, 3 enactors, 3 endpoints", "mode", "found", "median to find", "CPU s", "left", "replays", "note")
RATES = ("the mended race, same size", "mode", "per CPU second")
PROOFS = ("3 plans, 2 enactors, 2 endpoints, mended", "mode", "searched all", "count", "CPU s", "note")


def _found(r: dict[str, Any]) -> tuple[str, ...]:
    if not r["found"]:
        looked = f"> {r['tried']:,.0f} {r['units']}"
        return r["peer"], r["mode"], f"0 of {r['trials']}", looked, "", "", "", r["note"]
    many = f"{r['count']:,.0f} {r['units']}"
    of = f"{r['found']} of {r['trials']}"
    return r["peer"], r["mode"], of, many, _seconds(r["seconds"]), r["shrinks"], r["replays"], r["note"]


def _rate(r: dict[str, Any]) -> tuple[str, ...]:
    two_digits = float(f"{r['rate']:.2g}")
    return r["peer"], r["mode"], f"{two_digits:,.0f} {r['units']}"


def _proof(r: dict[str, Any]) -> tuple[str, ...]:
    done = "yes" if r["proof"] else "no"
    return r["peer"], r["mode"], done, f"{r['count']:,} {r['units']}", _seconds(r["seconds"]), r["note"]


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:.0f}"


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = [
        " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in (heads, *rows)
    ]
    return "\n".join(f"| {line} |" for line in (lines[0], "-|-".join("-" * w for w in widths), *lines[1:]))


if __name__ == "__main__":
    main()
