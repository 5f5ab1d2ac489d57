"""Sign-in to the console in Chromium at a real OpenID Connect provider (tests/oidc)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_console_accessibility import LOOKS, RULES
from tests.oidc.install import PROVIDER
from tests.oidc.running_provider import ProviderAddress, running_provider
from tests.support.browser import page_of
from tests.support.client import Client
from tests.support.keys import make_key
from tests.support.optional_tools import require_tools

REJECTED = "status of 401"
REFUSED = "status of 403"
UNAVAILABLE = "status of 503"
LEEWAY_SECONDS = 32
"""Seconds until the API rejects a token of one second: it tolerates a clock difference of 30 seconds."""


@pytest.fixture(scope="module", autouse=True)
def console_url(client: Client, identity_provider: ProviderAddress) -> Iterator[str]:
    """The URL of the console, at whose provider people can sign in."""
    require_tools("node", PROVIDER.tools, PROVIDER.remedy)
    url = f"{client.stack.up.api_url}/console"
    with running_provider(identity_provider, url):
        yield url


def answer_provider(page: Page, user: str) -> None:
    """Signs in at the provider."""
    page.get_by_label("User").fill(user)
    page.get_by_role("button", name="Continue").click()


def sign_in_as(page: Page, url: str, user: str) -> None:
    """Opens the console and signs in at the provider."""
    page.goto(url)
    page.get_by_role("button", name="Continue with single sign-on").click()
    answer_provider(page, user)


def is_signed_in(page: Page) -> bool:
    """Whether the tab stores a key."""
    return bool(page.evaluate("sessionStorage.getItem('resma.key') !== null"))


def test_a_person_signs_in_and_returns_to_the_same_page(browser: Browser, console_url: str) -> None:
    with page_of(browser) as page:
        sign_in_as(page, f"{console_url}#/reports?status=READY", "maria")
        expect(page.get_by_role("heading", name="Reports")).to_be_visible()
        expect(page).to_have_url(f"{console_url}#/reports?status=READY")
        expect(page.locator(".person")).to_have_text("Maria Souza")
        expect(page.get_by_role("navigation").get_by_role("link", name="New report")).to_be_visible()
        expect(page.get_by_role("link", name="API keys")).to_have_count(0)
        page.reload()
        expect(page.get_by_role("heading", name="Reports")).to_be_visible()


def test_a_person_has_the_scopes_of_all_groups(browser: Browser, console_url: str) -> None:
    with page_of(browser) as page:
        sign_in_as(page, console_url, "joao")
        expect(page.get_by_role("navigation").get_by_role("link", name="New report")).to_be_visible()
        expect(page.get_by_role("link", name="API keys")).to_be_visible()
        expect(page.get_by_role("link", name="Webhooks")).to_have_count(0)


@pytest.mark.parametrize(
    ("user", "says"),
    [("rui", "Of 1 group in"), ("ana", "has no groups"), ("wei", "too many groups")],
)
def test_a_person_without_a_role_is_refused_and_can_use_another_account(
    browser: Browser, console_url: str, user: str, says: str
) -> None:
    with page_of(browser, allowed_error=REFUSED) as page:
        sign_in_as(page, console_url, user)
        expect(page.get_by_role("alert")).to_contain_text("None of your groups has permissions here")
        expect(page.get_by_role("alert").get_by_text(says)).to_be_attached()
        assert page.evaluate("sessionStorage.length") == 0
        page.get_by_role("button", name="Continue with single sign-on").click()
        answer_provider(page, "maria")
        expect(page.locator(".person")).to_have_text("Maria Souza")


def test_a_person_of_an_unknown_tenant_is_refused(browser: Browser, console_url: str) -> None:
    with page_of(browser, allowed_error=REJECTED) as page:
        sign_in_as(page, console_url, "olga")
        expect(page.get_by_role("alert")).to_contain_text("Your account can't be used here")
        assert page.evaluate("sessionStorage.length") == 0


def test_a_person_who_cancels_can_try_again(browser: Browser, console_url: str) -> None:
    with page_of(browser) as page:
        page.goto(console_url)
        page.get_by_role("button", name="Continue with single sign-on").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("alert")).to_contain_text("You were not signed in")
        assert urlsplit(page.url).query == ""
        page.get_by_role("button", name="Continue with single sign-on").click()
        answer_provider(page, "maria")
        expect(page.locator(".person")).to_have_text("Maria Souza")


def test_a_code_that_this_tab_did_not_request_is_not_used(browser: Browser, console_url: str) -> None:
    """An attacker who sends a link with the own code (login CSRF), or injects a stolen code, does not succeed."""
    codes: list[str] = []
    with page_of(browser, allowed_error=UNAVAILABLE) as attacker:
        attacker.on("request", lambda request: codes.append(request.url) if "code=" in request.url else None)
        attacker.route("**/console/token", lambda route: route.fulfill(status=503))  # so that the code stays valid
        sign_in_as(attacker, console_url, "joao")
        expect(attacker.get_by_role("alert")).to_be_visible()
    (link,) = codes
    with page_of(browser, allowed_error=REJECTED) as victim:
        victim.goto(link)
        expect(victim.get_by_role("alert")).to_contain_text("This sign-in is no longer valid")
        assert urlsplit(victim.url).query == ""
        assert not is_signed_in(victim)
        # With the state of the victim, the code of the attacker fails because of the victim's verifier.
        victim.get_by_role("button", name="Continue with single sign-on").click()
        expect(victim.get_by_label("User")).to_be_visible()
        victim.goto(f"{console_url}/app.js")
        state = victim.evaluate("JSON.parse(sessionStorage.getItem('resma.sign-in')).state")
        victim.goto(re.sub(r"state=[^&]*", f"state={state}", link))
        expect(victim.get_by_role("alert")).to_contain_text("Sign-in failed")
        assert not is_signed_in(victim)


def test_a_session_that_cannot_be_renewed_ends_with_its_reason(browser: Browser, console_url: str) -> None:
    with page_of(browser, allowed_error=REJECTED) as page:
        sign_in_as(page, f"{console_url}#/reports", "lena")
        expect(page.locator(".person")).to_have_text("Lena Vogel")
        page.context.clear_cookies(name="resma-renewal")
        time.sleep(LEEWAY_SECONDS)
        page.get_by_role("navigation").get_by_role("link", name="New report").click()
        expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
        # The draft of the form and the position in a list remain for the same person.
        assert set(page.evaluate("Object.keys(sessionStorage)")) <= {"resma.draft", "resma.pages"}
        page.get_by_role("button", name="Continue with single sign-on").click()
        expect(page.get_by_role("heading", name="New report")).to_be_visible()


def test_signing_out_ends_the_sessions_of_all_tabs_and_of_the_provider(browser: Browser, console_url: str) -> None:
    with page_of(browser) as page:
        sign_in_as(page, console_url, "maria")
        expect(page.locator(".person")).to_have_text("Maria Souza")
        other = page.context.new_page()
        other.goto(console_url)
        expect(other.locator(".person")).to_have_text("Maria Souza")
        urls: list[str] = []
        page.on("request", lambda request: urls.append(request.url))
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Sign out at the provider").click()
        expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
        assert page.url.partition("#")[0].rstrip("?") == console_url
        expect(other.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
        for each in (page, other):
            assert each.evaluate("sessionStorage.length") == 0
        assert [each["name"] for each in page.context.cookies() if each["name"] == "resma-renewal"] == []
        assert not [url for url in urls if "id_token" in url]
        page.get_by_role("button", name="Continue with single sign-on").click()
        expect(page.get_by_label("User")).to_be_visible()


def test_an_api_key_still_works_and_signing_out_does_not_leave_the_console(
    client: Client, browser: Browser, console_url: str
) -> None:
    with page_of(browser) as page:
        page.goto(console_url)
        page.get_by_label("API key").fill(make_key(client, "demo", "reports:read"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".person")).to_have_text("e2e")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
        assert page.url.startswith(console_url)


@pytest.mark.parametrize(("theme", "locale"), LOOKS)
def test_axe_finds_no_violations_in_the_sign_in_with_a_problem(
    browser: Browser, console_url: str, theme: str, locale: str
) -> None:
    options = {"color_scheme": theme, "locale": locale, "bypass_csp": True, "reduced_motion": "reduce"}
    with page_of(browser, allowed_error=REFUSED, **options) as page:
        page.goto(console_url)
        page.locator("button.wide").click()
        answer_provider(page, "rui")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.locator("button.wide")).to_be_visible()
        page.evaluate("() => { for (const each of document.querySelectorAll('details')) each.open = true; }")
        assert Axe().run(page, options=RULES).response["violations"] == []
