"""What the catalogs of Postgres say about a table: columns, keys, indexes, statistics. No row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.checks.report_types.column_types import ColumnType, find_types
from infra.checks.report_types.relations import Relation
from resma.report.kinds import UNSORTABLE


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of one column, as ANALYZE has sampled them."""

    null_fraction: float
    distinct: float
    """Number of distinct values; negative: as a fraction of the rows (pg_stats.n_distinct)."""
    common: tuple[str, ...] = ()
    """Most common values, as text."""
    common_fraction: float = 0.0
    """Fraction of the rows that have one of the most common values."""
    sampled: tuple[str, ...] = ()
    """Further sampled values: the bounds of the histogram."""
    average_bytes: int = 0


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of a table."""

    name: str
    sql_name: str
    """Name, quoted where SQL requires it."""
    type: ColumnType
    is_not_null: bool
    comment: str | None
    may_select: bool
    precision: int | None = None
    """Number of digits of a numeric(precision, scale); None for all other types."""
    labels: tuple[str, ...] = ()
    """Values of an enum type."""
    statistics: Statistics | None = None
    is_renamed: bool = False
    """Whether the report has another name for it than the table: an alias."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known about the rows of a table, or of a query, before any of them is read."""

    columns: tuple[TableColumn, ...]
    key: tuple[str, ...] = ()
    """Columns that identify each row and are never NULL; empty if none are known."""
    key_origin: str = ""
    """What the key is, for messages: `its primary key`."""
    indexes: tuple[tuple[str, ...], ...] = ()
    """Columns of the valid B-tree indexes without a condition, in their order."""
    rows: int | None = None
    """Estimated number of rows; None if it is unknown."""
    comment: str | None = None
    related: tuple[TableColumn, ...] = ()
    """All columns of the tables that a query reads, whether it returns them or not."""


def read_table(connection: Connection[TupleRow], relation: Relation) -> SourceFacts:
    """Returns the facts of a relation. Works without any privilege on it, then without statistics."""
    columns = _read_columns(connection, relation)
    rows = connection.execute(_INDEXES, [relation.oid]).fetchall()
    key, origin = _find_key(rows, {column.name: column for column in columns}, relation)
    indexes = tuple(tuple(names) for _, _, names in rows)
    return SourceFacts(columns, key, origin, indexes, relation.rows, relation.comment)


_COLUMNS = """
    SELECT a.attname, quote_ident(a.attname), a.atttypid::bigint, a.attnotnull,
           col_description(a.attrelid, a.attnum), has_column_privilege(a.attrelid, a.attnum, 'SELECT'),
           CASE WHEN a.atttypid = 'numeric'::regtype AND a.atttypmod >= 4 THEN (a.atttypmod - 4) >> 16 END,
           coalesce((SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum AS e
                     WHERE e.enumtypid = a.atttypid), '{}')
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = %s::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""

# A partitioned table has its own statistics, those of all its partitions.
_STATISTICS = """
    SELECT DISTINCT ON (attname) attname, null_frac, n_distinct, coalesce(most_common_vals::text::text[], '{}'),
           coalesce((SELECT sum(f) FROM unnest(most_common_freqs) AS f), 0),
           coalesce(histogram_bounds::text::text[], '{}'), avg_width
    FROM pg_catalog.pg_stats WHERE schemaname = %s AND tablename = %s
    ORDER BY attname, inherited DESC
"""


def _read_columns(connection: Connection[TupleRow], relation: Relation) -> tuple[TableColumn, ...]:
    rows = connection.execute(_COLUMNS, [relation.oid]).fetchall()
    types = find_types(connection, [row[2] for row in rows])
    statistics = {
        name: Statistics(nulls, distinct, tuple(common), fraction, tuple(sampled), width)
        for name, nulls, distinct, common, fraction, sampled, width in connection.execute(
            _STATISTICS, [relation.schema, relation.name]
        )
    }
    return tuple(
        TableColumn(
            name, sql_name, types[oid], not_null, comment, may_select, precision, tuple(labels), statistics.get(name)
        )
        for name, sql_name, oid, not_null, comment, may_select, precision, labels in rows
    )


_INDEXES = """
    SELECT i.indisprimary, i.indisunique,
           (SELECT array_agg(a.attname::text ORDER BY k.nth)
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, nth)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            WHERE k.nth <= i.indnkeyatts)
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
    WHERE i.indrelid = %s::bigint::oid AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    ORDER BY i.indisprimary DESC, i.indnkeyatts, c.relname
"""


def _find_key(
    indexes: Sequence[TupleRow], columns: Mapping[str, TableColumn], relation: Relation
) -> tuple[tuple[str, ...], str]:
    """Returns the first key without NULLs and json, and what it is."""
    for is_primary, is_unique, names in indexes:
        named = [columns[name] for name in names]
        if is_unique and all(_has_no_nulls(one, relation) and one.type.kind not in UNSORTABLE for one in named):
            return tuple(names), "its primary key" if is_primary else "its unique index"
    return (), ""


def _has_no_nulls(column: TableColumn, relation: Relation) -> bool:
    if column.is_not_null:
        return True
    return relation.kind == "m" and column.statistics is not None and column.statistics.null_fraction == 0
