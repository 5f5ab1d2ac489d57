"""`resma type`: report types, with their filters and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from resma_cli.api_client import Json
from resma_cli.completion import complete_locale
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import TableColumn, clean, draw_pairs, draw_table
from resma_cli.shared_options import ApiOptions, examples, with_groups

app = typer.Typer(no_args_is_help=True, help="Show which reports can be generated.")

Locale = Annotated[str, typer.Option(autocompletion=complete_locale, help="Language of titles and descriptions.")]


@app.command("list", epilog=examples("resma type list", "resma type list --locale pt-BR"))
@with_groups
def list_types(api_options: ApiOptions, locale: Locale = "en-US") -> None:
    """List report types."""
    catalog = _catalog(api_options, locale)
    api_options.output.show(catalog, lambda console: _draw_all(console, catalog["items"]))
    for error in catalog["errors"]:
        api_options.output.print_message(f"{error['type']} cannot be generated: {_describe_error(error)}")


@app.command(
    "show", epilog=examples("resma type show ACCOUNT_STATEMENT", "resma type show transactions --locale pt-BR")
)
@with_groups
def show_type(
    api_options: ApiOptions,
    report_type: Annotated[str, typer.Argument(metavar="TYPE", help="Report type, such as TRANSACTIONS.")],
    locale: Locale = "en-US",
) -> None:
    """Show a report type: its formats, filters and columns, and the columns that it may be split by."""
    catalog = _catalog(api_options, locale)
    items = catalog["items"]
    type_name = report_type.upper().replace("-", "_")
    found = next((item for item in items if item["type"] == type_name), None)
    if errors := [_describe_error(error) for error in catalog["errors"] if error["type"] == type_name]:
        raise CommandFailedError(ExitCode.FAILED, f"{type_name} cannot be generated:\n" + "\n".join(errors))
    if found is None:
        known = ", ".join(item["type"] for item in items)
        raise CommandFailedError(ExitCode.NOT_FOUND, f"Unknown report type `{report_type}`. It must be one of {known}.")
    api_options.output.show(found, lambda console: _draw_one(console, found))


def _catalog(api_options: ApiOptions, locale: str) -> Json:
    """Returns the report types, and the errors of those that cannot be generated."""
    catalog: Json = api_options.api.get("/api/v1/report-types", {"locale": locale})
    return catalog


def _describe_error(error: Json) -> str:
    return f"{error['file']}:{error['line']}: {error['detail']}"


def _draw_all(console: Console, items: list[Json]) -> None:
    columns = ("TYPE", "TITLE", TableColumn("DESCRIPTION", is_flexible=True))
    draw_table(console, columns, [[i["type"], i["title"], i["description"]] for i in items])


def _draw_one(console: Console, item: Json) -> None:
    console.print(clean(f"{item['type']}: {item['description']}"))
    lists = {"formats": item["formats"], "locales": item["locales"], "split by": item["splitBy"] or ["-"]}
    draw_pairs(console, [(name, ", ".join(values)) for name, values in lists.items()])
    console.print()
    filters, required = item["filters"].get("properties") or {}, item["filters"].get("required") or []
    rows = [
        [name, _describe_values(each), "yes" if name in required else "", each.get("description") or ""]
        for name, each in filters.items()
    ]
    columns = (
        "FILTER",
        TableColumn("VALUE", is_flexible=True),
        "REQUIRED",
        TableColumn("DESCRIPTION", is_flexible=True),
    )
    draw_table(console, columns, rows)
    console.print()
    rows = [[c["name"], c["kind"], "yes" if c["personal"] else "", c["heading"]] for c in item["columns"]]
    draw_table(console, ("COLUMN", "KIND", "PERSONAL", TableColumn("HEADING", is_flexible=True)), rows)


def _describe_values(schema: Mapping[str, Any]) -> str:
    """Returns the choices or the kind of a filter's values."""
    if schema.get("type") == "array":
        choices = (schema.get("items") or {}).get("enum") or []
        return ",".join(map(str, choices))
    if schema.get("format") == "date":
        return "YYYY-MM-DD"
    if schema.get("format") == "decimal":
        return "amount"
    return str(schema.get("type", "string"))
