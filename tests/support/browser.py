"""Runs the console's tests in Chromium, and fails them if the browser reports errors or warnings."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Names of Chromium. The first, a package of Debian, has no window and needs a third of the CPU of the others."""
WAIT_MS = 180_000

expect.set_options(timeout=WAIT_MS)


def find_chromium() -> str:
    """Returns the path of Chromium. Fails the test, instead of skipping it, if Chromium is not installed."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    pytest.fail(f"No browser found ({', '.join(_NAMES)}). Install one with `apt-get install chromium`.")


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Yields Chromium, running without a window."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def page_of(browser: Browser, *, allowed_error: str = "", **options: Any) -> Iterator[Page]:
    """Yields a page in a new browser context, without cookies or storage.

    Raises AssertionError at the end of the block if the page reported errors or warnings. Messages that contain
    `allowed_error` are ignored: Chromium logs an error for each response whose status is not a success.
    """
    messages: list[str] = []

    def record(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not (allowed_error and allowed_error in message.text):
            messages.append(message.text)

    context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.on("console", record)
    page.on("pageerror", lambda error: messages.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    # A violation of the page's content security policy is reported as an error too.
    assert not messages, f"The browser reported errors: {messages}"
