"""Draws the console's pictures: its views in Chromium, on a stack of their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from infra.demo.load_demo_bank import load_demo_bank
from infra.local.stack import Options, Stack
from tests.support.browser import page_of, running_browser
from tests.support.client import Client

ROWS = 50_000
STACK = "pictures"


@dataclass(frozen=True)
class View:
    """A picture of a view. `{report}` in its path is the id of a finished report."""

    name: str
    path: str
    sign: str
    """Selector of an element that is visible once the view is complete."""
    theme: str = "light"
    locale: str = "en-US"
    width: int = 1280
    height: int = 860
    prepare: Callable[[Page], None] | None = None
    """Fills in the view's form before the picture is taken."""


def fill_in_form(page: Page) -> None:
    """Fills in a request for a year's transactions in two formats, and estimates it."""
    page.locator('input[value="TRANSACTIONS"]').check()
    page.get_by_label("From", exact=True).fill("2024-01-01")
    page.get_by_label("To", exact=True).fill("2024-12-31")
    page.get_by_label("XLSX", exact=True).check()
    page.get_by_role("button", name="Estimate").click()


def fill_in_schedule(page: Page) -> None:
    """Fills in a schedule for last month's report on each first business day in Brazil."""
    page.get_by_label("Nome").fill("Extrato mensal")
    page.get_by_label("Frequência").select_option("first-business-day")
    page.get_by_label("Feriados").select_option("BR")
    page.get_by_label("Período do relatório").select_option("last-month")
    expect(page.locator(".side tbody .hint").first).to_be_visible()


VIEWS = (
    View("console-ask-en", "/reports/new", ".estimate dl", prepare=fill_in_form),
    View("console-report-en", "/reports/{report}", ".chart.time svg"),
    View("console-report-pt", "/reports/{report}", ".chart.time svg", theme="dark", locale="pt-BR"),
    View("console-schedule-pt", "/schedules/new", ".side tbody tr", locale="pt-BR", prepare=fill_in_schedule),
    View("console-phone-en", "/reports/{report}", ".chart.time svg", width=360, height=780),
)


def draw_console(folder: Path) -> None:
    """Draws every view into the folder."""
    stack = Stack(STACK, Options(front_door_port=None))
    stack.stop()
    shutil.rmtree(stack.folder, ignore_errors=True)
    with stack, running_browser() as browser:
        load_demo_bank(stack.up.database_url, ROWS)
        client = Client(stack)
        reports = {locale: make_report(client, locale) for locale in ("en-US", "pt-BR")}
        for view in VIEWS:
            draw_view(browser, stack.up.api_url, view, reports[view.locale], folder)
        client.close()


def make_report(client: Client, locale: str) -> str:
    """Generates a report of a year in two formats; returns its id."""
    filters = {"from": "2024-01-01", "to": "2024-12-31"}
    body = {"type": "TRANSACTIONS", "formats": ["PDF", "XLSX"], "filters": filters, "locale": locale}
    answer = client.http("POST", "/api/v1/reports/generate", json=body)
    assert answer.status == 202, answer.data
    report_id = str(answer.json()["id"])
    client.wait_for_status(report_id, "READY")
    return report_id


def draw_view(browser: Browser, api_url: str, view: View, report_id: str, folder: Path) -> None:
    """Draws one view, as a user without an API key."""
    size = {"width": view.width, "height": view.height}
    look = {"locale": view.locale, "color_scheme": view.theme, "timezone_id": "America/Sao_Paulo"}
    with (
        page_of(browser, viewport=size, reduced_motion="reduce", **look) as page,
        tempfile.TemporaryDirectory() as drawn,
    ):
        page.goto(f"{api_url}/console#{view.path.format(report=report_id)}")
        page.locator(".plain button").click()
        if view.prepare:
            view.prepare(page)
        expect(page.locator(view.sign).first).to_be_visible()
        shot = Path(drawn) / "shot.png"
        page.evaluate("() => { window.scrollTo(0, 0); document.activeElement?.blur(); }")
        page.screenshot(path=shot)
        picture = folder / f"{view.name}.png"
        # A view has about 256 colors. A palette makes the file half of the size.
        Image.open(shot).convert("RGB").quantize(256).save(picture, optimize=True)
        print(f"docs/pictures/{picture.name}: {picture.stat().st_size // 1024} kB")
