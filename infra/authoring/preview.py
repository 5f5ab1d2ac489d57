"""`resma preview`: the first rows of a report type, and a file of them, without the stack."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.authoring.page_image import draw_first_pages
from infra.checks.report_types.check_database import find_database_errors
from infra.checks.report_types.check_folder import LocatedDiagnostic, locate
from infra.checks.report_types.execute import as_reader, execute, order_by
from infra.checks.report_types.relations import list_relations
from infra.checks.report_types.sort_plan import scanned_tables, sorts_rows
from infra.deploy.source import SourceError, connect_source
from infra.errors import StackError
from infra.paths import STATE
from resma.catalog import (
    Limits,
    ReportType,
    catalog_folder,
    check_folder,
    check_settings,
    organization_of,
    require_locale,
)
from resma.catalog.folder import CATALOG_VARIABLE
from resma.errors import FormatLimitError, ResmaError
from resma.i18n.locales import Language
from resma.report.content import ReportContent
from resma.report.format_options import FormatOptions, PdfOptions
from resma.report.header import ReportHeader
from resma.report.rows import Batch, Row
from resma.request_errors import RequestInvalidError
from resma.snapshot.compose_header import compose_header
from resma.snapshot.snapshot import open_snapshot
from resma.writers import file_extension, make_writer

MAX_SORTED_ROWS = 1_000_000
"""Number of rows of a table up to which they are sorted for the preview, if no index gives their order."""

STATEMENT_SECONDS = 10
TENANT = "demo"
_REPORT_ID = UUID(int=0)


class PreviewError(StackError):
    """The report type cannot be shown. The message has all its errors."""

    code = "preview-failed"


@dataclass(frozen=True)
class PreviewOptions:
    """Options of `resma preview`."""

    type_name: str
    """Name of the report type or of its folder, in any case."""
    source_url: str
    catalog: Path | None = None
    format: str = "PDF"
    filters: Mapping[str, Sequence[str]] | None = None
    """Values by name of the filter, as strings."""
    rows: int = 20
    tenant: str = TENANT
    locale: str = "en-US"
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Preview:
    """The first rows, and the files that were written."""

    type_name: str
    headings: tuple[str, ...]
    kinds: tuple[str, ...]
    """Kinds of the columns, such as `date`."""
    rows: tuple[tuple[str | None, ...], ...]
    """Cells as Postgres prints them; None for NULL."""
    has_more: bool
    """Whether the report may have further rows."""
    is_sorted: bool
    """Whether the rows are the first ones in the report's order; otherwise sorting all rows would take long."""
    file: Path | None
    """None if the format cannot hold the report; then `problem` says why."""
    image: Path | None
    """The first pages as PNG; None if the format has no pages."""
    problem: str | None = None


def find_type_folder(catalog: Path, name: str) -> Path:
    """Returns the folder of a report type. Raises PreviewError, which names those that exist."""
    folders = {path.parent.name: path.parent for path in sorted(catalog.glob("*/report.toml"))}
    wanted = name.lower().replace("-", "_")
    for folder_name, folder in folders.items():
        if folder_name.lower().replace("-", "_") == wanted:
            return folder
    known = f"Use one of {', '.join(folders)}." if folders else "Create it with `resma new`."
    raise PreviewError(f"Unknown report type {name} in {catalog}. {known}")


def preview(options: PreviewOptions) -> Preview:
    """Reads the first rows in a READ ONLY transaction, and writes a file of them below .resma/preview.

    Raises StackError: SourceError, or PreviewError with all errors of the report type.
    """
    catalog = catalog_folder(options.catalog)
    folder = find_type_folder(catalog, options.type_name)
    report_type, diagnostics = check_folder(folder)
    errors = [*locate(catalog, check_settings(catalog)[1]), *locate(folder, diagnostics)]
    if report_type is None or errors:
        raise PreviewError(_listed(errors))
    if report_type.database == "system":
        raise PreviewError(
            f"{report_type.type} reads Resma's own records, and not the source. Generate it on the running stack: "
            f"resma generate {report_type.type} --wait"
        )
    with _in_use(catalog), _explained(), connect_source(options.source_url) as connection:
        values = _check_filters(report_type, options.filters or {})
        language = require_locale(options.locale).language
        connection.autocommit = True
        found = find_database_errors(connection, report_type)
        if found.errors:
            raise PreviewError(_listed(locate(folder, found.errors, report_type)))
        is_sorted = not _takes_long(connection, report_type)
        connection.autocommit = False
        limited = _limited(report_type, options.rows, is_sorted=is_sorted)
        return _read(connection, limited, options, values, language, is_sorted=is_sorted)


