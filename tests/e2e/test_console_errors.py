"""Errors in the console: messages in the user's language, and no data left for the next user."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.support.browser import page_of
from tests.support.client import Client
from tests.support.console_pages import badge, choose_transactions, enter, open_view, sign_in
from tests.support.keys import make_key


def revoke(client: Client, key: str) -> None:
    """Revokes a key."""
    client.sql("UPDATE resma.api_keys SET revoked_at = clock_timestamp() WHERE key_id = %s", key.split("_")[1])


def test_errors_are_in_the_users_language_and_disappear_when_fixed(client: Client, browser: Browser) -> None:
    with page_of(browser, allowed_error="422", locale="pt-BR") as page:
        page.goto(f"{client.stack.up.api_url}/console")
        page.get_by_role("button", name="Continuar sem chave").click()
        page.locator('input[value="TRANSACTIONS"]').check()
        send = page.get_by_role("button", name="Gerar relatório")
        page.get_by_label("PDF", exact=True).uncheck()
        send.click()
        formats = page.get_by_role("group", name=re.compile("^Formato"))
        expect(formats).to_have_accessible_description(re.compile("Este campo é obrigatório"))
        page.get_by_label("CSV", exact=True).check()
        expect(page.get_by_text("Este campo é obrigatório")).to_have_count(0)
        page.get_by_label("De", exact=True).fill("2024-12-31")
        page.get_by_label("Até", exact=True).fill("2024-01-01")
        send.click()
        expect(page.get_by_text("Não pode ser antes de 31 de dez. de 2024.")).to_be_visible()
        problem = page.get_by_role("alert")
        expect(problem).to_contain_text("Corrija os campos destacados")
        expect(problem.locator("[lang=en]")).to_be_hidden()
        problem.get_by_text("Detalhes").click()
        expect(problem.locator("[lang=en]")).to_have_text(re.compile("One part of the request is not valid"))
        page.get_by_label("Até", exact=True).fill("2025-01-31")
        page.get_by_role("button", name="Estimar").click()
        expect(page.locator(".estimate dl")).to_be_visible()
        expect(problem).to_have_count(0)


def test_form_input_survives_a_reload_but_not_a_change_of_user(client: Client, browser: Browser) -> None:
    scopes = ("reports:read", "reports:write")
    key, other = make_key(client, "demo", *scopes), make_key(client, "demo", *scopes)
    with page_of(browser, allowed_error="401") as page:
        sign_in(page, client, key)
        choose_transactions(page, "XLSX")
        page.get_by_role("textbox", name="Account").fill("BR1000-104729")
        page.reload()
        expect(page.get_by_role("textbox", name="Account")).to_have_value("BR1000-104729")
        expect(page.get_by_label("XLSX", exact=True)).to_be_checked()
        revoke(client, key)
        page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Reports").click()
        expect(page.get_by_role("alert")).to_contain_text("was revoked")
        sign_in(page, client, other)
        open_view(page, "New report")
        expect(page.get_by_role("radio", name=re.compile("^Account statement"))).to_be_checked()
        assert page.evaluate("sessionStorage.getItem('resma.draft')") is None


def test_a_view_that_cannot_be_loaded_shows_an_error_and_is_retried(client: Client, browser: Browser) -> None:
    with page_of(browser, allowed_error="net::ERR_INTERNET_DISCONNECTED") as page:
        enter(page, client)
        page.context.set_offline(True)
        open_view(page, "Schedules")
        expect(page.get_by_role("alert")).to_contain_text("No connection")
        page.context.set_offline(False)
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("link", name="New schedule")).to_be_visible()


def test_a_malformed_key_is_not_reported_as_a_lost_connection(client: Client, browser: Browser) -> None:
    with page_of(browser) as page:
        page.goto(f"{client.stack.up.api_url}/console")
        page.get_by_label("API key").fill("chave-secreta-é-esta")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("Invalid API key")


def test_an_invalid_filter_shows_an_error_and_stops_loading(client: Client, browser: Browser) -> None:
    with page_of(browser, allowed_error="422") as page:
        enter(page, client)
        page.goto(f"{client.stack.up.api_url}/console#/reports?format=DOC")
        expect(page.get_by_role("alert")).to_contain_text("This value does not exist")
        expect(page.get_by_text("Loading…")).to_have_count(0)


def test_a_download_that_a_key_does_not_permit_is_disabled(client: Client, browser: Browser) -> None:
    report_id = client.request_report("CSV", {"from": "2024-01-01", "to": "2024-01-31"})
    client.wait_for_status(report_id, "READY")
    key = make_key(client, "demo", "reports:read")
    with page_of(browser) as page:
        sign_in(page, client, key)
        page.goto(f"{client.stack.up.api_url}/console#/reports/{report_id}")
        expect(badge(page)).to_have_text("Ready")
        expect(page.get_by_role("button", name=re.compile("^Download CSV"))).to_be_disabled()
        expect(page.get_by_text("The files contain personal data")).to_be_visible()
