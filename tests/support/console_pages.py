"""Actions of a console user, for tests in a browser."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.client import Client


def enter(page: Page, client: Client) -> None:
    """Opens the console and continues without a key."""
    page.goto(f"{client.stack.up.api_url}/console")
    page.get_by_role("button", name="Continue without a key").click()
    expect(page.get_by_role("heading", name="New report")).to_be_visible()


def open_view(page: Page, name: str) -> None:
    """Opens a view through the main menu."""
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_focused()


def choose_transactions(page: Page, *formats: str) -> None:
    """Fills in the form for transactions since 2024, in the given formats."""
    page.get_by_role("radio", name=re.compile("^Transactions")).check()
    page.get_by_label("From", exact=True).fill("2024-01-01")
    page.get_by_label("PDF", exact=True).uncheck()
    for format_ in formats:
        page.get_by_label(format_, exact=True).check()


def badge(page: Page) -> Locator:
    """Returns the badge with the status on a report's page."""
    return page.locator(".state .badge")


def report_id_of(page: Page) -> str:
    """Returns the id of the report whose page is open."""
    expect(page).to_have_url(re.compile("#/reports/[0-9a-f-]{36}"))
    return page.url.rpartition("/")[2]


def sign_in(page: Page, client: Client, key: str) -> None:
    """Opens the console and signs in with a key."""
    page.goto(f"{client.stack.up.api_url}/console")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main menu")).to_be_visible()
