"""`resma types`: what can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from infra.cli.api import Json
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.output import clean, draw_pairs, draw_table

app = typer.Typer()


@app.command("types", epilog=examples("resma types", "resma types ACCOUNT_STATEMENT", "resma types --locale pt-BR"))
@with_groups
def show_types(
    setting: Setting,
    report_type: Annotated[str | None, typer.Argument(metavar="[TYPE]", help="Show this one whole.")] = None,
    locale: Annotated[str, typer.Option(help="In whose language.")] = "en-US",
) -> None:
    """List report types, or show one with its filters and columns."""
    items: list[Json] = setting.api.get("/api/v1/report-types", {"locale": locale})["items"]
    if report_type is None:
        setting.output.show({"items": items}, lambda console: _draw_all(console, items))
        return
    wanted = report_type.upper().replace("-", "_")
    found = next((item for item in items if item["type"] == wanted), None)
    if found is None:
        there = ", ".join(item["type"] for item in items)
        raise CommandFailed(ExitCode.NOT_FOUND, f"there is no report type {report_type}; there are {there}")
    setting.output.show(found, lambda console: _draw_one(console, found))


def _draw_all(console: Console, items: list[Json]) -> None:
    draw_table(console, ("TYPE", "TITLE", "DESCRIPTION"), [[i["type"], i["title"], i["description"]] for i in items])


def _draw_one(console: Console, item: Json) -> None:
    console.print(clean(f"{item['type']}: {item['description']}"))
    draw_pairs(console, [("formats", ", ".join(item["formats"])), ("locales", ", ".join(item["locales"]))])
    console.print()
    filters, needed = item["filters"].get("properties") or {}, item["filters"].get("required") or []
    rows = [
        [name, _say_kind(each), name in needed and "yes", each.get("description")] for name, each in filters.items()
    ]
    draw_table(console, ("FILTER", "VALUE", "NEEDED", "WHAT"), [[cell or "" for cell in row] for row in rows])
    console.print()
    columns = [[c["name"], c["kind"], "yes" if c["personal"] else "", c["heading"]] for c in item["columns"]]
    draw_table(console, ("COLUMN", "KIND", "PERSONAL", "HEADING"), columns)


def _say_kind(schema: Mapping[str, Any]) -> str:
    """What a filter's value is, in a word or by its choices."""
    if schema.get("type") == "array":
        choices = (schema.get("items") or {}).get("enum") or []
        return ",".join(map(str, choices))
    if schema.get("format") == "date":
        return "YYYY-MM-DD"
    if "pattern" in schema:
        return "amount"
    kind = str(schema.get("type", "string"))
    return "text" if kind == "string" else kind
