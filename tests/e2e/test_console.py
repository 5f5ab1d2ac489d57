"""The console in a real browser on the whole stack, below the path of a stage as on AWS."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import page_of
from tests.support.client import GENERATE, Client
from tests.support.console_pages import badge, choose_transactions, enter, open_view, report_id_of
from tests.support.dead_letters import NONE, abandon
from tests.support.fault_proxy import Fault
from tests.support.keys import make_key
from tests.support.local_stack import Faults
from tests.support.webhook_receiver import WebhookReceiver


@pytest.fixture
def page(client: Client, browser: Browser) -> Iterator[Page]:
    """The console, continued without a key."""
    with page_of(browser) as page:
        enter(page, client)
        yield page


def test_a_user_signs_in_generates_a_report_and_downloads_it(
    client: Client, browser: Browser, webhooks: WebhookReceiver, tmp_path: Path
) -> None:
    scopes = ("reports:read", "reports:write", "webhooks:manage", "personal:read")
    key = make_key(client, "demo", *scopes)
    with page_of(browser, timezone_id="America/Sao_Paulo") as page:
        page.goto(f"{client.stack.up.api_url}/console")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        choose_transactions(page, "CSV")
        page.get_by_label("Webhook URL").fill(webhooks.customer("console"))
        page.get_by_role("button", name="Generate report").click()
        report_id = report_id_of(page)
        expect(badge(page)).to_have_text("Ready")
        expect(page.get_by_role("heading", name="Transactions by type")).to_be_visible()

        report = client.show(report_id)
        assert (report["filters"], report["timeZone"]) == ({"from": "2024-01-01"}, "America/Sao_Paulo")
        (total,) = (each for each in report["totals"] if each["currency"] == "BRL")
        whole, _, cents = total["amounts"]["amount"].partition(".")
        row = page.get_by_role("table", name="Totals by currency").get_by_role("row", name=re.compile("BRL"))
        expect(row).to_contain_text(f"{int(whole):,}.{cents}")
        content = save(page, "Download CSV", tmp_path)
        expect(page.get_by_text(hashlib.sha256(content).hexdigest())).to_be_visible()
        assert content.count(b"\r\n") == report["rows"] + 1  # and one line of headings

        (webhook,) = webhooks.wait_for_webhooks("console")
        page.reload()  # the tab keeps the key
        page.get_by_role("button", name=f"Resend {webhook.webhook_id}").click()
        expect(page.get_by_role("status")).to_have_text("It will be resent within a minute")
        client.invoke_function("WebhookFunction")
        assert len(webhooks.wait_for_webhooks("console", 2)) == 2
        expect(page.locator("summary", has_text="Attempts: 2")).to_be_visible()  # without a reload

        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_focused()
        assert page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])") == "[{},{}]"


def save(page: Page, button: str, folder: Path) -> bytes:
    """Presses a download button, and returns the content of the file that the browser saved."""
    with page.expect_download() as started:
        page.get_by_role("button", name=re.compile(f"^{button}")).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path.read_bytes()


def test_a_report_is_estimated_before_it_is_requested(page: Page) -> None:
    choose_transactions(page, "CSV")
    page.get_by_role("button", name="Estimate").click()
    estimate = page.locator(".estimate dl")
    expect(estimate).to_contain_text(re.compile("CSV.*(kB|MB)"))
    expect(estimate).to_contain_text(re.compile(r"Rows.*[0-9]"))
    page.get_by_label("To", exact=True).fill("2024-01-31")
    expect(page.get_by_text("The form has changed since this estimate.")).to_be_visible()


def test_a_double_click_sends_one_request(client: Client, page: Page) -> None:
    before = client.count_reports()
    choose_transactions(page, "CSV")
    page.get_by_label("From", exact=True).fill("2030-01-01")
    page.get_by_role("button", name="Generate report").dblclick()
    expect(badge(page)).to_have_text("Ready")
    assert client.count_reports() == before + 1


def test_columns_are_chosen_and_put_in_order(client: Client, page: Page) -> None:
    choose_transactions(page, "CSV")
    page.get_by_text("Columns 9 of 9").click()
    for heading in ("ID", "Description", "Counterparty"):
        page.locator(".columns").get_by_role("checkbox", name=re.compile(f"^{heading}")).uncheck()
    page.get_by_role("button", name="Move Account up").click()
    expect(page.get_by_role("button", name="Move Account up")).to_be_focused()
    page.get_by_role("button", name="Generate report").click()
    columns = client.show(report_id_of(page))["columns"]
    assert columns == ["account", "booked_at", "type", "status", "currency", "amount"]


def test_duplicating_a_report_keeps_its_options_and_callback(
    client: Client, page: Page, webhooks: WebhookReceiver
) -> None:
    url = webhooks.customer("template")
    body = {"type": "TRANSACTIONS", "formats": ["CSV"], "filters": {"from": "2030-01-01"}, "title": "Last month"}
    more = {"options": {"csv": {"profile": "excel"}}, "callbackUrl": url}
    report_id = client.http("POST", "/api/v1/reports/generate", json={**body, **more}).json()["id"]
    client.wait_for_status(report_id, "READY")
    page.goto(f"{client.stack.up.api_url}/console#/reports/{report_id}")
    facts = page.locator(".facts.wide")
    for text in ("Excel-compatible", url, "Local user"):
        expect(facts).to_contain_text(text)
    page.get_by_role("button", name="Duplicate").click()
    expect(page.get_by_label("CSV: profile")).to_have_value("excel")
    expect(page.get_by_label("Webhook URL")).to_have_value(url)
    page.get_by_role("button", name="Generate report").click()
    expect(page.get_by_role("heading", name="Last month")).to_be_visible()
    again = client.show(report_id_of(page))
    assert again["id"] != report_id
    assert {name: again[name] for name in (*body, *more)} == {
        **body,
        **more,
        "options": client.show(report_id)["options"],
    }


def test_an_error_is_shown_at_its_field(client: Client, browser: Browser) -> None:
    with page_of(browser, allowed_error="422") as page:
        enter(page, client)
        page.get_by_role("button", name="Generate report").click()
        account = page.get_by_label("Account (required)")
        expect(account).to_be_focused()
        expect(account).to_have_attribute("aria-invalid", "true")
        expect(account).to_have_accessible_description(re.compile("This field is required"))
        account.fill("BR1000-104729")
        expect(account).not_to_have_attribute("aria-invalid", "true")
        page.get_by_role("button", name="Generate report").click()
        expect(badge(page)).to_have_text("Ready")


def test_a_queued_report_is_cancelled_and_retried(client: Client, faults: Faults, page: Page) -> None:
    choose_transactions(page, "CSV")
    with faults.sqs.failing(Fault("refuse")):
        page.get_by_role("button", name="Generate report").click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        page.get_by_role("button", name="Cancel report").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel report").click()
        expect(badge(page)).to_have_text("Cancelled")
    cancelled = report_id_of(page)
    with page.expect_request("**/retry") as request:
        page.get_by_role("button", name="Retry").click()
    assert re.fullmatch("[0-9a-f]{32}", request.value.headers["idempotency-key"])
    expect(badge(page)).to_have_text("Ready")
    assert report_id_of(page) != cancelled
    open_view(page, "Reports")
    page.get_by_label("Status").select_option("Cancelled")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(f'a[href="#/reports/{cancelled}"]')).to_be_visible()


def test_a_schedule_is_previewed_saved_paused_and_deleted(client: Client, page: Page) -> None:
    open_view(page, "Schedules")
    page.get_by_role("link", name="New schedule").click()
    preview = page.get_by_role("table", name="Next ten runs")
    page.get_by_label("Frequency").select_option("Every day")
    page.get_by_label("At", exact=True).fill("02:30")
    page.get_by_label("Time zone").first.fill("America/New_York")
    page.get_by_label("Report period").select_option("Yesterday")
    expect(preview.locator("tbody").get_by_role("row")).to_have_count(10)
    expect(preview.get_by_role("row", name=re.compile("2:30 AM"))).to_have_count(10)
    page.get_by_role("radio", name=re.compile("^Transactions")).check()
    expect(page.get_by_label("From", exact=True)).to_be_disabled()
    page.get_by_label("Name").fill("Every night")
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_role("heading", name="Every night")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("main .badge").first).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("main .badge").first).to_have_text("Active")
    (schedule,) = client.http("GET", "/api/v1/schedules").json()["items"]
    assert (schedule["when"], schedule["at"], schedule["period"]) == ("daily", "02:30", "yesterday")
    path, end = f"/api/v1/schedules/{schedule['id']}", {"endsAt": "2198-12-31T23:59:59Z"}
    assert client.http("PATCH", path, json=end).status == 200
    page.get_by_role("link", name="Edit schedule").click()
    expect(page.get_by_label("First day of the week")).to_be_hidden()
    page.get_by_label("Name").fill("Every night till then")
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_role("heading", name="Every night till then")).to_be_visible()
    saved = client.http("GET", path).json()
    assert {**saved, "name": "", "owner": ""} == {**schedule, **end, "name": "", "owner": ""}
    page.get_by_role("link", name="Edit schedule").click()
    page.get_by_label("Report period").select_option("Last week")
    page.get_by_label("First day of the week").select_option("Saturday")
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_role("definition").filter(has_text=re.compile("^Saturday$"))).to_be_visible()
    assert client.http("GET", path).json()["weekStartsOn"] == "saturday"
    # Waits for the complete page: its requests would fail after the schedule is deleted.
    expect(page.get_by_text("No runs yet.")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No schedules yet.")).to_be_visible()


def test_an_endpoint_is_added_and_its_secret_shown(client: Client, webhooks: WebhookReceiver, page: Page) -> None:
    url = webhooks.customer("from-the-console")
    open_view(page, "Webhooks")
    page.get_by_role("button", name="Add endpoint").click()
    page.get_by_role("dialog").get_by_label("URL").fill(url)
    page.get_by_role("dialog").get_by_label("Report ready").check()
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(page.get_by_role("dialog", name="Signing secret")).to_be_visible()
    listed = client.http("GET", "/api/v1/webhook-endpoints").json()["items"]
    (endpoint,) = (each for each in listed if each["url"] == url)
    secret = client.http("GET", f"/api/v1/webhook-endpoints/{endpoint['id']}/secret").json()["secret"]
    expect(page.get_by_role("dialog").get_by_text(secret)).to_be_visible()
    page.keyboard.press("Escape")
    assert endpoint["events"] == ["report.ready"]
    row = page.get_by_role("row", name=url)
    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("Disabled")
    row.get_by_role("button", name="Enable").click()
    expect(row).to_contain_text("Enabled")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def make_dead(client: Client, faults: Faults) -> str:
    """Returns the id of a report that was dead-lettered after its last attempt."""
    with faults.sqs.failing(Fault("refuse")):
        report_id = client.request_report("CSV", NONE)
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", report_id)
    abandon(client, report_id)
    return report_id


def test_a_dead_letter_is_redriven(client: Client, faults: Faults, page: Page) -> None:
    dead = make_dead(client, faults)
    open_view(page, "Failed reports")
    page.get_by_role("button", name=f"Retry: {dead}").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("the queue is back")
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_have_text("1 report will be retried")
    client.wait_for_status(dead, "READY")
    assert client.sql("SELECT reason FROM resma.redrives WHERE report_id = %s", dead) == [("the queue is back",)]


def test_an_invalid_key_is_refused_and_a_key_with_one_scope_sees_few_pages(client: Client, browser: Browser) -> None:
    with page_of(browser, allowed_error="401") as page:
        page.goto(f"{client.stack.up.api_url}/console")
        page.get_by_label("API key").fill("rsm_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("This key is not valid")
        key = make_key(client, "demo", "reports:read")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        offered = page.get_by_role("navigation", name="Main menu").get_by_role("link")
        expect(offered).to_have_text(["Reports", re.compile("API documentation")])
        page.goto(f"{client.stack.up.api_url}/console#/dead-letters")
        expect(page.get_by_text("You don't have access to this page.", exact=False)).to_be_visible()
        client.sql("UPDATE resma.api_keys SET revoked_at = clock_timestamp() WHERE key_id = %s", key.split("_")[1])
        open_view_refused(page)


def open_view_refused(page: Page) -> None:
    """Opens a view with a revoked key, and asserts that the sign-in view is shown with the reason."""
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Reports").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("was revoked")


def test_the_main_path_by_keyboard_alone(client: Client, browser: Browser, tmp_path: Path) -> None:
    with page_of(browser) as page:
        page.goto(f"{client.stack.up.api_url}/console")
        expect(page.get_by_role("button", name="Continue without a key")).to_be_visible()
        tab_to(page, "Continue without a key")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="New report")).to_be_focused()
        tab_to(page, "Account statement")
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        tab_to(page, "From")
        page.keyboard.type("01012024")
        tab_to(page, "CSV")
        page.keyboard.press("Space")
        tab_to(page, "PDF")
        page.keyboard.press("Space")
        tab_to(page, "Generate report")
        page.keyboard.press("Enter")
        report_id = report_id_of(page)
        expect(badge(page)).to_have_text("Ready")
        tab_to(page, "Download CSV")
        with page.expect_download() as started:
            page.keyboard.press("Enter")
        started.value.save_as(tmp_path / "file")
    report: dict[str, Any] = client.show(report_id)
    assert report["filters"] == {"from": "2024-01-01"}
    assert (tmp_path / "file").stat().st_size == report["files"][0]["bytes"]


_FOCUSED = """() => { const e = document.activeElement;
  return (e.labels?.[0] ?? e).textContent.trim() || e.getAttribute('aria-label') || e.tagName; }"""


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the element with this name has the focus, and asserts that the focus is visible."""
    seen = []
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(_FOCUSED))
        if seen[-1].startswith(name):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    pytest.fail(f"Tab did not reach {name}: {seen}")


def test_a_format_that_failed_and_warnings_are_shown(client: Client, page: Page) -> None:
    client.sql(
        "INSERT INTO bank.transactions VALUES ('demo', -1, 'odd', '2024-01-01', 'FEE', 'BOOKED', %s, NULL, 'BRL', 1)",
        "x" * 40_000,
    )
    try:
        request = {"type": "TRANSACTIONS", "formats": ["CSV", "XLSX"], "filters": {"account": "odd"}}
        report_id = client.http("POST", GENERATE, json=request).json()["id"]
        client.wait_for_status(report_id, "READY")
    finally:
        client.sql("DELETE FROM bank.transactions WHERE transaction_id = -1")
    warning = '[{"code": "excel-row-limit", "detail": "The file has many rows.", "format": "CSV", "row": 1048576}]'
    client.sql("UPDATE resma.reports SET warnings = %s WHERE report_id = %s", warning, report_id)
    page.goto(f"{client.stack.up.api_url}/console#/reports/{report_id}")
    failed = page.locator(".notice.bad")
    expect(failed).to_contain_text("The XLSX file could not be generated · column Description · row 1")
    expect(page.get_by_text("Warning · CSV · row 1,048,576")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Download CSV"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Download XLSX"))).to_have_count(0)
