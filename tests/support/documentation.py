"""The documentation page, /docs, as somebody uses it in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.browser import WAIT_MS, page_of, running_browser


@contextmanager
def documentation_page(api_url: str, bears: str = "") -> Iterator[Page]:
    """The page, opened in a browser that has no key. `bears` is as for `page_of`."""
    with running_browser() as browser, page_of(browser, bears=bears) as page:
        page.goto(f"{api_url}/docs")
        expect(page).to_have_title("Resma API", timeout=WAIT_MS)
        expect(page.locator(".opblock").first).to_be_visible(timeout=WAIT_MS)
        yield page


def authorize(page: Page, key: str) -> None:
    """Enters a key, after which the page loads the document again."""
    with page.expect_response("**/openapi.json"):
        page.get_by_role("button", name="Authorize").first.click()
        page.locator(".auth-container input").first.fill(key)
        page.locator(".auth-btn-wrapper .authorize").first.click()
    page.get_by_role("button", name="Close").first.click()


def operation(page: Page, operation_id: str) -> Locator:
    """An operation's part of the page, opened."""
    found = page.locator(f"[id$='-{operation_id}'].opblock")
    found.locator(".opblock-summary-control").click()
    return found


def try_out(page: Page, operation_id: str, **parameters: str) -> tuple[int, dict[str, Any]]:
    """Tries an operation; returns the status and the body of the answer."""
    opened = operation(page, operation_id)
    opened.get_by_role("button", name="Try it out").click()
    for name, value in parameters.items():
        opened.locator(f"tr[data-param-name='{name}'] input").fill(value)
    method = opened.locator(".opblock-summary-method").inner_text()
    with page.expect_response(lambda answer: answer.request.method == method and "/api/v1/" in answer.url) as waited:
        opened.get_by_role("button", name="Execute").click()
    shown = opened.locator(".live-responses-table tbody .response-col_status").first
    expect(shown).to_contain_text(str(waited.value.status), timeout=WAIT_MS)
    return waited.value.status, waited.value.json()
