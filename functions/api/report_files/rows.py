"""Database queries for the files of a split report: a page of them, and one of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.report.records import TotalRecord
from resma.shards.files import search_text

FileStatus = Literal["made", "failed"]


@dataclass(frozen=True, kw_only=True)
class SplitFile:
    """One row of `resma.report_files`. Without an object the file could not be generated, and has an error."""

    number: int
    format: str
    key: list[str | None]
    name: str
    rows: int
    totals: list[TotalRecord]
    snapshot: int
    object_key: str | None
    bytes: int | None
    sha256: str | None
    plain_sha256: str | None
    pages: int | None
    error_code: str | None
    error_detail: str | None


@dataclass(frozen=True)
class FileCursor:
    """Position in the list of files: the last file of the previous page."""

    number: int
    format: str


@dataclass(frozen=True, kw_only=True)
class FileFilters:
    """Which files are listed. A filter that is None is not applied."""

    search: str | None = None
    """Start of the text of the key, in any case."""
    format: str | None = None
    status: FileStatus | None = None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in SplitFile.__dataclass_fields__)
_MAX_PAGE_BYTES = 200_000
"""Maximum size of the totals of a page, as Postgres stores them: compressed to about a tenth of their JSON."""

_PAGE = sql.SQL(
    "SELECT {columns}, found FROM ("
    "SELECT *, count(*) OVER () AS found,"
    " sum(pg_column_size(totals)) OVER (ORDER BY number, format) - pg_column_size(totals) AS size_before"
    " FROM (SELECT {columns} FROM resma.report_files WHERE {conditions}"
    " ORDER BY number, format LIMIT %(limit)s + 1) AS next) AS page"
    " WHERE size_before < %(max_bytes)s ORDER BY number, format"
)
_CONDITIONS_OF_STATUS = {"made": sql.SQL("error_code IS NULL"), "failed": sql.SQL("error_code IS NOT NULL")}
_SURROGATES = range(0xD800, 0xE000)


def list_split_files(  # noqa: PLR0913, PLR0917  # filters and the position of the page
    connection: Connection[TupleRow],
    tenant_id: str,
    report_id: UUID,
    filters: FileFilters,
    after: FileCursor | None,
    limit: int,
) -> tuple[list[SplitFile], bool]:
    """Returns up to `limit` files of a report after a cursor, by number and format, and whether more follow.

    It returns fewer, but at least one, if their totals are large: a file may have thousands of currencies.
    """
    conditions: list[sql.Composable] = [sql.SQL("tenant_id = %(tenant_id)s AND report_id = %(report_id)s")]
    first = search_text([filters.search])
    if first:
        # A range instead of LIKE, which uses no index if the statement is prepared, and has wildcard characters.
        conditions.append(sql.SQL("search_text ~>=~ %(first)s"))
        if (end := end_of_prefix(first)) is not None:
            conditions.append(sql.SQL("search_text ~<~ %(end)s"))
    else:
        end = None
    if filters.format is not None:
        conditions.append(sql.SQL("format = %(format)s"))
    if filters.status is not None:
        conditions.append(_CONDITIONS_OF_STATUS[filters.status])
    if after is not None:
        conditions.append(sql.SQL("(number, format) > (%(number)s, %(after_format)s)"))
    rows = connection.execute(
        _PAGE.format(columns=_COLUMNS, conditions=sql.SQL(" AND ").join(conditions)),
        {
            "tenant_id": tenant_id,
            "report_id": report_id,
            "first": first,
            "end": end,
            "format": filters.format,
            "number": after and after.number,
            "after_format": after and after.format,
            "limit": limit,
            "max_bytes": _MAX_PAGE_BYTES,
        },
    ).fetchall()
    files = [SplitFile(**dict(zip(SplitFile.__dataclass_fields__, row, strict=False))) for row in rows][:limit]
    return files, bool(rows) and rows[0][-1] > len(files)


def find_split_file(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, number: int, format_: str
) -> SplitFile | None:
    """Returns a file by its number and format; None if no worker has made it yet."""
    with connection.cursor(row_factory=class_row(SplitFile)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.report_files"
                " WHERE tenant_id = %s AND report_id = %s AND number = %s AND format = %s"
            ).format(_COLUMNS),
            (tenant_id, report_id, number, format_),
        )
        return cursor.fetchone()


def end_of_prefix(prefix: str) -> str | None:
    """Returns the first string, in the order of code points, after all strings that start with `prefix`.

    None if every greater string starts with it.
    """
    shortened = prefix.rstrip(chr(sys.maxunicode))
    if not shortened:
        return None
    following = ord(shortened[-1]) + 1
    return shortened[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
