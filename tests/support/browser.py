"""A real browser for the console's tests: Chromium, in which nothing may be complained of."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAIT_MS = 60_000


def find_chromium() -> str:
    """Returns where Chromium is. Fails where there is none: a console that nobody has looked at is not tested."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    pytest.fail(f"no browser found (looked for {', '.join(_NAMES)}): apt-get install chromium")


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def page_of(browser: Browser, *, bears: str = "", **options: Any) -> Iterator[Page]:
    """A page of a browser that knows nothing yet; at its end, whatever its console held is a failure.

    `bears` is part of complaints that a test brings about: Chromium notes each answer that is no success.
    """
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not (bears and bears in message.text):
            complaints.append(message.text)

    context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert not complaints, (
        f"The browser reported errors; a violation of the page's policy (CSP) is one too: {complaints}"
    )
