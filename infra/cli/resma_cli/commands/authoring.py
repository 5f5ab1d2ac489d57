"""`resma init`, `new`, `preview`, `check`: report types of a database of one's own, without the stack."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from resma_cli.commands.stack import explained_errors
from resma_cli.completion import complete_format, complete_locale, complete_type_folders
from resma_cli.connection import stack_name
from resma_cli.draw_authoring import (
    describe_check,
    describe_new,
    describe_preview,
    draw_new,
    draw_preview,
)
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import clean
from resma_cli.request_options import read_pairs
from resma_cli.shared_options import Catalog, OutputOptions, Source, examples, with_groups

if TYPE_CHECKING:
    from infra.authoring.preview import PreviewOptions

# `infra.authoring` is imported by the commands themselves, because the client alone does not have it.

app = typer.Typer()


@app.command("init", epilog=examples("resma init", "resma init northwind-reports", "resma init --tenants required"))
@with_groups
def init(
    form: OutputOptions,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder of the catalog. Default: RESMA_CATALOG, or ./reports.")
    ] = None,
    tenants: Annotated[
        Literal["none", "required"],
        typer.Option(help="`required`: each query selects the rows of one tenant. `none`: one organization."),
    ] = "none",
) -> None:
    """Create the folder of a catalog, with a resma.toml for its settings."""
    with explained_errors("A catalog is created from"):
        from infra.authoring.catalogs import init_catalog  # noqa: PLC0415

        made = init_catalog(folder, tenants)
    document = {"folder": str(made.folder), "settings": str(made.settings)}
    option = "" if folder is None else f" --catalog {shlex.quote(str(folder))}"
    form.output.show(
        document,
        lambda console: console.print(
            clean(f"created {made.settings}\nAdd a report type: resma new orders --table orders{option}")
        ),
    )


@app.command(
    "new",
    epilog=examples(
        "resma new orders --table orders --source postgresql://reports:secret@db.internal/northwind",
        "resma new invoices --table sales.invoices",
        "resma new overdue --from overdue.sql",
    ),
)
@with_groups
def create(  # noqa: PLR0913, PLR0917  # the options of the command
    form: OutputOptions,
    report_type: Annotated[str, typer.Argument(metavar="TYPE", help="Name of the report type, such as orders.")],
    table: Annotated[
        str | None, typer.Option(metavar="NAME", help="Report the rows of this table or view: orders, sales.orders.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Report the rows of the SELECT in this file. It is not executed."),
    ] = None,
    source: Source = None,
    catalog: Catalog = None,
) -> None:
    """Create a report type for a table, or for a query in a file: report.toml and query.sql."""
    if (table is None) == (file is None):
        raise CommandFailedError(ExitCode.USAGE, "Name the rows of the report: use either `--table` or `--from`.")
    with explained_errors("Report types are created from"):
        from infra.authoring.new_type import NewOptions, new_type  # noqa: PLC0415
        from infra.authoring.sources import require_source  # noqa: PLC0415

        url = require_source(source, stack_name())
        made = new_type(NewOptions(report_type, url, catalog, table, file))
    form.output.show(describe_new(made), lambda console: draw_new(console, made, catalog))


@dataclass(frozen=True)
class _Shown:
    """Options of the content of a preview."""

    format: Annotated[
        Literal["PDF", "CSV", "NDJSON", "XLSX", "PARQUET"],
        typer.Option("--format", "-f", case_sensitive=False, autocompletion=complete_format, help="Write this format."),
    ] = "PDF"
    filters: Annotated[
        list[str],
        typer.Option("--filter", metavar="NAME=VALUE", help="Restrict the rows. Lists take values with commas."),
    ] = field(default_factory=list)
    rows: Annotated[int, typer.Option(min=1, max=1000, help="Show this many rows.")] = 20
    locale: Annotated[str, typer.Option(autocompletion=complete_locale, help="Language and number format.")] = "en-US"
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Time zone, such as America/Sao_Paulo.")] = "UTC"
    tenant: Annotated[str, typer.Option(metavar="ID", help="Tenant whose rows are shown.")] = "demo"


@app.command(
    "preview",
    epilog=examples(
        "resma preview orders",
        "resma preview orders --filter from=2024-06-01 --rows 50 --format XLSX",
        "resma preview orders --watch",
    ),
)
@with_groups
def show_preview(  # noqa: PLR0913, PLR0917  # the options of the command
    form: OutputOptions,
    shown: _Shown,
    report_type: Annotated[
        str, typer.Argument(metavar="TYPE", autocompletion=complete_type_folders, help="Report type, such as orders.")
    ],
    is_watching: Annotated[
        bool, typer.Option("--watch", help="Show it again whenever its files change, until Ctrl-C.")
    ] = False,
    source: Source = None,
    catalog: Catalog = None,
) -> None:
    """Show the first rows of a report type and the first pages of its PDF, without the stack."""
    if is_watching and form.as_json:
        raise CommandFailedError(
            ExitCode.USAGE, "`--watch` has no end, and `--json` prints one document. Use one of them."
        )
    with explained_errors("Report types are shown from", "Interrupted."):
        from infra.authoring.catalogs import existing_catalog  # noqa: PLC0415
        from infra.authoring.preview import PreviewOptions, preview  # noqa: PLC0415
        from infra.authoring.sources import require_source  # noqa: PLC0415

        existing_catalog(catalog, source)
        options = PreviewOptions(
            type_name=report_type,
            source_url=require_source(source, stack_name()),
            catalog=catalog,
            format=shown.format,
            filters=read_pairs(shown.filters, "--filter from=2024-01-01"),
            rows=shown.rows,
            tenant=shown.tenant,
            locale=shown.locale,
            time_zone=shown.time_zone,
        )
        if is_watching:
            _watch(form, options)
        made = preview(options)
    form.output.show(describe_preview(made), lambda console: draw_preview(console, made))


def _watch(form: OutputOptions, options: PreviewOptions) -> None:
    """Shows the preview again after each change of the catalog, also if there was an error. Does not return."""
    from infra.authoring.preview import preview  # noqa: PLC0415
    from infra.authoring.watch import changes  # noqa: PLC0415
    from infra.errors import StackError  # noqa: PLC0415

    for _ in changes(options.catalog):
        if form.output.console.is_terminal:
            form.output.console.clear()
        try:
            draw_preview(form.output.console, preview(options))
        except StackError as error:
            form.output.print_message(f"resma: {error}")


@app.command(
    "check",
    epilog=examples(
        "resma check", "resma check --source postgresql://reports:secret@db.internal/northwind", "resma check --fix"
    ),
)
@with_groups
def check_catalog(
    form: OutputOptions,
    fixes: Annotated[
        bool, typer.Option("--fix", help="Correct kinds, and add columns and filters that report.toml lacks.")
    ] = False,
    is_static: Annotated[bool, typer.Option("--static", help="Check the files only, without a database.")] = False,
    source: Source = None,
    catalog: Catalog = None,
) -> int:
    """Check the report types of a catalog: their files, and their queries in the database."""
    with explained_errors("Report types are checked from"):
        from infra.authoring.check import CheckOptions, check, lines_of  # noqa: PLC0415

        result = check(CheckOptions(stack_name(), source, catalog, is_static, fixes))
    form.output.show(describe_check(result), lambda console: console.print(clean("\n".join(lines_of(result)))))
    return ExitCode.FAILED if result.report.errors else ExitCode.DONE
