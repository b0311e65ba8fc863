"""Makes the README's pictures again, from a tape of the corpus, in Debian's chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
TAPE = Path("tests") / "lab" / "tapes" / "2025-shortest.json"
STEP = 17
"""The write on old knowledge, four steps before the name is empty."""
WINDOW = {"width": 1180, "height": 740}


def main() -> None:
    """Writes docs/pictures/run-light.png and run-dark.png."""
    with tempfile.TemporaryDirectory() as directory:
        page = Path(directory) / "run.html"
        holdfast = "from holdfast.cli.main import main; main()"
        command = [sys.executable, "-c", holdfast, "lab", "replay", str(TAPE), "--out", str(page)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own command
        for scheme in ("light", "dark"):
            _picture(page, scheme, ROOT / "docs" / "pictures" / f"run-{scheme}.png")


def _picture(page: Path, scheme: str, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        window = browser.new_page(viewport=WINDOW, color_scheme=scheme, device_scale_factor=1.5)
        window.goto(f"{page.as_uri()}#step-{STEP}")
        window.screenshot(path=to)
        browser.close()


if __name__ == "__main__":
    main()
