"""`resma type`: report types, with their filters and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from resma_cli.api_client import Json
from resma_cli.completion import complete_locale
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import Column, clean, draw_pairs, draw_table
from resma_cli.shared_options import Setting, examples, with_groups

app = typer.Typer(no_args_is_help=True, help="Show which reports can be generated.")

Locale = Annotated[str, typer.Option(autocompletion=complete_locale, help="Language of titles and descriptions.")]


@app.command("list", epilog=examples("resma type list", "resma type list --locale pt-BR"))
@with_groups
def list_types(setting: Setting, locale: Locale = "en-US") -> None:
    """List report types."""
    items = _types(setting, locale)
    setting.output.show({"items": items}, lambda console: _draw_all(console, items))


@app.command(
    "show", epilog=examples("resma type show ACCOUNT_STATEMENT", "resma type show transactions --locale pt-BR")
)
@with_groups
def show_type(
    setting: Setting,
    report_type: Annotated[str, typer.Argument(metavar="TYPE", help="Report type, such as TRANSACTIONS.")],
    locale: Locale = "en-US",
) -> None:
    """Show a report type: its formats, filters and columns."""
    items = _types(setting, locale)
    wanted = report_type.upper().replace("-", "_")
    found = next((item for item in items if item["type"] == wanted), None)
    if found is None:
        there = ", ".join(item["type"] for item in items)
        raise CommandFailedError(
            ExitCode.NOT_FOUND, f"There is no report type `{report_type}`. The types are: {there}."
        )
    setting.output.show(found, lambda console: _draw_one(console, found))


def _types(setting: Setting, locale: str) -> list[Json]:
    items: list[Json] = setting.api.get("/api/v1/report-types", {"locale": locale})["items"]
    return items


def _draw_all(console: Console, items: list[Json]) -> None:
    columns = ("TYPE", "TITLE", Column("DESCRIPTION", is_flexible=True))
    draw_table(console, columns, [[i["type"], i["title"], i["description"]] for i in items])


def _draw_one(console: Console, item: Json) -> None:
    console.print(clean(f"{item['type']}: {item['description']}"))
    draw_pairs(console, [("formats", ", ".join(item["formats"])), ("locales", ", ".join(item["locales"]))])
    console.print()
    filters, required = item["filters"].get("properties") or {}, item["filters"].get("required") or []
    rows = [
        [name, _say_kind(each), "yes" if name in required else "", each.get("description") or ""]
        for name, each in filters.items()
    ]
    columns = ("FILTER", Column("VALUE", is_flexible=True), "REQUIRED", Column("DESCRIPTION", is_flexible=True))
    draw_table(console, columns, rows)
    console.print()
    rows = [[c["name"], c["kind"], "yes" if c["personal"] else "", c["heading"]] for c in item["columns"]]
    draw_table(console, ("COLUMN", "KIND", "PERSONAL", Column("HEADING", is_flexible=True)), rows)


def _say_kind(schema: Mapping[str, Any]) -> str:
    """What a filter's value is, in a word or by its choices."""
    if schema.get("type") == "array":
        choices = (schema.get("items") or {}).get("enum") or []
        return ",".join(map(str, choices))
    if schema.get("format") == "date":
        return "YYYY-MM-DD"
    if schema.get("format") == "decimal":
        return "amount"
    return str(schema.get("type", "string"))
