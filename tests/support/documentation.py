"""Actions of a user of the documentation page, /docs, for tests in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.browser import WAIT_MS, page_of, running_browser


@contextmanager
def documentation_page(api_url: str, allowed_error: str = "") -> Iterator[Page]:
    """Yields the page, opened in a browser without a key. `allowed_error` has the same meaning as in `page_of`."""
    with running_browser() as browser, page_of(browser, allowed_error=allowed_error) as page:
        page.goto(f"{api_url}/docs")
        expect(page).to_have_title("Resma API", timeout=WAIT_MS)
        expect(page.locator(".opblock").first).to_be_visible(timeout=WAIT_MS)
        yield page


def authorize(page: Page, key: str) -> None:
    """Enters a key, and waits until the page has loaded the OpenAPI document with it."""
    with page.expect_response("**/openapi.json"):
        page.get_by_role("button", name="Authorize").first.click()
        page.locator(".auth-container input").first.fill(key)
        page.locator(".auth-btn-wrapper .authorize").first.click()
    page.get_by_role("button", name="Close").first.click()


def operation(page: Page, operation_id: str) -> Locator:
    """Expands an operation on the page and returns its element."""
    block = page.locator(f"[id$='-{operation_id}'].opblock")
    block.locator(".opblock-summary-control").click()
    return block


def try_out(page: Page, operation_id: str, **parameters: str) -> tuple[int, dict[str, Any]]:
    """Runs an operation with "Try it out"; returns the status and the body of the response."""
    opened = operation(page, operation_id)
    opened.get_by_role("button", name="Try it out").click()
    for name, value in parameters.items():
        opened.locator(f"tr[data-param-name='{name}'] input").fill(value)
    method = opened.locator(".opblock-summary-method").inner_text()
    with page.expect_response(lambda answer: answer.request.method == method and "/api/v1/" in answer.url) as response:
        opened.get_by_role("button", name="Execute").click()
    status = opened.locator(".live-responses-table tbody .response-col_status").first
    expect(status).to_contain_text(str(response.value.status), timeout=WAIT_MS)
    return response.value.status, response.value.json()
