"""The console's lists and report pages: pages in the URL, search, periods, and charts in the user's language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from resma.schedules.periods import Period, days_of
from tests.support.browser import page_of
from tests.support.client import GENERATE, Client
from tests.support.console_pages import badge, choose_transactions, enter, open_view, report_id_of, sign_in
from tests.support.keys import make_key

EMPTY = {"from": "2030-01-01", "to": "2030-01-01"}


@pytest.fixture
def page(client: Client, browser: Browser) -> Iterator[Page]:
    """The console, continued without a key."""
    with page_of(browser, timezone_id="America/Sao_Paulo") as page:
        enter(page, client)
        yield page


def make_ready(client: Client, **request: object) -> str:
    """Requests a report, waits until it is READY, and returns its id."""
    body = {"type": "TRANSACTIONS", "format": "CSV", "filters": EMPTY, **request}
    report_id = str(client.http("POST", GENERATE, json=body).json()["id"])
    client.wait_for_status(report_id, "READY")
    return report_id


def two_per_page(route: Route) -> None:
    """Changes a request so that the API returns pages of two reports."""
    route.continue_(url=route.request.url.replace("limit=25", "limit=2"))


def test_the_page_of_a_list_is_kept_by_reload_and_back(client: Client, page: Page) -> None:
    for number in range(5):
        make_ready(client, title=f"Paged {number}")
    page.route("**/api/v1/reports?*", two_per_page)
    page.goto(f"{client.stack.up.api_url}/console#/reports?search=Paged")
    expect(page.get_by_text("1–2 of more than 2")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("3–4 of more than 4")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("Paged 2")
    assert page.evaluate("scrollY") == 0
    page.reload()
    expect(page.get_by_text("3–4 of more than 4")).to_be_visible()
    page.get_by_role("link", name="Paged 2").click()
    expect(page).to_have_title("Ready · Paged 2 · Resma")
    page.go_back()
    expect(page.get_by_text("3–4 of more than 4")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("5–5 of 5")).to_be_visible()
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    for position in ("3–4 of more than 4", "1–2 of more than 2"):
        page.get_by_role("link", name="Newer").click()
        expect(page.get_by_text(position)).to_be_visible()


def test_reports_are_searched_and_filtered_by_requester(client: Client, browser: Browser, page: Page) -> None:
    make_ready(client, title="Month-end closing")
    key = make_key(client, "demo", "reports:read", "reports:write")
    open_view(page, "Reports")
    page.get_by_label("Search").fill("END CLOS")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("Local user (you)")
    expect(page.get_by_text("Times are in America/Sao_Paulo.")).to_be_visible()
    page.get_by_label("Created from").fill("2026-02-01")
    page.get_by_label("Created to").fill("2026-01-01")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_label("Created to")).to_have_accessible_description(re.compile("must not be before Feb 1, 2026"))
    with page_of(browser) as other:
        sign_in(other, client, key)
        other.goto(f"{client.stack.up.api_url}/console#/reports?by=me")
        expect(other.get_by_text("No matching reports.")).to_be_visible()


def test_an_empty_report_says_so(client: Client, page: Page) -> None:
    report_id = make_ready(client)
    page.goto(f"{client.stack.up.api_url}/console#/reports/{report_id}")
    expect(page.get_by_text("0 rows: the report is empty")).to_be_visible()
    expect(page.locator(".chart")).to_have_count(0)


def test_codes_and_charts_are_in_the_users_language(client: Client, browser: Browser) -> None:
    report_id = make_ready(client, type="DAILY_SUMMARY", filters={"from": "2024-01-01", "to": "2024-01-31"})
    with page_of(browser, locale="pt-BR") as page:
        page.goto(f"{client.stack.up.api_url}/console#/reports/{report_id}")
        page.get_by_role("button", name="Continuar sem chave").click()
        chart = page.locator(".chart.bars")
        expect(chart.get_by_role("heading", name="Valor líquido por tipo")).to_be_visible()
        expect(page.locator(".facts.wide")).to_contain_text("Lançada")
        panel = chart.locator(".panel").first
        expect(panel.locator(".name").first).to_have_text("Transferência")
        zero = float(panel.locator(".zero").first.get_attribute("x1") or "nan")
        for mark in panel.locator("rect.negative").all():
            x, width = (float(mark.get_attribute(name) or "nan") for name in ("x", "width"))
            assert x + width == pytest.approx(zero), "a negative bar is left of the zero line and ends at it"
        assert panel.locator("rect.negative").count() > 0
        values = [float(text.replace(".", "").replace(",", ".")) for text in panel.locator(".value").all_inner_texts()]
        assert values == sorted(values, reverse=True)


def test_a_period_fills_in_the_days(client: Client, page: Page) -> None:
    choose_transactions(page, "CSV")
    page.get_by_label("Period", exact=True).select_option("Last month")
    first = page.get_by_label("From", exact=True).input_value()
    assert first.endswith("-01")
    page.get_by_role("button", name="Generate report").click()
    assert client.show(report_id_of(page))["filters"]["from"] == first
    open_view(page, "New report")
    choose_transactions(page)
    page.get_by_label("Period", exact=True).select_option("Yesterday")
    page.get_by_label("To", exact=True).fill("2024-02-01")
    expect(page.get_by_label("Period", exact=True)).to_have_value("")


_DAYS = """([period, week]) => import(new URL("console/lib/periods.js", location.href)).then(
  ({ daysOf }) => daysOf(period, "America/Sao_Paulo", week))"""


@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2026, 1, 1), date(2026, 3, 1), date(2026, 11, 29)])
def test_periods_have_the_days_that_schedules_have(client: Client, browser: Browser, today: date) -> None:
    periods: tuple[Period, ...] = Period.__args__  # type: ignore[attr-defined]
    with page_of(browser) as page:
        page.clock.set_fixed_time(f"{today}T23:30:00-03:00")
        page.goto(f"{client.stack.up.api_url}/console")
        for period in periods:
            for week in ("monday", "saturday", "sunday"):
                expected = [day.isoformat() for day in days_of(period, today, week)]
                assert page.evaluate(_DAYS, [period, week]) == expected, (period, week)


def test_columns_are_all_chosen_or_none(client: Client, browser: Browser) -> None:
    with page_of(browser, allowed_error="422") as page:
        enter(page, client)
        choose_transactions(page, "CSV")
        page.get_by_text("Columns 9 of 9").click()
        page.get_by_role("button", name="Select none").click()
        expect(page.get_by_text("Columns 0 of 9")).to_be_visible()
        page.get_by_role("button", name="Generate report").click()
        expect(page.locator(".columns ~ .field-error")).to_have_text("This field is required.")
        page.get_by_role("button", name="Select all").click()
        page.get_by_role("button", name="Generate report").click()
        expect(badge(page)).to_have_text("Ready")


def test_a_title_does_not_change_the_direction_of_the_text_after_it(client: Client, page: Page) -> None:
    report_id = make_ready(client, title="كشف الحساب 2024 · A")
    open_view(page, "Reports")
    link = page.locator(f'a[href="#/reports/{report_id}"]')
    expect(link.locator("bdi")).to_have_attribute("title", "كشف الحساب 2024 · A")
