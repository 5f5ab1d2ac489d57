"""What is known about the rows of a query, from the tables whose columns it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.authoring.described_query import DescribedQuery
from infra.authoring.table_facts import SourceFacts, TableColumn, read_table
from infra.checks.report_types.relations import Relation, list_relations


def read_query_facts(connection: Connection[TupleRow], query: DescribedQuery) -> SourceFacts:
    """Returns the facts of a query's columns. Its key consists of the keys of all tables that its columns are from.

    A table that is joined without any of its columns being returned may still multiply rows; nothing shows that.
    """
    relations = {relation.oid: relation for relation in list_relations(connection)}
    tables = {
        oid: read_table(connection, relations[oid])
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
    key = _joint_key(tables, names)
    rows = [facts.rows for facts in tables.values() if facts.rows is not None]
    return SourceFacts(
        columns,
        key,
        f"the keys of {_listed([relations[oid] for oid in tables])}. Check that they identify each row" if key else "",
        _leading_indexes(tables, names),
        max(rows, default=None),
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


def _joint_key(tables: Mapping[int, SourceFacts], names: Mapping[tuple[int, str], str]) -> tuple[str, ...]:
    """Returns the columns of all keys under their names in the query; none if the query lacks one of them."""
    key: dict[str, None] = {}
    for oid, facts in tables.items():
        if not facts.key or not all((oid, name) in names for name in facts.key):
            return ()
        key |= dict.fromkeys(names[oid, name] for name in facts.key)
    return tuple(key)


def _leading_indexes(
    tables: Mapping[int, SourceFacts], names: Mapping[tuple[int, str], str]
) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (names[oid, index[0]],) for oid, facts in tables.items() for index in facts.indexes if (oid, index[0]) in names
    )


def _listed(relations: Sequence[Relation]) -> str:
    return " and ".join(relation.sql_name for relation in relations)
