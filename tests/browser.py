"""A real browser for the tests of the page: Debian's chromium, without a window and without a network.

Used as `with page(...) as opened:`; what the page said on its console, asked of the network, refused or opened as a
dialog is noted, and a test says which of that it expects (mostly: nothing).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 120
"""Seconds that a page may take to come to what is waited for; two are usual, and a slow machine is no error."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """The browser's program: RVEVAL_BROWSER, or the first of the usual names."""
    named = os.environ.get("RVEVAL_BROWSER")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def has_playwright() -> bool:
    try:
        import playwright  # noqa: F401
    except ImportError:
        return False
    return True


BROWSER = find_browser()
needs_browser = pytest.mark.skipif(
    BROWSER is None or not has_playwright(),
    reason="no browser: apt-get install chromium (or name one in RVEVAL_BROWSER), and pip install -e '.[test]'",
)


@dataclass
class Opened:
    """A page that is open, and what happened on it.

    Args:
        page: playwright's page.
        said: errors and warnings of the console, and exceptions that nobody caught.
        asked: addresses that were asked for, other than files and data.
        dialogs: alerts and the like.
    """

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def until(self, condition: str, seconds: float = PATIENCE) -> None:
        """Wait until an expression is true. Playwright's own way would evaluate it in ways that the policy forbids."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"waited {seconds} s for: {condition}"
            time.sleep(0.02)

    def quiet(self) -> bool:
        """Whether nothing went wrong and nothing was sent anywhere."""
        return (self.said, self.asked, self.dialogs) == ([], [], [])


@contextmanager
def browser() -> Iterator[Any]:
    """A browser; one is enough for all pages of a module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        # No sandbox: the tests may run as root, in a container; the pages are our own.
        started = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def opened(
    started: Any, address: str | Path, *, width: int = 1400, height: int = 900, theme: str = "light", wait: bool = True
) -> Iterator[Opened]:
    """A page of its own, with nothing remembered from others."""
    context = started.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    context.set_default_timeout(PATIENCE * 1000)
    found = Opened(context.new_page())

    def heard(message: Any) -> None:
        # That canvases are read is the tests' own doing, not the page's.
        if message.type in ("error", "warning") and "getImageData" not in message.text:
            found.said.append(message.text)

    found.page.on("console", heard)
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    found.page.on("dialog", lambda dialog: (found.dialogs.append(dialog.message), dialog.dismiss()))
    local = ("file:", "data:", "about:", "http://127.0.0.1:", "blob:")
    found.page.on("request", lambda request: request.url.startswith(local) or found.asked.append(request.url))
    try:
        found.page.goto(address.as_uri() if isinstance(address, Path) else address)
        if wait:
            found.page.wait_for_selector("html[data-ready=yes]")
        yield found
    finally:
        context.close()


# Scrolls every drawing into sight, waits until all are drawn, and counts those whose canvas holds more than one colour.
DRAWN = """async () => {
  const all = [...document.querySelectorAll('.view:not([hidden]) .drawn')];
  const inked = (root) => [...root.querySelectorAll('*')].some((element) => {
    if (element.shadowRoot && inked(element.shadowRoot)) return true;
    if (element.tagName !== 'CANVAS' || !element.width || !element.height) return false;
    const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
    const colours = new Set();
    for (let at = 0; at < data.length && colours.size < 5; at += 4) {
      if (data[at + 3]) colours.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
    }
    return colours.size > 2;
  });
  for (const element of all) {
    element.scrollIntoView({ block: 'center', behavior: 'instant' });
    for (let turn = 0; turn < 600 && !(element.dataset.ready && inked(element)); turn += 1) {
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  return { drawings: all.length, drawn: all.filter(inked).length };
}"""
