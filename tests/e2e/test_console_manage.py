"""Administration in the console: sessions, running a schedule now, failing endpoints, API keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import page_of
from tests.support.certificates import sample_certificate
from tests.support.client import Client
from tests.support.console_pages import badge, enter, open_view, report_id_of, sign_in
from tests.support.eventually import eventually
from tests.support.keys import make_key
from tests.support.webhook_receiver import WebhookReceiver

IDLE = "16:00"


@pytest.fixture
def page(client: Client, browser: Browser) -> Iterator[Page]:
    """The console, continued without a key."""
    with page_of(browser) as page:
        enter(page, client)
        yield page


@pytest.fixture
def own_receiver(client: Client) -> Iterator[WebhookReceiver]:
    """A webhook receiver for one endpoint, whose secret the test sets."""
    with WebhookReceiver(client.stack.up.callback_secret) as receiver:
        yield receiver


def test_a_new_tab_is_signed_in_and_signing_out_ends_all(client: Client, browser: Browser) -> None:
    key = make_key(client, "demo", "reports:read")
    with page_of(browser) as page:
        sign_in(page, client, key)
        expect(page.locator(".person")).to_have_text("e2e")
        other = page.context.new_page()
        other.goto(f"{client.stack.up.api_url}/console#/reports")
        expect(other.get_by_role("heading", name="Reports")).to_be_visible()
        other.get_by_role("button", name="Sign out").click()
        for each in (page, other):
            expect(each.get_by_role("heading", name="Sign in")).to_be_visible()
            assert each.evaluate("sessionStorage.length") == 0


LATE_ANSWERS = """
const post = BroadcastChannel.prototype.postMessage;
BroadcastChannel.prototype.postMessage = function (message) {
  setTimeout(() => post.call(this, message), message.key === undefined ? 0 : 2000);
};
"""
"""Makes the answer of a tab that is signed in arrive after the new tab has shown its sign-in page."""


def test_a_new_tab_is_signed_in_by_a_late_answer_too(client: Client, browser: Browser) -> None:
    key = make_key(client, "demo", "reports:read")
    with page_of(browser) as page:
        page.add_init_script(LATE_ANSWERS)
        sign_in(page, client, key)
        expect(page.locator(".person")).to_have_text("e2e")
        other = page.context.new_page()
        other.goto(f"{client.stack.up.api_url}/console#/reports")
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(other.get_by_role("heading", name="Reports")).to_be_visible()
        expect(other.locator(".person")).to_have_text("e2e")


def test_a_session_ends_after_inactivity(client: Client, browser: Browser) -> None:
    key = make_key(client, "demo", "reports:read")
    with page_of(browser) as page:
        page.clock.install()
        sign_in(page, client, key)
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.clock.fast_forward("09:30")
        page.get_by_role("dialog", name="Are you still there?").get_by_role("button", name="Stay signed in").click()
        page.clock.fast_forward("09:30")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.clock.fast_forward("01:00")
        expect(page.get_by_role("alert")).to_contain_text("no activity for 10 minutes")
        assert page.evaluate("sessionStorage.getItem('resma.key')") is None


def test_a_schedule_on_a_day_of_the_week_is_run_now(client: Client, page: Page) -> None:
    page.goto(f"{client.stack.up.api_url}/console#/schedules/new")
    page.get_by_label("Name").fill("Wednesdays")
    page.get_by_label("Frequency").select_option("Every week")
    page.get_by_label("Day of the week", exact=True).select_option("Wednesday")
    page.get_by_label("At", exact=True).fill("07:05")
    page.get_by_label("Time zone").first.fill("Asia/Tokyo")
    page.get_by_label("Report period").select_option("Yesterday")
    page.get_by_role("radio", name=re.compile("^Transactions")).check()
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_role("heading", name="Wednesdays")).to_be_visible()
    (schedule,) = client.http("GET", "/api/v1/schedules").json()["items"]
    try:
        assert (schedule["when"], schedule["at"]) == ("5 7 * * 3", None)
        expect(page.get_by_text("Times are in Asia/Tokyo.")).to_be_visible()
        expect(page.locator(".facts")).to_contain_text("Every Wednesday, 07:05")
        expect(page).to_have_title("Wednesdays · Active · Resma")
        page.get_by_role("link", name="Edit schedule").click()
        expect(page.get_by_label("Day of the week", exact=True)).to_have_value("3")
        expect(page.get_by_label("At", exact=True)).to_have_value("07:05")
        page.go_back()
        page.get_by_role("button", name="Run now").click()
        page.get_by_role("dialog", name="Run “Wednesdays” now?").get_by_role("button", name="Run now").click()
        report = client.show(report_id_of(page))
        assert (report["requestedBy"], report["filters"]["from"]) == ("loopback", report["filters"]["to"])
        page.goto(f"{client.stack.up.api_url}/console#/schedules/{schedule['id']}")
        # Waits for the complete page: its requests would fail after the schedule is deleted.
        history = page.get_by_role("table", name="Run history")
        expect(history.get_by_role("row").nth(1)).to_contain_text("Run now")
        page.get_by_role("button", name="Run past days").click()
        backfill = page.get_by_role("dialog", name="Run past days")
        backfill.get_by_label("First day").fill("2024-05-01")
        backfill.get_by_label("Last day").fill("2024-05-08")
        expect(backfill.get_by_role("button", name="Start runs")).to_be_disabled()
        backfill.get_by_role("button", name="Show runs").click()
        expect(backfill.get_by_text("Not started yet")).to_have_count(2)
        backfill.get_by_role("button", name="Start runs").click()
        expect(backfill).not_to_be_visible()
        expect(history.get_by_role("row")).to_have_count(4)
        expect(history.get_by_role("row").nth(3)).to_contain_text("Run for a past day")
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog", name="Delete schedule “Wednesdays”?")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        dialog.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("No schedules yet.")).to_be_visible()
    finally:
        client.http("DELETE", f"/api/v1/schedules/{schedule['id']}")


def test_an_endpoint_that_fails_says_so_and_is_tested_edited_and_rotated(
    client: Client, own_receiver: WebhookReceiver, page: Page
) -> None:
    url = own_receiver.customer("failing", [500] * 100)
    endpoint = client.http("POST", "/api/v1/webhook-endpoints", json={"url": url}).json()
    own_receiver.use_secret(endpoint["secret"])
    path = f"/api/v1/webhook-endpoints/{endpoint['id']}"
    try:
        client.wait_for_status(client.request_report("CSV", {"from": "2030-01-01"}), "READY")
        own_receiver.wait_for_webhooks("failing")
        eventually("the attempt is recorded", lambda: client.http("GET", path).json()["failing"])
        open_view(page, "Webhooks")
        row = page.get_by_role("row", name=url)
        expect(row.locator(".badge")).to_have_text("Failing")
        expect(row).to_contain_text("HTTP 500")
        row.get_by_role("link").click()
        expect(page.get_by_text("The last attempt failed")).to_be_visible()
        expect(page.locator(".deliveries .badge").first).to_have_text("Retrying")
        page.go_back()
        row.get_by_role("button", name="Send test event").click()
        page.get_by_role("dialog").get_by_role("button", name="Send test event").click()
        expect(page.get_by_role("status")).to_have_text("The event will be sent within a minute")
        row.get_by_role("button", name="Edit").click()
        page.get_by_role("dialog").get_by_label("Report failed").check()
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(row).to_contain_text("Report failed")
        assert client.http("GET", path).json()["events"] == ["report.failed"]
        row.get_by_role("button", name="Rotate secret").click()
        page.get_by_role("dialog").get_by_role("button", name="Rotate secret").click()
        expect(page.get_by_role("dialog", name="Signing secret")).to_contain_text("Previous secret, valid until")
        assert client.http("GET", path).json()["secretVersion"] == 2
    finally:
        client.http("DELETE", path)


def test_a_key_is_created_used_and_revoked(client: Client, browser: Browser, page: Page) -> None:
    open_view(page, "API keys")
    page.get_by_role("button", name="Create API key").click()
    page.get_by_role("dialog").get_by_label("Name").fill("From the console")
    page.get_by_role("dialog").get_by_label("Generate, cancel and retry reports").uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Create API key").click()
    shown = page.get_by_role("dialog", name="New API key")
    key = shown.locator("code").inner_text()
    shown.get_by_role("button", name="Close").click()
    row = page.get_by_role("row", name="From the console")
    expect(row).to_contain_text("reports:read")
    with page_of(browser) as other:
        sign_in(other, client, key)
        expect(other.get_by_role("navigation", name="Main menu").get_by_role("link")).to_have_text(
            ["Reports", re.compile("API documentation")]
        )
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog", name="Revoke key “From the console”?").get_by_role("button", name="Revoke").click()
    expect(row.locator(".badge")).to_have_text("Revoked")


def test_a_destination_gets_certificates_and_loses_them(client: Client, browser: Browser) -> None:
    body = {"name": "console", "certificate": sample_certificate()}
    certificate = client.http("POST", "/api/v1/certificates", json=body).json()["id"]
    with page_of(browser, allowed_error="422") as page:
        enter(page, client)
        open_view(page, "Destinations")
        page.get_by_role("button", name="Add destination").click()
        dialog = page.get_by_role("dialog", name="Add destination")
        dialog.get_by_role("textbox", name="Name (required)").fill("Console")
        dialog.get_by_role("textbox", name="Bucket (required)").fill("console-partner")
        encrypt_for = dialog.get_by_label("Encrypt for")
        encrypt_for.fill(f"{certificate}, crt_{0:032x}")
        dialog.get_by_role("button", name="Save").click()
        expect(encrypt_for).to_have_attribute("aria-invalid", "true")
        expect(dialog.locator(".field-error:visible")).to_contain_text("This certificate does not exist.")
        encrypt_for.fill(certificate)
        dialog.get_by_role("button", name="Save").click()
        page.get_by_role("link", name="Console", exact=True).click()
        expect(page.locator(".facts")).to_contain_text(certificate)
        items = client.http("GET", "/api/v1/destinations").json()["items"]
        (made,) = [item for item in items if item["name"] == "Console"]
        assert made["encryptFor"] == [certificate]
        open_view(page, "Destinations")
        page.get_by_role("button", name="Edit: Console").click()
        dialog = page.get_by_role("dialog", name="Edit destination")
        expect(dialog.get_by_label("Encrypt for")).to_have_value(certificate)
        dialog.get_by_label("Encrypt for").fill("")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_have_count(0)
    path = f"/api/v1/destinations/{made['id']}"
    assert client.http("GET", path).json()["encryptFor"] is None
    assert client.http("DELETE", path).status == 204
    assert client.http("DELETE", f"/api/v1/certificates/{certificate}").status == 204


def test_a_url_without_a_page_says_so(client: Client, page: Page) -> None:
    page.goto(f"{client.stack.up.api_url}/console#/nowhere")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("reports:read")
    expect(badge(page)).to_have_count(0)
