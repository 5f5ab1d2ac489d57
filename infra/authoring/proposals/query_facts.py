"""What is known about the rows of a query, from the tables whose columns it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.authoring.proposals.described_query import DescribedQuery
from infra.authoring.proposals.table_facts import SourceFacts, TableColumn, read_table
from infra.checks.report_types.grants import named_relations
from infra.checks.report_types.relations import list_relations


def read_query_facts(connection: Connection[TupleRow], query: DescribedQuery) -> SourceFacts:
    """Returns the facts of a query's columns.

    Its key consists of the keys of the tables that its columns are from, without those that a foreign key of another
    one refers to: a join on it adds no rows. Other joins, and tables without a returned column, can add rows.
    """
    relations = {relation.oid: relation for relation in list_relations(connection)}
    named = named_relations(connection, query.text)
    read = {relation.oid: read_table(connection, relation) for relation in named}
    tables = {
        oid: read[oid] if oid in read else read_table(connection, relations[oid])
        for oid in dict.fromkeys(column.table for column in query.columns)
        if oid in relations
    }
    origins = _origins(connection, query, tables)
    columns = tuple(
        _column(returned.name, origin, query, index)
        for index, (returned, origin) in enumerate(zip(query.columns, origins, strict=True))
    )
    names = {
        (returned.table, origin.name): returned.name
        for returned, origin in zip(query.columns, origins, strict=True)
        if origin is not None
    }
    key, keyed = _joint_key(tables, names, _read_references(connection, list(tables)))
    rows = [facts.rows for facts in tables.values() if facts.rows is not None]
    return SourceFacts(
        columns,
        key,
        f"the key of {' and '.join(relations[oid].sql_name for oid in keyed)}. Check that it identifies each row",
        _leading_indexes(tables, names),
        max(rows, default=None),
        related=tuple(column for facts in read.values() for column in facts.columns),
    )


def _origins(
    connection: Connection[TupleRow], query: DescribedQuery, tables: Mapping[int, SourceFacts]
) -> list[TableColumn | None]:
    """Returns the column of a table for each column of the query; None for expressions."""
    rows = connection.execute(
        "SELECT attrelid::bigint, attnum, attname FROM pg_catalog.pg_attribute WHERE attrelid = ANY (%s::oid[])",
        [list(tables)],
    )
    names = {(oid, number): name for oid, number, name in rows}
    by_name = {(oid, column.name): column for oid, facts in tables.items() for column in facts.columns}
    return [by_name.get((one.table, names.get((one.table, one.attribute), ""))) for one in query.columns]


def _column(name: str, origin: TableColumn | None, query: DescribedQuery, index: int) -> TableColumn:
    returned = query.columns[index]
    if origin is not None:
        return replace(origin, name=name)
    return TableColumn(name, name, returned.type, False, None, True, query.precisions[index])


_REFERENCES = """
    SELECT c.conrelid::bigint, a.attname, c.confrelid::bigint, f.attname
    FROM pg_catalog.pg_constraint AS c
    CROSS JOIN unnest(c.conkey, c.confkey) AS k (attnum, fattnum)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
    JOIN pg_catalog.pg_attribute AS f ON f.attrelid = c.confrelid AND f.attnum = k.fattnum
    WHERE c.contype = 'f' AND c.conrelid = ANY (%(oids)s::bigint[]) AND c.confrelid = ANY (%(oids)s::bigint[])
      AND c.conrelid <> c.confrelid
"""

References = Mapping[tuple[int, str], tuple[int, str]]
"""Columns of foreign keys, and the columns that they refer to, each as a table's OID and a name."""


def _read_references(connection: Connection[TupleRow], oids: list[int]) -> References:
    rows = connection.execute(_REFERENCES, {"oids": oids})
    return {(table, column): (other, other_column) for table, column, other, other_column in rows}


def _joint_key(
    tables: Mapping[int, SourceFacts], names: Mapping[tuple[int, str], str], references: References
) -> tuple[tuple[str, ...], list[int]]:
    """Returns the columns of all keys under their names in the query, and their tables; none if it lacks a column.

    A column of a foreign key may also be returned as the column that it refers to.
    """
    referred = {other for other, _ in references.values()}
    keyed = [oid for oid in tables if oid not in referred]
    key: dict[str, None] = {}
    for oid in keyed:
        for column in tables[oid].key or ("",):
            name = names.get((oid, column)) or names.get(references.get((oid, column), (0, "")))
            if name is None:
                return (), []
            key[name] = None
    return tuple(key), keyed


def _leading_indexes(
    tables: Mapping[int, SourceFacts], names: Mapping[tuple[int, str], str]
) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (names[oid, index[0]],) for oid, facts in tables.items() for index in facts.indexes if (oid, index[0]) in names
    )
