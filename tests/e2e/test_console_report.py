"""A report in the console: errors in its request, the expiry of its files, its notification, its deletion."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_console import make_dead
from tests.e2e.test_console_lists import make_ready
from tests.support.browser import page_of
from tests.support.client import Client
from tests.support.console_pages import badge, choose_transactions, enter, open_view, report_id_of
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults

HIDDEN_TAB = """
Object.defineProperty(document, "hidden", { get: () => true });
window.shown = [];
window.Notification = class extends Notification {
  static permission = "granted";
  constructor(title, options) { super(title, options); window.shown.push([title, options.body]); }
};
"""
"""Script for a tab that is always hidden, and that records its notifications.

It says that they are permitted, because Chromium without a window refuses them.
"""
POLL_AND_CHECK = """() => {
  document.dispatchEvent(new Event("visibilitychange"));
  return window.shown.length > 0;
}"""
"""Makes a hidden tab poll at once instead of after half a minute; returns whether it has notified."""


@pytest.fixture
def page(client: Client, browser: Browser) -> Iterator[Page]:
    """The console, continued without a key."""
    with page_of(browser) as page:
        enter(page, client)
        yield page


def test_all_errors_of_a_request_are_marked_at_once(client: Client, browser: Browser) -> None:
    with page_of(browser, allowed_error="422") as page:
        enter(page, client)
        choose_transactions(page, "CSV")
        page.get_by_label("From", exact=True).fill("2024-12-31")
        page.get_by_label("To", exact=True).fill("2024-01-01")
        page.get_by_label("Time zone").fill("Mars/Olympus")
        page.get_by_label("Webhook URL").fill("https://10.0.0.1/hook")
        page.get_by_role("button", name="Generate report").click()
        for label in ("To", "Time zone", "Webhook URL"):
            field = page.get_by_label(label, exact=True)
            expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.locator("[aria-invalid=true]")).to_have_count(3)


def test_a_report_shows_until_when_its_files_are_kept_and_is_deleted(client: Client, page: Page) -> None:
    report_id = make_ready(client, title="To be deleted")
    page.goto(f"{client.stack.up.api_url}/console#/reports/{report_id}")
    expires = page.locator(".facts div", has=page.get_by_text("Files kept until", exact=True))
    expect(expires).to_contain_text(re.compile(r"\w+ \d+, \d{4}"))
    page.get_by_role("button", name="Delete report").click()
    dialog = page.get_by_role("dialog", name="Delete report “To be deleted”?")
    dialog.get_by_role("button", name="Delete report").click()
    expect(page.get_by_role("heading", name="Reports")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("“To be deleted” was deleted")
    assert client.http("GET", f"/api/v1/reports/{report_id}").status == 410


def test_a_report_is_held_and_released_and_its_files_are_deleted(client: Client, page: Page) -> None:
    report_id = make_ready(client, title="Evidence")
    page.goto(f"{client.stack.up.api_url}/console#/reports/{report_id}")
    page.get_by_role("button", name="Place legal hold").click()
    dialog = page.get_by_role("dialog", name="Place a legal hold on “Evidence”?")
    dialog.get_by_label("Reason").fill("Case 1")
    dialog.get_by_role("button", name="Place legal hold").click()
    expect(badge(page).nth(1)).to_have_text("Legal hold")
    expect(page.get_by_role("button", name="Delete report")).to_have_count(0)
    holds = client.http("GET", f"/api/v1/reports/{report_id}/holds").json()["items"]
    assert [hold["reason"] for hold in holds] == ["Case 1"]
    page.get_by_role("button", name="Release legal hold").click()
    page.get_by_role("dialog").get_by_role("button", name="Release legal hold").click()
    expect(badge(page)).to_have_count(1)
    expect(badge(page)).to_have_text("Ready")
    page.get_by_role("button", name="Delete files").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete files").click()
    expect(badge(page)).to_have_text("Expired")
    client.sql("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour' WHERE report_id = %s", report_id)
    client.invoke_function("SchedulerFunction")
    eventually("the scheduler has removed its file", lambda: not client.objects(report_id))


def test_a_hidden_tab_notifies_when_its_report_ends(client: Client, faults: Faults, browser: Browser) -> None:
    with page_of(browser) as page:
        page.context.add_init_script(HIDDEN_TAB)
        enter(page, client)
        with faults.sqs.failing(Fault("refuse")):
            choose_transactions(page, "CSV")
            page.get_by_label("Title", exact=True).fill("Notified")
            page.get_by_role("button", name="Generate report").click()
            expect(badge(page)).to_have_text("Queued")
        client.invoke_function("SchedulerFunction")
        client.wait_for_status(report_id_of(page), "READY")
        page.wait_for_function(POLL_AND_CHECK)
        assert page.evaluate("window.shown") == [["Notified", "Ready"]]


def test_a_failed_report_is_listed_by_its_title(client: Client, faults: Faults, page: Page) -> None:
    dead = make_dead(client, faults)
    client.sql("UPDATE resma.reports SET title = 'Over quota report' WHERE report_id = %s", dead)
    try:
        open_view(page, "Failed reports")
        expect(page.get_by_role("link", name="Over quota report")).to_have_attribute("href", f"#/reports/{dead}")
        expect(page.get_by_role("button", name="Retry: Over quota report")).to_be_visible()
    finally:
        client.sql("DELETE FROM resma.reports WHERE report_id = %s", dead)
