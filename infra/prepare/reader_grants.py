"""Finds the tables that the queries of a catalog read, and the grants that the reader lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import ClientCursor, Connection
from psycopg.rows import TupleRow

from infra.postgres.migrate import READER
from resma.catalog import ReportType
from resma.catalog.query_text import find_parameters


@dataclass(frozen=True)
class ReadTable:
    """A table or view that a query names, and what the reader and the current role may do with it."""

    schema: str
    name: str
    """Both are quoted where SQL requires it; `name` includes the schema."""
    may_use: bool
    may_select: bool
    may_grant: bool
    """Whether the current role may grant access to it."""
    has_policies: bool
    """Whether row level security is enabled, or it is a view with a condition of its own or with that of its tables."""


_TABLES = """
    WITH RECURSIVE view_tables AS (
        SELECT DISTINCT r.ev_class AS view, d.refobjid AS oid
        FROM pg_rewrite AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        WHERE d.deptype = 'n' AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
    ), invokers AS (
        SELECT oid FROM pg_class
        WHERE relkind = 'v' AND reloptions && ARRAY['security_invoker=true', 'security_invoker=on']
    ), read AS (
        SELECT oid FROM view_tables WHERE view = 'pg_temp.resma_query'::regclass
        UNION
        -- Such a view is read with the rights of the reader, which then needs those for its tables.
        SELECT v.oid FROM read JOIN invokers USING (oid) JOIN view_tables AS v ON v.view = invokers.oid
    )
    SELECT quote_ident(n.nspname), quote_ident(n.nspname) || '.' || quote_ident(c.relname),
           reader.oid IS NOT NULL AND has_schema_privilege(reader.oid, n.oid, 'USAGE'),
           reader.oid IS NOT NULL AND has_table_privilege(reader.oid, c.oid, 'SELECT'),
           pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'SELECT WITH GRANT OPTION'),
           c.relrowsecurity OR c.oid IN (SELECT oid FROM invokers)
               OR (c.relkind = 'v' AND pg_get_viewdef(c.oid) LIKE '%%resma.tenant_id%%')
    FROM read
    JOIN pg_class AS c USING (oid)
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_roles AS reader ON reader.rolname = %s
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 2
"""


def find_read_tables(connection: Connection[TupleRow], report_types: Iterable[ReportType]) -> list[ReadTable]:
    """Returns the tables and views that the queries read, each once.

    Postgres records which tables a view reads, so each query is the body of a temporary view, which is rolled back. A
    query that the database rejects is left out: the check of report types shows its error.
    """
    found: dict[str, ReadTable] = {}
    for text in _queries(report_types):
        values = dict.fromkeys(find_parameters(text))
        query = ClientCursor(connection).mogrify(text.encode(), values)
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(f"CREATE TEMPORARY VIEW resma_query AS SELECT FROM (\n{query}\n) AS q".encode())
                rows = connection.execute(_TABLES, (READER,)).fetchall()
        except psycopg.Error:
            continue
        for row in rows:
            found.setdefault(row[1], ReadTable(*row))
    return list(found.values())


def _queries(report_types: Iterable[ReportType]) -> Iterator[str]:
    """Yields the queries of the report types, and their control queries."""
    for report_type in report_types:
        yield report_type.query
        if report_type.control_query is not None:
            yield report_type.control_query


def missing_grants(tables: Iterable[ReadTable]) -> list[str]:
    """Returns the statements that let the reader read the tables, without the final semicolon."""
    tables = list(tables)
    schemas = dict.fromkeys(table.schema for table in tables if not table.may_use)
    names = [table.name for table in tables if not table.may_select]
    return [
        *(f"GRANT USAGE ON SCHEMA {schema} TO {READER}" for schema in schemas),
        *([f"GRANT SELECT ON {', '.join(names)} TO {READER}"] if names else []),
    ]
