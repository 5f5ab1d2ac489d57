"""Finds the privileges that a role lacks for a query, as statements that the owner of the tables can execute."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.checks.report_types.relations import Relation, list_relations

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d]\w*)'
_TOKEN = re.compile(
    rf"""(?P<skipped>--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$|%\(\w+\)s)
      | (?P<name>{_NAME}(?:\s*\.\s*{_NAME})?)
      | (?P<other>\S)""",
    re.VERBOSE | re.DOTALL,
)
_BEFORE_TABLES = {"FROM", "JOIN", "ONLY", "LATERAL", ","}


def read_role(connection: Connection[TupleRow]) -> str:
    """Returns the current role, quoted where SQL requires it."""
    row = connection.execute("SELECT quote_ident(current_user)").fetchone()
    assert row is not None
    return str(row[0])


def find_missing_grants(role: str, relations: Iterable[Relation], *, of_all_columns: bool = False) -> list[str]:
    """Returns the statements that let the role read the relations; none if it may read them all. Schemas come first.

    `of_all_columns` says whether a role that may read only some columns of a table lacks a privilege.
    """
    relations = list(relations)
    schemas = [f"GRANT USAGE ON SCHEMA {one.sql_schema} TO {role};" for one in relations if not one.may_use_schema]
    tables = [
        f"GRANT SELECT ON {one.sql_name} TO {role};"
        for one in relations
        if not (one.may_select_all if of_all_columns else one.may_select)
    ]
    return list(dict.fromkeys([*schemas, *tables]))


def named_relations(connection: Connection[TupleRow], query: str) -> list[Relation]:
    """Returns the tables and views that a query names after FROM, JOIN or a comma, and those that its views read.

    Only views with security_invoker read with the privileges of the role. A name that is also one of a common table
    expression can be returned needlessly.
    """
    relations = list_relations(connection)
    names = set(_table_names(query))
    found = [one for one in relations if str(one) in names or (one.name in names and one.is_visible)]
    return _with_invoked(connection, found, relations)


def _table_names(query: str) -> Iterable[str]:
    """Yields names that may be those of tables: `orders`, `sales.orders`, without quotes."""
    before = ""
    for token in _TOKEN.finditer(query):
        if token["skipped"]:
            continue
        if token["name"] and before in _BEFORE_TABLES and token["name"].upper() not in _BEFORE_TABLES:
            yield ".".join(
                part[1:-1].replace('""', '"') if part[0] == '"' else part.lower()
                for part in re.findall(_NAME, token["name"].replace("%%", "%"))
            )
        before = (token["name"] or token["other"]).upper()


def _with_invoked(
    connection: Connection[TupleRow], found: Sequence[Relation], relations: Sequence[Relation]
) -> list[Relation]:
    """Returns the relations with those that views with security_invoker read, at any depth."""
    views = [one.oid for one in found if one.kind == "v"]
    if not views:
        return list(found)
    oids = {oid for (oid,) in connection.execute(_INVOKED, [views])}
    known = {one.oid for one in found}
    return [*found, *(one for one in relations if one.oid in oids - known)]


_INVOKED = """
    WITH RECURSIVE read (oid) AS (
        SELECT unnest(%s::bigint[])::oid
        UNION
        SELECT d.refobjid FROM read
        JOIN pg_catalog.pg_class AS v ON v.oid = read.oid AND v.relkind = 'v'
             AND EXISTS (SELECT FROM unnest(v.reloptions) AS o
                         WHERE lower(o) IN ('security_invoker=true', 'security_invoker=on', 'security_invoker=1'))
        JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = v.oid
        JOIN pg_catalog.pg_depend AS d ON d.objid = r.oid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
             AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> v.oid
    )
    SELECT oid::bigint FROM read
"""
