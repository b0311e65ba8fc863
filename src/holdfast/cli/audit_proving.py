"""`audit --prove DIR`: each finding tried, the tests written, what came of it told."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from holdfast.cli.common import fail

if TYPE_CHECKING:
    from holdfast.audit.values import Finding
    from holdfast.proving.values import Proof


def prove_all(findings: Sequence[Finding], directory: Path) -> dict[str, Proof]:
    """Proofs by fingerprint; the tests of those that reached the act are in the directory."""
    from holdfast.proving.proving import prove
    from holdfast.proving.values import Answer

    proofs: dict[str, Proof] = {}
    for number, finding in enumerate(findings, start=1):
        if sys.stderr.isatty():
            click.echo(f"proving {number} of {len(findings)}: {finding.function}", err=True)
        proof = proofs[finding.fingerprint] = prove(finding)
        if proof.answer is not Answer.NOT_REACHED:
            _write(directory, finding, proof)
    return proofs


def _write(directory: Path, finding: Finding, proof: Proof) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / file_name(finding)).write_text(proof.test, encoding="utf-8")
    except OSError as error:
        fail(f"{directory}: {error.strerror}")


def file_name(finding: Finding) -> str:
    """Of the finding's test: told apart by fingerprint."""
    plain = re.sub(r"\W+", "_", f"{finding.rule}_{finding.function}").lower().strip("_")
    return f"test_{plain}_{finding.fingerprint[:8]}.py"


def told(findings: Sequence[Finding], proofs: Mapping[str, Proof]) -> Iterator[str]:
    """For people: one paragraph for each proof, then a count."""
    from holdfast.proving.values import Answer

    if not proofs:
        return
    for finding in findings:
        proof = proofs[finding.fingerprint]
        yield f"\n{finding.file}:{finding.act.line}: {finding.rule} {finding.function}: {proof.answer.value}"
        yield f"  {proof.said}"
        if proof.story:
            yield "\n".join(f"  {line}".rstrip() for line in proof.story.splitlines()[1:])
        if proof.answer is not Answer.NOT_REACHED:
            yield f"  test: {file_name(finding)}"
    answers = [proof.answer for proof in proofs.values()]
    counts = ", ".join(f"{answers.count(answer)} {answer.value}" for answer in Answer)
    yield f"\nproofs: {counts}"
