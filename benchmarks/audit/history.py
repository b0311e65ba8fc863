"""Recall: does the audit find, in the version before a fix, what was fixed? And does it fall silent after it?

    python benchmarks/audit/history.py [ID...] [--to DIRECTORY] [--format json]

`history.toml` has fixes of stale checks that were mined from public changelogs and pull requests before anybody
knew what the audit finds in them. Both versions are fetched by pip, by hash, and audited; nothing of them is run.
*hit*: a finding lies in a function that was at fault. *right rule*: by the rule that the fix points to. *gone*: no
finding of that rule on that path is left in the function after the fix.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import tomllib
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from corpus import PYTHON, fetch
from holdfast.audit.engine import audit_files
from holdfast.audit.values import RANK, Finding

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Fix:
    """A row of `history.toml`."""

    id: str
    project: str
    before: str
    before_sha256: str
    after: str
    after_sha256: str
    at: list[str]
    rule: str
    kind: str
    says: str
    source: str
    audited: list[str] = field(default_factory=list)
    python: str = PYTHON


@dataclass(frozen=True)
class Result:
    """What the audit says of a fix. `tier` is the strongest tier of a hit."""

    id: str
    rule: str
    hit: bool
    tier: str
    rules: list[str]
    right_rule: bool
    gone: bool
    lines: list[str]


def fixes() -> list[Fix]:
    """All rows."""
    with (HERE / "history.toml").open("rb") as file:
        return [Fix(**row) for row in tomllib.load(file)["fix"]]


def source_of(fix: Fix, version: str, sha256: str, to: Path) -> Path:
    """Where a version's source lies, fetched and unpacked unless it is there."""
    wheels = to / "wheels" / sha256[:16]
    if not wheels.is_dir():
        with tempfile.TemporaryDirectory() as made:
            pins = Path(made) / "pins.txt"
            pins.write_text(f"{fix.project}=={version} --hash=sha256:{sha256}\n")
            fetch(pins, Path(made) / "wheels", python=fix.python)
            wheels.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(made) / "wheels", wheels)
    (wheel,) = wheels.glob("*.whl")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != sha256:
        raise ValueError(f"{wheel} is not the wheel that history.toml names")
    source = to / f"{fix.project}-{version}"
    if not source.is_dir():
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                inside = PurePosixPath(name)
                if inside.suffix == ".py" and ".." not in inside.parts and not inside.is_absolute():
                    archive.extract(name, source)
    return source


def findings_at(fix: Fix, source: Path) -> list[Finding]:
    """Findings in the functions that were at fault."""
    paths = [str(source / part) for part in fix.audited] or [str(source)]
    at = [row.split("::") for row in fix.at]
    return [
        finding
        for finding in audit_files(paths).findings
        for file, function in at
        if finding.file == str(source / file) and inside(finding.function, function)
    ]


def inside(found: str, function: str) -> bool:
    """Whether a finding's function is that one, or stands within it."""
    plain = found.replace(".<locals>", "")
    return plain == function or plain.startswith(f"{function}.")


def judge(fix: Fix, to: Path) -> Result:
    """Audit both versions."""
    before = findings_at(fix, source_of(fix, fix.before, fix.before_sha256, to))
    after = findings_at(fix, source_of(fix, fix.after, fix.after_sha256, to))
    left = {(f.rule, f.path) for f in after}
    strongest = sorted(before, key=lambda f: RANK[f.tier])
    return Result(
        id=fix.id,
        rule=fix.rule,
        hit=bool(before),
        tier=strongest[0].tier.value if strongest else "",
        rules=sorted({f.rule for f in before}),
        right_rule=any(f.rule == fix.rule for f in before),
        gone=bool(before) and any((f.rule, f.path) not in left for f in before),
        lines=[f"{f.rule} {f.tier.value} {f.path} check {f.check.line} act {f.act.line}" for f in strongest],
    )


def main() -> None:
    """Judge the fixes and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--to", type=Path, default=Path(".corpus/history"))
    parser.add_argument("--format", dest="form", choices=("text", "json"), default="text")
    given = parser.parse_args()
    results = []
    for fix in fixes():
        if given.ids and fix.id not in given.ids:
            continue
        result = judge(fix, given.to)
        results.append(result)
        if given.form == "text":
            said = (
                f"{result.tier:6} {'gone' if result.gone else 'stays':5} {' '.join(result.rules)}"
                if result.hit
                else "-"
            )
            print(f"{fix.id:24} {fix.rule} {'hit ' if result.hit else 'miss'} {said}", flush=True)
    if given.form == "json":
        print(json.dumps([asdict(result) for result in results], indent=1))
        return
    strong = sum(r.hit and r.tier != "low" for r in results)
    print(
        f"{len(results)} fixes: {sum(r.hit for r in results)} hit ({strong} in the tiers high and medium),"
        f" {sum(r.right_rule for r in results)} by the rule that the fix points to,"
        f" {sum(r.gone for r in results)} gone after the fix"
    )


if __name__ == "__main__":
    main()
