"""Whether the columns that a report is sorted by identify each row, as far as keys of tables show it.

The description of a result names the table and column that each of its columns is from. Expressions have none, so that
nothing is known about queries that group rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.checks.report_types.column_types import ReturnedColumn
from resma.catalog import Diagnostic, ReportType
from resma.catalog.query_text import TENANT

_GROUPS = re.compile(r"\b(GROUP\s+BY|DISTINCT|UNION|INTERSECT|EXCEPT)\b", re.IGNORECASE)

# Rows cannot be sorted by columns of kind json.
_KEYS = """
    SELECT i.indrelid::bigint, i.indrelid::regclass::text,
           array_agg(a.attname::text ORDER BY k.nth), array_agg(a.attname::text) FILTER (WHERE NOT a.attnotnull)
    FROM pg_catalog.pg_index AS i
    CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, nth)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    WHERE i.indrelid = ANY (%s::bigint[]) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
      AND i.indexprs IS NULL AND k.nth <= i.indnkeyatts
    GROUP BY i.indrelid, i.indexrelid, i.indisprimary
    HAVING NOT bool_or(t.typname IN ('jsonb', 'hstore') OR t.typcategory IN ('A', 'C'))
    ORDER BY i.indisprimary DESC, count(*)
"""
_TABLES = """
    SELECT c.oid::bigint, c.oid::regclass::text, a.attnum, a.attname::text, c.relkind = 'm'
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.oid = ANY (%s::bigint[]) AND c.relkind IN ('r', 'p', 'm')
"""


@dataclass(frozen=True, slots=True)
class _Key:
    table: str
    columns: frozenset[str]
    nullable: tuple[str, ...]


def find_key_warnings(
    connection: Connection[TupleRow], report_type: ReportType, returned: Sequence[ReturnedColumn]
) -> Iterator[Diagnostic]:
    """Yields a warning if the sort columns contain no key of a table, or only one that may be NULL."""
    by_name = {column.name: column for column in returned}
    sorted_by = [by_name[name] for name in report_type.sort_names]
    oids = sorted({column.table for column in returned if column.table})
    rows = connection.execute(_TABLES, [oids]).fetchall()
    names = {(oid, number): name for oid, _, number, name, _ in rows}
    may_hide_rows = _GROUPS.search(report_type.query) or any(
        (column.table, column.attribute) not in names for column in sorted_by
    )
    given: dict[int, set[str]] = {}
    for column in sorted_by:
        if (name := names.get((column.table, column.attribute))) is not None:
            given.setdefault(column.table, {TENANT} if report_type.tenants == "required" else set()).add(name)
    keys = _read_keys(connection, oids)
    found = [key for oid, columns in given.items() for key in keys.get(oid, ()) if key.columns <= columns]
    views = {oid for oid, *_, is_view in rows if is_view}
    if any(not key.nullable for key in found) or may_hide_rows or (found and views.issuperset(given)):
        return
    if found:
        yield _may_be_null(found[0])
    else:
        yield _no_key(report_type, [table for oid, table, *_ in rows if oid in given], keys, given)


def _read_keys(connection: Connection[TupleRow], oids: Sequence[int]) -> Mapping[int, list[_Key]]:
    keys: dict[int, list[_Key]] = {}
    for oid, table, columns, nullable in connection.execute(_KEYS, [oids]):
        keys.setdefault(oid, []).append(_Key(table, frozenset(columns), tuple(nullable or ())))
    return keys


def _may_be_null(key: _Key) -> Diagnostic:
    names = ", ".join(f"'{name}'" for name in key.nullable)
    message = (
        f"Column {names} of `sort` may be NULL in {key.table}, so that several rows can have the same place. Add a "
        "column that identifies each row, or declare the column NOT NULL."
    )
    return Diagnostic(message, ("sort",))


def _no_key(
    report_type: ReportType, tables: Sequence[str], keys: Mapping[int, list[_Key]], given: Mapping[int, set[str]]
) -> Diagnostic:
    table = next(iter(dict.fromkeys(tables)))
    known = next((key for oid in given for key in keys.get(oid, ()) if not key.nullable), None)
    remedy = (
        f"Add {', '.join(sorted(known.columns - {TENANT}))}, the key of {known.table}."
        if known
        else f"Add a column that identifies each row, or a primary key to {table}."
    )
    message = (
        f"Nothing shows that `sort` ({', '.join(report_type.sort_names)}) identifies each row of {table}. Rows with "
        f"the same values have no fixed order, and a report that takes more than one invocation restarts. {remedy}"
    )
    return Diagnostic(message, ("sort",))
