"""All files: found, shared among processes, gathered."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from holdfast.audit.accepting.comments import comments
from holdfast.audit.auditing import FileAudit, audit_source, outline_source
from holdfast.audit.project.linking import Linked
from holdfast.audit.project.outlines import FileFacts, Outline
from holdfast.audit.sources import Source, discover, read
from holdfast.audit.values import RANK, Report, Unread

T = TypeVar("T")
Each = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
Progress = Callable[[int, int], None]
"""Called with steps done, and of all: each file is read twice."""
FEW = 40
"""Up to this many files, starting processes costs more than it saves."""


def audit_files(
    paths: Sequence[str], *, exclude: Sequence[str] = (), jobs: int = 0, progress: Progress | None = None
) -> Report:
    """Audit all Python files under `paths`. `jobs` 0: as many as there are cores."""
    files = list(discover(paths, exclude))
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1 or len(files) <= FEW:
        return _both_passes(map, files, progress)
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        return _both_passes(partial(pool.imap, chunksize=8), files, progress)


def _both_passes(each: Each, files: list[str], progress: Progress | None) -> Report:
    """Outlines of all files, then their audits with what the outlines say of each other."""
    outlines: list[Outline | None] = []
    _gather(each(_outline, files), outlines, 2 * len(files), progress)
    facts = Linked([o for o in outlines if o is not None]).facts()
    results: list[FileAudit] = []
    tasks = [(file, facts.get(file)) for file in files]
    _gather(each(_one, tasks), results, 2 * len(files), progress, len(files))
    return report(results)


def audit_texts(sources: Iterable[Source]) -> Report:
    """Audit texts that are already read: pure."""
    whole = list(sources)
    outlines = [outline_source(source) for source in whole]
    facts = Linked([o for o in outlines if o is not None]).facts()
    return report([_audited(source, facts.get(source.file)) for source in whole])


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


def _outline(file: str) -> Outline | None:
    source = read(file)
    return None if isinstance(source, Unread) else outline_source(source)


def _one(task: tuple[str, FileFacts | None]) -> FileAudit:
    file, facts = task
    source = read(file)
    return FileAudit(unread=source) if isinstance(source, Unread) else _audited(source, facts)


def _audited(source: Source, facts: FileFacts | None) -> FileAudit:
    result = audit_source(source, facts)
    result.comments = comments(source.file, source.text)
    return result


def _gather(found: Iterable[T], into: list[T], of: int, progress: Progress | None, before: int = 0) -> None:
    for result in found:
        into.append(result)
        if progress is not None:
            progress(before + len(into), of)
