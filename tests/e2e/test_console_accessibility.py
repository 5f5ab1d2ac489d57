"""Accessibility of the console: axe in every view, theme and language, and layouts for phones and tablets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_console_lists import make_ready
from tests.e2e.test_console_split import delete, insert_generating
from tests.support.browser import page_of
from tests.support.certificates import sample_certificate
from tests.support.client import Client
from tests.support.dead_letters import NONE, abandon
from tests.support.fault_proxy import Fault
from tests.support.file_receivers import allow_email, wait_until_delivered
from tests.support.keys import make_key
from tests.support.local_stack import Faults
from tests.support.webhook_receiver import WebhookReceiver

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
LOOKS = [
    ("light", "en-US"),
    ("dark", "pt-BR"),
    pytest.param("dark", "en-US", marks=pytest.mark.long),
    pytest.param("light", "pt-BR", marks=pytest.mark.long),
]
PHONE = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def views(client: Client, faults: Faults, webhooks: WebhookReceiver) -> Iterator[Mapping[str, str]]:
    """Every view with data in it: the fragment of its URL, and a selector that matches once the view is complete."""
    with faults.sqs.failing(Fault("refuse")):
        dead = client.request_report("CSV", NONE)
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", dead)
    abandon(client, dead)
    url = webhooks.customer("everybody", [500] * 100)
    endpoint = client.http("POST", "/api/v1/webhook-endpoints", json={"url": url}).json()["id"]
    ready = client.request_report("CSV", {"from": "2024-01-01"})
    client.wait_for_status(ready, "READY")
    request = {"type": "TRANSACTIONS", "format": "CSV"}
    body = {"name": "Every month", "request": request, "when": "monthly", "period": "last-month"}
    schedule = client.http("POST", "/api/v1/schedules", json=body).json()["id"]
    split = insert_generating(client, faults)
    make_key(client, "demo", "reports:read")
    allow_email(client, "example.com", 0)
    receiver = {"recipients": [f"recipient.number.{number}@example.com" for number in range(20)]}
    destination = create(client, "destinations", name="Treasury", kind="EMAIL", settings=receiver)
    certificate = create(client, "certificates", name="Partner bank", certificate=sample_certificate())
    delivered = client.request_report("CSV", NONE, deliverTo=[destination], encryptFor=[certificate])
    client.wait_for_status(delivered, "READY")
    wait_until_delivered(client, delivered)
    client.sql(
        "INSERT INTO resma.suppressed_addresses VALUES ('demo', 'gone@example.com', 'BOUNCE', '550 5.1.1 unknown')"
    )
    yield {
        "/reports/new": ".types",
        "/reports": "tbody tr",
        f"/reports/{ready}": ".chart svg",
        f"/reports/{dead}": ".notice",
        f"/reports/{split}": ".split-files tbody tr",
        "/schedules": "tbody tr",
        "/schedules/new": ".side tbody tr",
        f"/schedules/{schedule}": "tbody tr",
        f"/schedules/{schedule}/edit": ".side tbody tr",
        "/webhooks": "tbody tr",
        f"/webhooks/{endpoint}": ".deliveries",
        "/dead-letters": "tbody tr",
        "/api-keys": "tbody tr",
        "/destinations": "section tbody tr",
        f"/destinations/{destination}": ".deliveries",
        "/certificates": "tbody tr",
        f"/reports/{delivered}": ".deliveries",
        "/nowhere": "main p",
    }
    client.http("DELETE", f"/api/v1/schedules/{schedule}")
    client.http("DELETE", f"/api/v1/destinations/{destination}")
    client.http("DELETE", f"/api/v1/certificates/{certificate}")
    client.http("DELETE", "/api/v1/suppressed-addresses/gone@example.com")
    delete(client, split)
    client.http("DELETE", f"/api/v1/webhook-endpoints/{endpoint}")


def create(client: Client, collection: str, **body: Any) -> str:
    """Creates a resource and returns its id."""
    answer = client.http("POST", f"/api/v1/{collection}", json=body)
    assert answer.status == 201, answer.data
    return str(answer.json()["id"])


def open_console(client: Client, page: Page) -> None:
    """Opens the sign-in view and waits until it is complete."""
    page.goto(f"{client.stack.up.api_url}/console")
    expect(page.locator(".plain button")).to_be_visible()


def show(page: Page, path: str, selector: str) -> None:
    """Opens a view and waits until it is complete."""
    page.evaluate("path => { location.hash = path; }", path)
    expect(page.locator(selector).first).to_be_visible()


@pytest.mark.parametrize(("theme", "locale"), LOOKS)
def test_axe_finds_no_violations(
    client: Client, browser: Browser, views: Mapping[str, str], theme: str, locale: str
) -> None:
    axe = Axe()
    violations: dict[str, list[str]] = {}

    def look(page: Page, name: str) -> None:
        results = axe.run(page, options=RULES).response["violations"]
        if results:
            violations[name] = [
                f"{each['id']}: {[node['html'][:200] for node in each['nodes'][:3]]}" for each in results
            ]

    # The content security policy would block axe. test_console.py runs with the policy.
    with page_of(browser, color_scheme=theme, locale=locale, bypass_csp=True, reduced_motion="reduce") as page:
        open_console(client, page)
        look(page, "sign in")
        page.locator(".plain button").click()
        for path, selector in views.items():
            show(page, path, selector)
            page.evaluate("() => { for (const each of document.querySelectorAll('details')) each.open = true; }")
            look(page, path)
        for path in ("/webhooks", "/destinations", "/certificates"):
            show(page, path, "tbody tr")
            page.locator(".spread button").first.click()
            look(page, f"the dialog of {path}")
            page.keyboard.press("Escape")
    assert violations == {}


def test_a_phone_shows_all_without_scrolling_sideways(
    client: Client, browser: Browser, views: Mapping[str, str]
) -> None:
    too_wide = {}
    with page_of(browser, viewport=PHONE, locale="pt-BR") as page:
        open_console(client, page)
        page.locator(".plain button").click()
        for path, selector in views.items():
            show(page, path, selector)
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > PHONE["width"]:
                too_wide[path] = width
    assert too_wide == {}


def test_a_tablet_shows_all_columns_of_the_list(client: Client, browser: Browser) -> None:
    make_ready(client, title="A title that takes some room")
    with page_of(browser, viewport={"width": 768, "height": 1024}) as page:
        open_console(client, page)
        page.locator(".plain button").click()
        show(page, "/reports", "tbody tr")
        hidden = page.locator(".table").evaluate("table => table.scrollWidth - table.clientWidth")
        assert hidden == 0, "no column is hidden"


def test_a_phone_shows_a_report_in_a_few_lines_and_folds_the_filters(client: Client, browser: Browser) -> None:
    make_ready(client, title="A few lines")
    with page_of(browser, viewport={"width": 360, "height": 800}) as page:
        open_console(client, page)
        page.locator(".plain button").click()
        show(page, "/reports", "tbody tr")
        search = page.get_by_label("Search")
        expect(search).to_be_hidden()
        page.get_by_text("Filters", exact=True).click()
        search.fill("A few lines")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(search).to_have_value("A few lines")
        card = page.locator("tbody tr").bounding_box()
        assert card is not None
        assert card["height"] <= 130, "title, filters and two lines"


def test_language_and_theme_are_chosen_and_kept(client: Client, browser: Browser) -> None:
    with page_of(browser, locale="pt-BR", color_scheme="light") as page:
        open_console(client, page)
        expect(page.get_by_role("heading", name="Entrar")).to_be_visible()
        page.locator(".plain button").click()
        expect(page.get_by_role("radio", name="Trilha de auditoria")).to_be_visible()
        page.get_by_label("Idioma", exact=True).select_option("English")
        expect(page.get_by_role("radio", name="Audit trail")).to_be_visible()
        expect(page.get_by_label("Language", exact=True)).to_be_focused()
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_label("Theme").select_option("Dark")
        page.reload()
        expect(page.get_by_role("heading", name="New report")).to_be_visible()
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
