"""Split reports in the console: their request, their progress, and the search, download and retry of their files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import Browser, Download, Locator, Page, expect

from tests.support.browser import page_of
from tests.support.client import Client
from tests.support.console_pages import badge, enter, open_view, report_id_of
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults
from tests.support.split_files import Key, SplitReport, insert_split

DAYS = {"from": "2024-03-01", "to": "2024-03-31"}
KEYS: list[Key] = [*((f"BR{number}",) for number in range(1000, 1057)), ("br-lower",), ("x" * 200,), (None,)]
SPLIT = SplitReport(keys=KEYS, formats=["CSV", "PDF"], made=58, failed={(5, "PDF")}, keys_per_shard=20)
"""A report of three parts, the last of which is not finished."""


@pytest.fixture
def page(client: Client, browser: Browser) -> Iterator[Page]:
    """The console, continued without a key."""
    with page_of(browser) as page:
        enter(page, client)
        yield page


def insert_generating(client: Client, faults: Faults) -> str:
    """Requests a split report that no worker starts, and inserts rows as if a worker was generating its last part."""
    with faults.sqs.failing(Fault("refuse")):
        report_id = client.request_report("CSV", DAYS, type="ACCOUNT_STATEMENT", splitBy=["account"])
    client.sql(
        "UPDATE resma.reports SET status = 'GENERATING', started_at = clock_timestamp(), rows_done = 114,"
        " as_of = clock_timestamp(), totals = '[]', charts = '[]',"
        " lease_until = clock_timestamp() + interval '1 hour' WHERE report_id = %s",
        report_id,
    )
    with psycopg.connect(client.stack.up.database_url, autocommit=True) as connection:
        insert_split(connection, UUID(report_id), SPLIT)
    client.sql(
        "UPDATE resma.shards SET status = 'GENERATING', lease_until = clock_timestamp() + interval '1 hour'"
        " WHERE report_id = %s AND status = 'PENDING'",
        report_id,
    )
    return report_id


def fail(client: Client, report_id: str) -> None:
    """Makes the inserted report FAILED, as if the attempts of its last part were used up."""
    client.sql(
        "UPDATE resma.shards SET status = 'FAILED', lease_until = NULL WHERE report_id = %s AND status = 'GENERATING'",
        report_id,
    )
    client.sql(
        "UPDATE resma.reports SET status = 'FAILED', lease_until = NULL, finished_at = clock_timestamp(),"
        " error_code = 'shards-failed', error_detail = '1 of 3 shards failed.' WHERE report_id = %s",
        report_id,
    )


def delete(client: Client, report_id: str) -> None:
    """Deletes the rows of an inserted report, whose files do not exist."""
    client.sql("DELETE FROM resma.reports WHERE report_id = %s", report_id)


@pytest.fixture
def generating(client: Client, faults: Faults) -> Iterator[str]:
    """The id of a split report that is in progress. Name it before `page`, so that the page is closed before."""
    report_id = insert_generating(client, faults)
    yield report_id
    delete(client, report_id)


def choose_statements(page: Page) -> None:
    """Fills in the form for CSV statements of one month, with a file for each account."""
    page.get_by_role("radio", name=re.compile("^Account statement")).check()
    page.get_by_role("radio", name="One file for each: Account").check()
    page.get_by_label("PDF", exact=True).uncheck()
    page.get_by_label("CSV", exact=True).check()


def save(page: Page, button: Locator) -> tuple[str, bytes]:
    """Presses a button that downloads a file, and returns name and content of the file."""
    with page.expect_download() as started:
        button.click()
    download: Download = started.value
    return download.suggested_filename, Path(download.path()).read_bytes()


def test_statements_of_all_accounts_are_requested_searched_and_downloaded(client: Client, page: Page) -> None:
    account = page.get_by_role("textbox", name=re.compile("^Account"))
    page.get_by_role("radio", name=re.compile("^Account statement")).check()
    expect(account).to_be_visible()
    expect(page.get_by_label("Also one ZIP archive of all files")).to_be_hidden()
    choose_statements(page)
    expect(account).to_be_hidden()
    page.get_by_label("Also one ZIP archive of all files").check()
    page.get_by_label("From", exact=True).fill(DAYS["from"])
    page.get_by_label("To", exact=True).fill(DAYS["to"])
    page.reload()
    expect(page.get_by_role("radio", name="One file for each: Account")).to_be_checked()
    page.get_by_role("button", name="Estimate").click()
    expect(page.locator(".facts div", has_text="Files in each format")).to_contain_text(re.compile(r"\d"))
    page.get_by_role("button", name="Generate report").click()
    expect(badge(page)).to_have_text("Ready")
    view = client.show(report_id_of(page))
    assert (view["splitBy"], view["zip"], view["balance"]) == (["account"], True, None)
    files = client.http("GET", f"/api/v1/reports/{view['id']}/files").json()["files"]
    last = files[-1]

    section = page.locator(".split-files")
    expect(section.locator("tbody tr")).to_have_count(min(25, len(files)))
    section.get_by_label("Account", exact=True).fill(last["key"]["account"].lower())
    expect(section.locator("tbody tr")).to_have_count(1)
    name, content = save(page, section.get_by_role("button", name=f"Download: {last['name']}"))
    assert (name, len(content)) == (last["name"], last["bytes"])
    assert save(page, page.get_by_role("button", name="Download manifest"))[0] == "manifest.json"
    name, content = save(page, page.get_by_role("button", name="Download list of files"))
    assert (name, content[:2]) == ("manifest.ndjson.gz", b"\x1f\x8b")
    name, content = save(page, page.get_by_role("button", name="Download ZIP archive"))
    assert (name[-4:], content[:4], len(content)) == (".zip", b"PK\x03\x04", view["split"]["zip"]["bytes"])
    expect(section.get_by_text("resma files download")).to_be_hidden()


def test_the_page_of_a_report_without_an_archive_has_the_command_that_saves_all_files(
    client: Client, page: Page
) -> None:
    report_id = client.request_report("CSV", DAYS, type="ACCOUNT_STATEMENT", splitBy=["account"])
    client.wait_for_status(report_id, "READY")
    page.goto(f"{client.stack.up.api_url}/console#/reports/{report_id}")
    section = page.locator(".split-files")
    expect(section.get_by_text(f"resma files download {report_id} --all")).to_be_visible()
    expect(section.get_by_text("without a ZIP archive")).to_be_visible()


def test_files_are_shown_while_a_report_is_in_progress_and_after_it_failed(
    client: Client, faults: Faults, generating: str, page: Page
) -> None:
    page.goto(f"{client.stack.up.api_url}/console#/reports/{generating}")
    expect(page.locator(".progress")).to_contain_text("116 of 120 files · 1 failed · 2 of 3 parts done · 1 worker")
    rows = page.locator(".split-files tbody tr")
    expect(rows).to_have_count(25)
    expect(page.get_by_text("1 file could not be generated.")).to_be_visible()
    fail(client, generating)
    expect(badge(page)).to_have_text("Failed")
    expect(page.get_by_text("Parts that failed: 1 of 3.")).to_be_visible()
    expect(rows).to_have_count(25)
    with faults.sqs.failing(Fault("refuse")):
        page.get_by_role("button", name="Generate failed files again").click()
        expect(badge(page)).to_have_text("Queued")
    statuses = dict(client.sql("SELECT shard, status FROM resma.shards WHERE report_id = %s", generating))
    assert statuses == {1: "DONE", 2: "DONE", 3: "PENDING"}


def test_files_are_searched_and_paged_with_the_keyboard(client: Client, generating: str, page: Page) -> None:
    page.goto(f"{client.stack.up.api_url}/console#/reports/{generating}")
    section = page.locator(".split-files")
    expect(section.get_by_text("1–25 of more than 25")).to_be_visible()
    section.get_by_role("button", name="Next").focus()
    for position in ("26–50", "51–75", "76–100", "101–116"):
        page.keyboard.press("Enter")
        expect(section.get_by_text(position)).to_be_visible()
    expect(section.get_by_role("button", name="Next")).to_be_disabled()
    expect(section.get_by_role("button", name="Previous")).to_be_focused()

    search = section.get_by_label("Account", exact=True)
    search.press_sequentially("BR-")
    expect(section.locator("tbody tr")).to_have_count(2)
    expect(section.locator("tbody")).to_contain_text("br-lower")
    expect(page.locator("#announcements")).to_have_text("1–2 of 2")
    expect(search).to_be_focused()
    search.fill("nothing")
    expect(section.get_by_text("No matching files.")).to_be_visible()
    search.fill("")
    section.get_by_label("Status").select_option("Failed")
    expect(section.locator("tbody tr")).to_have_count(1)
    expect(section.locator("tbody tr")).to_contain_text("A value does not fit this format.")
    section.get_by_label("Format").select_option("CSV")
    expect(section.get_by_text("No matching files.")).to_be_visible()


def test_a_schedule_splits_its_reports(client: Client, page: Page) -> None:
    open_view(page, "Schedules")
    page.get_by_role("link", name="New schedule").first.click()
    page.get_by_label("Name").fill("Statements of all accounts")
    choose_statements(page)
    page.get_by_role("button", name="Save schedule").click()
    facts = page.locator(".facts.wide")
    expect(facts.locator("div", has_text="One file for each")).to_contain_text("Account")
    schedule = client.http("GET", f"/api/v1/schedules/{page.url.rpartition('/')[2]}").json()
    assert (schedule["request"]["splitBy"], schedule["request"]["filters"]) == (["account"], {})
    page.get_by_role("link", name="Edit schedule").click()
    expect(page.get_by_role("radio", name="One file for each: Account")).to_be_checked()
    client.http("DELETE", f"/api/v1/schedules/{schedule['id']}")
