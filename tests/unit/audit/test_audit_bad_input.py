"""What can't be audited is counted and told; nothing of it is a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.audit import sources
from holdfast.audit.engine import audit_files, audit_texts
from holdfast.audit.sources import Source


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"def f(:\n", "syntax: "),
        (b"print 'old'\n", "Python 2"),
        (b"except_ = 1\ntry:\n    pass\nexcept ValueError, e:\n    pass\n", "Python 2"),
        (b"name = '\xff\xfe'\n", "not text in its declared encoding"),
        (b"# coding: klingon\n", "not text in its declared encoding"),
        (b"x = 1\0\n", "syntax: "),
        (b"x = " + b"(" * 5000 + b")" * 5000, ""),
    ],
)
def test_a_bad_file_is_told_with_its_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    """The others in the folder are still audited."""
    (tmp_path / "bad.py").write_bytes(data)
    (tmp_path / "good.py").write_text("async def f(self):\n    await g()\n")
    report = audit_files([str(tmp_path)])
    assert (report.files, len(report.unread)) == (1, 1)
    assert report.unread[0].file.endswith("bad.py")
    assert report.unread[0].reason.startswith(reason)


def test_deep_nesting_is_told(tmp_path: Path) -> None:
    """A sum of 50,000 terms is a tree 50,000 deep: too deep to walk, or audited; never a crash."""
    (tmp_path / "deep.py").write_text(
        "async def f(self):\n    await g()\n    x = " + " + ".join(["1"] * 50_000) + "\n"
    )
    report = audit_files([str(tmp_path)])
    assert report.files + len(report.unread) == 1


def test_other_encodings_are_read(tmp_path: Path) -> None:
    """Latin-1 by declaration, and a byte order mark."""
    (tmp_path / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1"))
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbfname = 1\n")
    assert audit_files([str(tmp_path)]).files == 2


def test_a_loop_of_links_is_entered_once(tmp_path: Path) -> None:
    """Files are found once, also through links."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.py").write_text("x = 1\n")
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    assert audit_files([str(tmp_path)]).files == 1


def test_a_huge_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its size, before it is read."""
    monkeypatch.setattr(sources, "LARGEST_BYTES", 100)
    (tmp_path / "huge.py").write_text("x = 1\n" * 100)
    assert audit_files([str(tmp_path)]).unread[0].reason == "too large: 600 bytes of at most 100"


def test_names_excluded_are_left_out(tmp_path: Path) -> None:
    """A folder, and a file by pattern."""
    for name in ("keep.py", "skip_me.py", "old/one.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    assert audit_files([str(tmp_path)], exclude=["old", "skip_*.py"]).files == 1


def test_processes_give_what_one_gives(tmp_path: Path) -> None:
    """The report is the same, in the same order, whatever the number of processes."""
    body = "class A:\n    async def f(self):\n        if self.x is None:\n            self.x = await g()\n"
    for number in range(50):
        (tmp_path / f"m{number}.py").write_text(body)
    assert audit_files([str(tmp_path)], jobs=2) == audit_files([str(tmp_path)], jobs=1)


def test_a_fingerprint_stays_when_lines_move() -> None:
    """Lines above, indentation and spaces change nothing; another path does."""
    body = "class A:\n    async def f(self):\n        if self.x is None:\n            self.x = await g()\n"
    first, moved, other = (
        audit_texts([Source("m.py", "m", text)]).findings[0].fingerprint
        for text in (body, "# more\n\n" + body.replace("x = a", "x  =  a"), body.replace("self.x", "self.y"))
    )
    assert first == moved
    assert first != other
