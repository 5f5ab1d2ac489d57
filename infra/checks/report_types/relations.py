"""Finds a table or view by the name that a person types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.errors import StackError

_PART = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^".]+?))\s*(?:\.|$)')

KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}
"""Relations that a query can read, by pg_class.relkind."""


class UnknownRelationError(StackError):
    """No table or view has the name, or several have it."""

    code = "unknown-table"


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view, and what the current role may do with it."""

    oid: int
    schema: str
    name: str
    kind: str
    """A key of KINDS."""
    sql_name: str
    """Name with its schema, quoted where SQL requires it."""
    sql_schema: str
    is_visible: bool
    """Whether the name alone finds it, by the search path."""
    rows: int | None
    """Number of rows as estimated by the statistics; None if it is unknown."""
    comment: str | None
    may_use_schema: bool
    may_select: bool
    """Whether the role may read the relation, or at least one of its columns."""
    may_select_all: bool
    """Whether the role may read all columns of the relation."""
    is_invoked: bool
    """Whether it is a view that reads with the privileges of the role that queries it (security_invoker)."""

    @property
    def noun(self) -> str:
        """What it is, for messages."""
        return KINDS[self.kind]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def find_relation(connection: Connection[TupleRow], name: str) -> Relation:
    """Returns the relation of a name: `orders`, `sales.orders`, `"Order Details"`, or without the quotes.

    Raises UnknownRelationError, which names similar tables.
    """
    relations = list_relations(connection)
    found = _match(relations, name)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(relation.sql_name for relation in found)
        raise UnknownRelationError(f"Several tables have the name {name}. Use one of {names}.")
    close = get_close_matches(name, [str(one) for one in relations] + [one.name for one in relations], n=1)
    if close:
        raise UnknownRelationError(f"There is no table {name}. Use {close[0]}.")
    few = ", ".join(str(one) for one in relations[:20])
    remedy = f"The database has {few}{', …' if len(relations) > 20 else ''}." if few else "The database has no tables."
    raise UnknownRelationError(f"There is no table {name}. {remedy}")


def list_relations(connection: Connection[TupleRow]) -> list[Relation]:
    """Returns all tables and views outside the system's schemas. Every role may read the catalogs."""
    return [Relation(*row) for row in connection.execute(_RELATIONS)]


_RELATIONS = """
    SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(n.nspname),
           pg_table_is_visible(c.oid), nullif(greatest(c.reltuples, -1), -1)::bigint,
           obj_description(c.oid, 'pg_class'), has_schema_privilege(n.oid, 'USAGE'),
           has_any_column_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'SELECT'),
           EXISTS (SELECT FROM unnest(c.reloptions) AS o
                   WHERE lower(o) IN ('security_invoker=true', 'security_invoker=on', 'security_invoker=1'))
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    ORDER BY c.relispartition, n.nspname, c.relname
"""


def _match(relations: Sequence[Relation], name: str) -> list[Relation]:
    """Returns the relations with the name: exactly, or else in another case; visible ones first."""
    exact = [one for one in relations if name in {one.name, str(one)}]
    parts = _split(name)
    for candidates in (
        exact,
        [one for one in relations if parts and parts in ((one.name,), (one.schema, one.name))],
        [one for one in relations if name.lower() in {one.name.lower(), str(one).lower()}],
    ):
        if visible := [one for one in candidates if one.is_visible]:
            return visible
        if candidates:
            return candidates
    return []


def _split(name: str) -> tuple[str, ...]:
    """Returns the parts of a name as SQL reads it: without quotes, and in lower case if it is not quoted."""
    parts = [
        quoted.replace('""', '"') if quoted else plain.lower()
        for quoted, plain in _PART.findall(name)
        if quoted or plain
    ]
    return tuple(parts)
