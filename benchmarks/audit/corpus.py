"""Public asyncio projects to run the audit on: fetched by pip with pinned names, versions and hashes, and
unpacked.

    python benchmarks/audit/corpus.py [tuning] [heldout] [--to DIRECTORY]

Wheels only, for one Python and platform, so that nothing is built and nothing of them is run. What is kept is
their own Python source: tests, generated protocol buffers and vendored copies of other projects are left out.
Prints projects, files and lines. The split in two halves was fixed before any finding was seen: projects by size
in pairs, and of each pair the one whose name has the smaller SHA-256 is held out.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).parent
HALVES = ("tuning", "heldout")
DIRECTORY = Path(".corpus")
PYTHON = "3.13.9"
PLATFORMS = ("any", "manylinux1_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64")
_NOT_THEIRS = re.compile(r"(^|/)(_?tests?|_?testing|_?vendor(ed)?|third_party|node_modules|[^/]+\.data)/")
_NOT_SOURCE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|conftest|[^/]*_pb2(_grpc)?)\.py$")


def fetch(requirements: Path, into: Path, *, python: str = PYTHON) -> None:
    """Let pip fetch the wheels that a pinned file names, by hash; those made for `python`."""
    into.mkdir(parents=True, exist_ok=True)
    tag = "cp" + "".join(python.split(".")[:2])
    tag += "m" if tag in ("cp36", "cp37") else ""
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    abis = [word for abi in (tag, "abi3", "none") for word in ("--abi", abi)]
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--implementation", "cp"]
    command += ["--python-version", python, *platforms, *abis, "--dest", str(into), "-r", str(requirements)]
    subprocess.run(command, check=True)


def wheel_of(name: str, version: str, wheels: Path) -> Path:
    """The fetched wheel of a project."""
    for path in wheels.glob("*.whl"):
        project, found = path.name.split("-")[:2]
        if project.replace("_", "-").lower() == name and found == version:
            return path
    raise FileNotFoundError(f"{name} {version} was not fetched into {wheels}")


def unpack(wheel: Path, into: Path) -> None:
    """The project's own Python source; what was there before goes."""
    shutil.rmtree(into, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inside = PurePosixPath(name)
            if ".." in inside.parts or inside.is_absolute() or not is_source(name):
                continue
            path = into / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))


def is_source(name: str) -> bool:
    """Whether a file of a wheel is the project's own Python source."""
    return name.endswith(".py") and not _NOT_THEIRS.search(name) and not _NOT_SOURCE.search(name)


def pinned(requirements: Path) -> list[tuple[str, str]]:
    """Names and versions of a pinned file."""
    lines = [line.split()[0] for line in requirements.read_text().splitlines() if "==" in line]
    return [(name, version) for name, version in (line.split("==") for line in lines)]


def measure(directory: Path) -> tuple[int, int]:
    """Files and lines of Python under a directory."""
    files = list(directory.rglob("*.py"))
    return len(files), sum(path.read_bytes().count(b"\n") for path in files)


def main() -> None:
    """Fetch, unpack, count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("halves", nargs="*", metavar="HALF", default=HALVES, help="tuning, heldout; default: both")
    parser.add_argument("--to", type=Path, default=DIRECTORY)
    given = parser.parse_args()
    for half in given.halves:
        if half not in HALVES:
            parser.error(f"there is no half {half!r}: tuning or heldout")
        requirements = HERE / f"corpus-{half}.txt"
        fetch(requirements, given.to / "wheels")
        total = [0, 0, 0]
        for name, version in pinned(requirements):
            unpack(wheel_of(name, version, given.to / "wheels"), given.to / half / name)
            files, lines = measure(given.to / half / name)
            print(f"{half:8} {name:24} {version:12} {files:6} files {lines:9,} lines", flush=True)
            total = [total[0] + 1, total[1] + files, total[2] + lines]
        print(f"{half}: {total[0]} projects, {total[1]:,} files, {total[2]:,} lines", flush=True)


if __name__ == "__main__":
    main()