def _read(  # noqa: PLR0913  # what a report is made of
    connection: Connection[TupleRow],
    report_type: ReportType,
    options: PreviewOptions,
    values: Mapping[str, object],
    language: Language,
    *,
    is_sorted: bool,
) -> Preview:
    organization = organization_of(connection.info.dbname)
    content = ReportContent(
        type=report_type.type,
        formats=[options.format],
        filters=dict(values),
        columns=None,
        locale=options.locale,
        time_zone=options.time_zone,
        title=f"{report_type.title.in_language(language)} (preview: first {options.rows} rows)",
        personal_masked=False,
        options={},
    )
    with open_snapshot(connection, report_type, options.tenant, values, options.time_zone) as snapshot:
        summary = snapshot.summarize(language)
        types = snapshot.decimal_types()
        header = compose_header(report_type, content, str(_REPORT_ID), summary, organization, decimal_types=types)
        names = [column.name for column in header.columns]
        with closing(snapshot.batches(names, personal_masked=False)) as batches:  # type: ignore[type-var]
            rows = [row for batch in batches for row in batch.rows]
    file, problem = _write(report_type, header, rows, options.format)
    return Preview(
        report_type.type,
        tuple(column.heading for column in header.columns),
        tuple(column.kind for column in header.columns),
        tuple(tuple(None if cell is None else cell.decode() for cell in row) for row in rows),
        len(rows) >= options.rows,
        is_sorted,
        file,
        draw_first_pages(file) if file and options.format == "PDF" else None,
        problem,
    )


def _write(
    report_type: ReportType, header: ReportHeader, rows: Sequence[Row], format_: str
) -> tuple[Path | None, str | None]:
    """Returns the path of the file, or why the format cannot hold the rows."""
    options = FormatOptions(pdf=PdfOptions(contents=False))  # so that the second page is the first one of the table
    file = STATE / "preview" / f"{report_type.type.lower()}.{file_extension(format_, options)}"
    try:
        writer = make_writer(format_, header, options)
        content = writer.begin() + writer.add(Batch(rows)) + writer.end()
    except FormatLimitError as error:
        return None, str(error)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file, None


def _limited(report_type: ReportType, rows: int, *, is_sorted: bool) -> ReportType:
    """Returns the report type restricted to its first rows, which the database need not read beyond."""
    order = order_by(report_type) if is_sorted else ""
    query = f"SELECT * FROM (\n{report_type.query}) AS report {order} LIMIT {rows}\n"  # noqa: S608  # the catalog's query
    limits = Limits(statement_timeout_seconds=STATEMENT_SECONDS)
    return report_type.model_copy(update={"query": query, "limits": limits, "control": None})


def _takes_long(connection: Connection[TupleRow], report_type: ReportType) -> bool:
    """Returns whether all rows of a large table would have to be sorted for the first ones."""
    with as_reader(connection) as cursor:
        execute(cursor, report_type, "EXPLAIN (VERBOSE, FORMAT JSON) SELECT", f"{order_by(report_type)} LIMIT 20")
        plan = cursor.fetchall()[0][0][0]["Plan"]
        tables = scanned_tables(plan)
        sizes = [one.rows or 0 for one in list_relations(connection) if (one.schema, one.name) in tables]
    return sorts_rows(plan) and max(sizes, default=0) > MAX_SORTED_ROWS


def _check_filters(report_type: ReportType, given: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Returns the filters as JSON values, with defaults. Raises RequestInvalidError with each error."""
    kinds = {item.name: item.kind for item in report_type.filters}
    values: dict[str, object] = {}
    for name, texts in given.items():
        if kinds.get(name) == "choice":
            values[name] = [part.strip() for text in texts for part in text.split(",")]
        elif kinds.get(name) == "integer" and texts[-1].removeprefix("-").isdecimal():
            values[name] = int(texts[-1])
        else:
            values[name] = texts[-1]
    return dict(report_type.check_filters(values))


@contextmanager
def _in_use(catalog: Path) -> Iterator[None]:
    """Makes it the catalog of this process, whose brand, locales and defaults of formats the writers use."""
    before = os.environ.get(CATALOG_VARIABLE)
    os.environ[CATALOG_VARIABLE] = str(catalog)
    try:
        yield
    finally:
        del os.environ[CATALOG_VARIABLE]
        if before is not None:
            os.environ[CATALOG_VARIABLE] = before


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RequestInvalidError as error:
        lines = [f"{item.pointer.removeprefix('/')}: {item.detail}" for item in error.field_errors]
        raise PreviewError("\n".join(lines)) from error
    except ResmaError as error:
        raise PreviewError(str(error)) from error
    except psycopg.Error as error:
        raise SourceError(f"The source database cannot be read: {str(error).strip()}") from error


def _listed(errors: Sequence[LocatedDiagnostic]) -> str:
    return "\n".join(item.describe() for item in errors)
