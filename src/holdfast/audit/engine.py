"""All files: found, shared among processes, gathered."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence

from holdfast.audit.accepting.comments import comments
from holdfast.audit.auditing import FileAudit, audit_source
from holdfast.audit.sources import Source, discover, read
from holdfast.audit.values import RANK, Report, Unread

Progress = Callable[[int, int], None]
"""Called with the number of files done, and of all."""
FEW = 40
"""Up to this many files, starting processes costs more than it saves."""


def audit_files(
    paths: Sequence[str], *, exclude: Sequence[str] = (), jobs: int = 0, progress: Progress | None = None
) -> Report:
    """Audit all Python files under `paths`. `jobs` 0: as many as there are cores."""
    files = list(discover(paths, exclude))
    jobs = jobs or os.cpu_count() or 1
    results: list[FileAudit] = []
    if jobs == 1 or len(files) <= FEW:
        _gather(map(_one, files), results, len(files), progress)
    else:
        with multiprocessing.get_context("spawn").Pool(jobs) as pool:
            _gather(pool.imap(_one, files, chunksize=8), results, len(files), progress)
    return report(results)


def audit_texts(sources: Iterable[Source]) -> Report:
    """Audit texts that are already read: pure."""
    return report([_audited(source) for source in sources])


def report(results: Sequence[FileAudit]) -> Report:
    """One report of all files, strongest findings first within each."""
    findings = [
        f
        for r in results
        for f in sorted(r.findings, key=lambda f: (RANK[f.tier], f.act.line, f.act.column, f.rule))
    ]
    unread = sorted(r.unread for r in results if r.unread is not None)
    return Report(
        findings=tuple(findings),
        unread=tuple(unread),
        files=len(results) - len(unread),
        lines=sum(r.lines for r in results),
        functions=sum(r.functions for r in results),
        comments=tuple(comment for r in results for comment in r.comments),
    )


def _one(file: str) -> FileAudit:
    source = read(file)
    return FileAudit(unread=source) if isinstance(source, Unread) else _audited(source)


def _audited(source: Source) -> FileAudit:
    result = audit_source(source)
    result.comments = comments(source.file, source.text)
    return result


def _gather(found: Iterable[FileAudit], into: list[FileAudit], of: int, progress: Progress | None) -> None:
    for result in found:
        into.append(result)
        if progress is not None:
            progress(len(into), of)
