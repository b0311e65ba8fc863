"""Precision by tier and agreement of two labellers, from the labels that are kept here.

    python benchmarks/audit/agreement.py [--format json]

`labels-1.jsonl` and `labels-2.jsonl` have one line for each row of `sample.jsonl`, with id, label and reason; the
label is `true`, `false` or `unclear`. *Unclear* counts as not true. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
LABELS = ("true", "false", "unclear")
TIERS = ("high", "medium", "low")


def read(file: Path) -> dict[str, dict[str, str]]:
    """Rows by id.

    Raises:
        ValueError: for an id that comes twice.
    """
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    by_id = {str(row["id"]): row for row in rows}
    if len(by_id) != len(rows):
        raise ValueError(f"{file}: an id comes twice")
    return by_id


def labels(file: Path, ids: set[str]) -> dict[str, str]:
    """A labeller's labels, complete.

    Raises:
        ValueError: for missing or unknown ids, unknown labels, missing reasons.
    """
    rows = read(file)
    if set(rows) != ids:
        raise ValueError(f"{file}: missing {sorted(ids - set(rows))}, unknown {sorted(set(rows) - ids)}")
    for row in rows.values():
        if row["label"] not in LABELS or not row["reason"].strip():
            raise ValueError(f"{file}: {row['id']}: a label of {', '.join(LABELS)}, and a reason")
    return {name: row["label"] for name, row in rows.items()}


def kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Cohen's kappa; 1 when both use one and the same label throughout."""
    n = len(pairs)
    agreed = sum(a == b for a, b in pairs) / n
    ones, others = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(ones[label] * others[label] for label in set(ones) | set(others)) / (n * n)
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.96, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def summary(keys: dict[str, str], one: dict[str, str], two: dict[str, str]) -> list[dict[str, object]]:
    """Per tier: how many, true by each labeller, by both, and by at least one."""
    rows: list[dict[str, object]] = []
    for tier in TIERS:
        ids = [i for i, t in keys.items() if t == tier]
        both = sum(one[i] == "true" and two[i] == "true" for i in ids)
        rows.append(
            {
                "tier": tier,
                "findings": len(ids),
                "first": sum(one[i] == "true" for i in ids),
                "second": sum(two[i] == "true" for i in ids),
                "both": both,
                "either": sum(one[i] == "true" or two[i] == "true" for i in ids),
                "interval_both": wilson(both, len(ids)),
            }
        )
    return rows


def single(keys: dict[str, str], one: dict[str, str]) -> str:
    """The table of one labeller."""
    rows = ["| tier | findings | true | false | unclear | true, 95 % |", "|---|---|---|---|---|---|"]
    for tier in TIERS:
        counts = Counter(one[i] for i, t in keys.items() if t == tier)
        low, high = wilson(counts["true"], counts.total())
        cells = " | ".join(str(counts[label]) for label in LABELS)
        rows.append(f"| {tier} | {counts.total()} | {cells} | {low:.0%} to {high:.0%} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--format", dest="form", choices=("text", "json"), default="text")
    given = parser.parse_args()
    keys = {name: row["tier"] for name, row in read(HERE / "sample-key.jsonl").items()}
    one = labels(HERE / "labels-1.jsonl", set(keys))
    if not (HERE / "labels-2.jsonl").exists():
        print("labels-2.jsonl is not there yet: one labeller only, no agreement\n")
        print(single(keys, one))
        return
    two = labels(HERE / "labels-2.jsonl", set(keys))
    rows = summary(keys, one, two)
    pairs = [(one[i], two[i]) for i in sorted(keys)]
    if given.form == "json":
        print(
            json.dumps({"tiers": rows, "kappa": kappa(pairs), "agreed": sum(a == b for a, b in pairs)}, indent=1)
        )
        return
    print("| tier | findings | true: first | second | both | either | both, 95 % |\n|---|---|---|---|---|---|---|")
    for row in rows:
        low, high = wilson(int(str(row["both"])), int(str(row["findings"])))
        cells = " | ".join(str(row[name]) for name in ("findings", "first", "second", "both", "either"))
        print(f"| {row['tier']} | {cells} | {low:.0%} to {high:.0%} |")
    print(f"\n{sum(a == b for a, b in pairs)} of {len(pairs)} labels agree; Cohen's kappa {kappa(pairs):.2f}")
    print("disagreement:", ", ".join(i for i in sorted(keys) if one[i] != two[i]) or "none")


if __name__ == "__main__":
    main()
