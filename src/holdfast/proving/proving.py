"""From a finding to its proof: a child process tries it, within a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from holdfast.audit.values import Finding
from holdfast.proving.values import Answer, Proof, Task

CHILD_S = 180.0
"""The longest that all variants of one finding may take."""


def task_of(finding: Finding, seconds: float) -> Task:
    """The finding for a child: where its imports start is told by its module's name and its file."""
    file = Path(finding.file).resolve()
    parts = finding.module.split(".")
    root = file.parents[len(parts) - 1] if file.name != "__init__.py" else file.parents[len(parts)]
    check, act = finding.check, finding.act
    return Task(
        rule=finding.rule,
        root=str(root),
        module=finding.module,
        function=finding.function,
        path=finding.path,
        check=(str(Path(check.file).resolve()), check.line),
        gap=None if finding.gap is None else (str(Path(finding.gap.file).resolve()), finding.gap.line),
        act=(str(Path(act.file).resolve()), act.line),
        seconds=seconds,
    )


def prove(finding: Finding, seconds: float = 5.0) -> Proof:
    """Try a finding. `seconds` is the time of each search. Its code is imported, and so it runs."""
    command = [sys.executable, "-m", "holdfast.proving.attempt"]
    try:
        child = subprocess.run(  # noqa: S603  # our own module
            command,
            input=msgspec.json.encode(task_of(finding, seconds)),
            capture_output=True,
            timeout=CHILD_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Proof(Answer.NOT_REACHED, f"it did not end within {CHILD_S:.0f} s")
    lines = child.stdout.splitlines()
    try:
        return msgspec.json.decode(lines[-1] if lines else b"", type=Proof)
    except msgspec.MsgspecError:
        last = child.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit {child.returncode}"]
        return Proof(Answer.NOT_REACHED, f"the process ended without an answer: {last[0][:200]}")
