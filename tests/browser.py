"""Debian's chromium, driven by Playwright: pages that remember what the browser's console said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from visible import missing

CONTRAST = """() => {
  const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const style = getComputedStyle(element);
    const own = channels(style.backgroundColor);
    return own.length && own[3] !== 0 ? over(own, ground(element.parentElement)) : ground(element.parentElement);
  };
  const light = (rgb) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.getClientRects().length) continue;
    if (element.closest(":disabled, script, style")) continue;
    const under = ground(element);
    const [a, b] = [light(over(channels(getComputedStyle(element).color), under)), light(under)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, node.data.trim().slice(0, 40)]);
  }
  return found;
}"""
"""Contrast of each visible text with what lies behind it (WCAG 2.2, 1.4.3), without what is disabled."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; a visible skip where it isn't installed. Playwright's own download is never used."""
    path = shutil.which("chromium")
    if path is None:
        missing("chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        # Tests in containers run as root, where chromium starts only without its sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page in a window of its own, and what it complained about or asked the network for."""

    def __init__(
        self,
        browser: Browser,
        *,
        width: int = 1440,
        scheme: Literal["light", "dark"] = "light",
        scripts: bool = True,
    ) -> None:
        self._context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path, fragment: str = "") -> Page:
        """Open a file."""
        self.page.goto(path.as_uri() + fragment)
        return self.page

    def texts(self, selector: str) -> list[str]:
        """What each matching element says, visible or not."""
        found: list[str] = self.page.locator(selector).evaluate_all("all => all.map((one) => one.textContent)")
        return found

    def box(self, selector: str) -> dict[str, float]:
        """Where an element is."""
        found: Any = self.page.locator(selector).first.bounding_box()
        assert found is not None, f"{selector} is not to be seen"
        return dict(found)

    def middle(self, selector: str) -> tuple[float, float]:
        """The middle of an element."""
        box = self.box(selector)
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    @property
    def overflow_px(self) -> float:
        """By how much the page is wider than the window."""
        found: float = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return found

    def poorest_contrast(self) -> tuple[float, str]:
        """The text that is hardest to read, and its contrast."""
        found = self.page.evaluate(CONTRAST)
        assert len(found) > 20
        ratio, text = min(found)
        return ratio, text

    def close(self) -> None:
        """Close the window, and say that the page was quiet: no complaint, no request but for itself."""
        self._context.close()
        assert self.complaints == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:"))] == []
