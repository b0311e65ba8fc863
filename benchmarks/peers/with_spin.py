"""Spin on the Promela model: october.pml, compiled to a verifier; depth-first as it comes, and by chance."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from october import FULL, SMALL, Size
from rows import TRIAL_S, TRIALS, Trial, found, proved, rate

HERE = Path(__file__).parent
MODEL = "october.pml"
PEER = "Spin"
DEPTH_MAX = "1000000"
MEMORY_MB = 3000


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Verifier:
    """A compiled verifier in a directory of its own."""

    def __init__(self, directory: Path, size: Size, *options: str, mended: bool = False) -> None:
        directory.mkdir()
        self.directory = directory
        shutil.copy(HERE / MODEL, directory)
        self.sizes = [f"-D{name.upper()}={value}" for name, value in size._asdict().items()]
        self.sizes.append(f"-DMENDED={int(mended)}")
        begun = _cpu()
        self._do("spin", "-a", *self.sizes, MODEL)
        self._do("gcc", "-w", "-O2", "-DSAFETY", f"-DMEMLIM={MEMORY_MB}", *options, "-o", "pan", "pan.c")
        self.compiled_s = _cpu() - begun

    def _do(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.directory, check=True, capture_output=True, text=True)
        return done.stdout

    def run(self, *options: str, seconds: float = TRIAL_S) -> tuple[Trial, str]:
        """One search; stopped in the middle it says how far it came."""
        begun = _cpu()
        # The verifier prints its figures when it is interrupted.
        command = ["timeout", "-s", "INT", str(seconds), "./pan", f"-m{DEPTH_MAX}", *options]
        done = subprocess.run(command, cwd=self.directory, check=False, capture_output=True, text=True)
        states = re.search(r"([\d.e+]+) states, stored", done.stdout)
        errors = re.search(r"errors: (\d+)", done.stdout)
        assert states is not None, done.stdout + done.stderr
        assert errors is not None, done.stdout
        return Trial(errors[1] != "0", int(float(states[1])), _cpu() - begun), done.stdout

    def replayed(self) -> bool:
        """Whether the trail leads to the assertion again."""
        return "text of failed assertion" in self._do("spin", "-t", *self.sizes, MODEL)


def _depth(said: str) -> str:
    found = re.findall(r"(?:at depth|reducing search depth to) (\d+)", said)
    return str(min(map(int, found))) if found else "?"


def main() -> None:
    """The flawed race, the rate, the mended ones."""
    if shutil.which("spin") is None or shutil.which("gcc") is None:
        sys.exit("spin and gcc are not installed (apt-get install spin gcc)")
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        chance = Verifier(base / "chance", FULL, "-DP_RAND", "-DT_RAND")
        trials = [chance.run(f"-RS{seed}")[0] for seed in range(TRIALS)]
        compiled = f"and {chance.compiled_s:.1f} s to compile"
        found(PEER, "depth-first by chance", trials, units="states", note=compiled)
        ordered = Verifier(base / "ordered", FULL, "-DREACH")
        trial, said = ordered.run()
        again = sum(ordered.replayed() for _ in range(3))
        _, shorter = ordered.run("-i", seconds=6 * TRIAL_S)
        shrinks = f"-i: depth {_depth(said)} -> {_depth(shorter)}"
        found(
            PEER, "depth-first", [trial], units="states", shrinks=shrinks, replays=f"{again} of 3", note=compiled
        )
        mended = Verifier(base / "mended", FULL, mended=True)
        trial, said = mended.run(seconds=6 * TRIAL_S)
        rate(PEER, "depth-first", trial, units="states")
        done = "Search not completed" not in said
        proved(PEER, "the full size, depth-first", done=done and not trial.found, trial=trial, units="states")
        small = Verifier(base / "small", SMALL, mended=True)
        trial, said = small.run(seconds=6 * TRIAL_S)
        done = "Search not completed" not in said and "max search depth too small" not in said
        proved(PEER, "depth-first", done=done and not trial.found, trial=trial, units="states")


if __name__ == "__main__":
    main()
