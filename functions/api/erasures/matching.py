"""Finds the reports that contain the data of a person: by the values of their filters, and by their split keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.report.status import Status


@dataclass(frozen=True, kw_only=True)
class FoundReport:
    """A report that contains the data."""

    report_id: UUID
    status: Status
    created_at: datetime
    held: bool
    """Whether it has a legal hold, or its objects still have one."""


def find_reports(  # noqa: PLR0913  # the search and its limits
    connection: Connection[TupleRow],
    tenant_id: str,
    type_: str,
    filters: Mapping[str, Any],
    limit: int,
    *,
    with_records: bool,
) -> list[FoundReport]:
    """Returns up to `limit` reports of a type that have all the values, those that cannot be deleted last.

    Reports without files are included only `with_records`. A report has a value if it was requested with this filter,
    or if it is split by this column and has a file for it.
    """
    in_filters, in_file = [], []
    values: dict[str, Any] = {"tenant_id": tenant_id, "type": type_, "limit": limit}
    for index, (name, value) in enumerate(filters.items()):
        json, column, cells = f"json_{index}", f"name_{index}", f"cells_{index}"
        values |= {json: Jsonb({name: value}), column: name}
        values[cells] = [str(item) for item in (value if isinstance(value, list) else [value])]
        is_filter = sql.SQL("r.filters @> {}").format(sql.Placeholder(json))
        is_key = sql.SQL("f.key[array_position(r.split_by, {}::text)] = ANY ({}::text[])").format(
            sql.Placeholder(column), sql.Placeholder(cells)
        )
        in_filters.append(is_filter)
        in_file.append(sql.SQL("({} OR {})").format(is_filter, is_key))
    has_files = sql.SQL("r.status IN ('PENDING', 'GENERATING', 'READY') OR (r.status = 'FAILED' AND r.keys_done > 0)")
    statement = sql.SQL(
        """
        SELECT report_id, status, created_at, held OR objects_held AS held
        FROM resma.reports AS r
        WHERE r.tenant_id = %(tenant_id)s AND r.type = %(type)s AND ({wanted})
          AND (({in_filters}) OR (r.split_by IS NOT NULL AND EXISTS (
               SELECT FROM resma.report_files AS f
               WHERE f.tenant_id = r.tenant_id AND f.report_id = r.report_id AND {in_file})))
        ORDER BY held OR objects_held OR status IN ('PENDING', 'GENERATING'), created_at, report_id
        LIMIT %(limit)s
        """
    ).format(
        wanted=sql.SQL("true") if with_records else has_files,
        in_filters=sql.SQL(" AND ").join(in_filters),
        in_file=sql.SQL(" AND ").join(in_file),
    )
    with connection.cursor(row_factory=class_row(FoundReport)) as cursor:
        return cursor.execute(statement, values).fetchall()
