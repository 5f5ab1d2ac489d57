"""Reads the rows of a split report's files in order, a slice at a time, so that memory does not depend on their number.

Each slice is a transaction of its own, because the heartbeat uses the same connection. The rows do not change between
two slices: only workers of unfinished shards insert files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.database.connection import Database
from resma.jobs.fence import Fence
from resma.report.records import TotalRecord
from worker.database_retry import write_with_retry

_MAX_SLICE_FILES = 1000
_MAX_SLICE_BYTES = 100_000
"""Maximum size of the totals of a slice, as Postgres stores them: a file can have thousands of currencies."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A stored file of a split report. `number` is that of its key."""

    number: int
    format: str
    key: list[str | None]
    name: str
    rows: int
    totals: list[TotalRecord]
    snapshot: int
    object_key: str
    bytes: int
    sha256: str
    plain_sha256: str | None
    crc32: int
    pages: int | None


_SLICE = sql.SQL(
    "SELECT {columns} FROM ("
    "SELECT *, sum(pg_column_size(totals)) OVER (ORDER BY number, format) - pg_column_size(totals) AS size_before"
    " FROM ("
    "SELECT {columns} FROM resma.report_files"
    " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND (number, format) > (%(number)s, %(format)s)"
    " AND format = ANY(%(formats)s) AND object_key IS NOT NULL"
    " ORDER BY number, format LIMIT %(max_files)s) AS next) AS slice"
    " WHERE size_before < %(max_bytes)s ORDER BY number, format"
).format(columns=sql.SQL(", ").join(sql.Identifier(name) for name in FileRow.__dataclass_fields__))


def stored_files(system: Database, report: Fence, formats: Sequence[str]) -> Iterator[FileRow]:
    """Yields the stored files of these formats by number, those of one key by the name of the format.

    Retries while the database is unavailable. Raises DatabaseUnavailableError.
    """
    last = (0, "")
    while slice_ := write_with_retry(system, report.tenant_id, partial(_fetch_slice, report, formats, last)):
        last = (slice_[-1].number, slice_[-1].format)
        yield from slice_
        del slice_  # before the next one is fetched


def _fetch_slice(
    report: Fence, formats: Sequence[str], last: tuple[int, str], connection: Connection[TupleRow]
) -> list[FileRow]:
    values = {
        "tenant_id": report.tenant_id,
        "report_id": report.report_id,
        "number": last[0],
        "format": last[1],
        "formats": list(formats),
        "max_files": _MAX_SLICE_FILES,
        "max_bytes": _MAX_SLICE_BYTES,
    }
    with connection.cursor(row_factory=class_row(FileRow)) as cursor:
        return cursor.execute(_SLICE, values).fetchall()


def find_duplicate_name(
    connection: Connection[TupleRow], report: Fence, formats: Sequence[str], reserved: Sequence[str]
) -> str | None:
    """Returns a name of several files, or of a file and in `reserved`, if there is one. Case is ignored."""
    row = connection.execute(
        "SELECT min(name) FROM resma.report_files WHERE tenant_id = %s AND report_id = %s AND format = ANY(%s)"
        " AND object_key IS NOT NULL GROUP BY lower(name) HAVING count(*) > 1 OR lower(name) = ANY(%s) LIMIT 1",
        (report.tenant_id, report.report_id, list(formats), list(reserved)),
    ).fetchone()
    return row[0] if row else None
