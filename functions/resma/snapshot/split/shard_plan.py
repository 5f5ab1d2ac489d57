"""Division of a split report's keys into shards: contiguous ranges of keys that workers generate at the same time.

Postgres aggregates the rows by key in one pass, and returns only the bounds and counts of bins, which are ranges of
keys smaller than a shard. So the client never receives a list of all keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.snapshot.column_names import column_of_report
from resma.snapshot.report_query import catalog_query, order_by, printed, split_keys
from resma.snapshot.split.key_range import Cells
from resma.snapshot.summary_cube import key_columns, select_keys

MAX_SHARDS = 64
SHARD_COST = 25_000
"""Default of the minimum cost of a shard, in rows: some seconds of a worker's time."""

KEY_COST = 250
"""Cost of the files of a key in addition to its rows, in rows: a worker stores about a hundred files per second."""

_BINS_PER_SHARD = 8


@dataclass(frozen=True)
class ShardDigest:
    """What a shard contains."""

    keys: int
    rows: int
    digest: str
    """Sum of a hash of 64 bits of each row, over all columns of the query as text."""


@dataclass(frozen=True)
class PlannedShard:
    """A range of keys, from `first_key` to `last_key`, both included."""

    first_key: Cells
    last_key: Cells
    first_number: int
    """Number of the first key in the order of the report, from 1."""
    keys: int
    rows: int
    digest: str
    """Digest of its rows, as a ShardDigest has it."""


@dataclass(frozen=True)
class ShardPlan:
    """All keys of a report, in its order."""

    keys: int
    shards: list[PlannedShard]


@dataclass(frozen=True)
class _Bin:
    """One or more consecutive bins."""

    first_key: Cells
    last_key: Cells
    first_number: int
    keys: int
    rows: int
    digest: int
    is_large: bool
    """Whether it is one key that is at least as large as a shard."""

    @property
    def cost(self) -> int:
        return self.rows + KEY_COST * self.keys

    def followed_by(self, other: _Bin) -> _Bin:
        """Returns both as one."""
        return _Bin(
            self.first_key,
            other.last_key,
            self.first_number,
            self.keys + other.keys,
            self.rows + other.rows,
            self.digest + other.digest,
            is_large=False,
        )


def plan_shards(  # noqa: PLR0913, PLR0917  # a query and two limits
    connection: Connection[TupleRow],
    report_type: ReportType,
    split_by: Sequence[str],
    values: Mapping[str, Any],
    max_shards: int = MAX_SHARDS,
    shard_cost: int = SHARD_COST,
) -> ShardPlan:
    """Divides all keys into shards of about the same cost: at most `max_shards`, of at least `shard_cost` if possible.

    A key that is larger than a shard is a shard of its own.
    """
    width = len(split_by)
    rows = connection.execute(_bins(report_type, split_by, max_shards, shard_cost), values).fetchall()
    bins = [_Bin(_cells(row[:width]), _cells(row[width : 2 * width]), *row[2 * width :]) for row in rows]
    total = sum(each.cost for each in bins)
    shards = _merged(bins, max(shard_cost, -(-total // max_shards)), max_shards)
    return ShardPlan(
        sum(each.keys for each in bins),
        [
            PlannedShard(each.first_key, each.last_key, each.first_number, each.keys, each.rows, str(each.digest))
            for each in shards
        ],
    )


def count_keys(
    connection: Connection[TupleRow], report_type: ReportType, split_by: Sequence[str], values: Mapping[str, Any]
) -> int:
    """Returns the number of keys."""
    ((keys,),) = connection.execute(
        sql.SQL("SELECT count(*) FROM (SELECT FROM ({}) AS report GROUP BY {}) AS found").format(
            catalog_query(report_type), _group_by(split_by)
        ),
        values,
    ).fetchall()
    return int(keys)


def digest_rows(
    connection: Connection[TupleRow], report_type: ReportType, split_by: Sequence[str], values: Mapping[str, Any]
) -> ShardDigest:
    """Returns the digest of all rows of the report type's query."""
    ((keys, rows, digest),) = connection.execute(
        sql.SQL(
            "SELECT count(*), coalesce(sum(n), 0)::bigint, coalesce(sum(digest), 0)::text FROM ({}) AS found"
        ).format(_by_key(report_type, split_by)),
        values,
    ).fetchall()
    return ShardDigest(keys, rows, digest)


def _by_key(report_type: ReportType, split_by: Sequence[str]) -> sql.Composed:
    """Returns the query of all keys with their numbers of rows and the sums of the hashes of their rows."""
    return sql.SQL(
        "SELECT {keys}, count(*) AS n, sum(hashtextextended(report::text, 0)) AS digest"
        " FROM ({query}) AS report GROUP BY {group_by}"
    ).format(
        keys=sql.SQL(", ").join(select_keys(split_keys(report_type, split_by))),
        query=catalog_query(report_type),
        group_by=_group_by(split_by),
    )


def _group_by(split_by: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(column_of_report, split_by))


def _bins(report_type: ReportType, split_by: Sequence[str], max_shards: int, shard_cost: int) -> sql.Composed:
    """Returns the query of the bins: a number of ranges of keys that does not depend on the number of keys.

    Large keys are bins of their own, and do not count for the bins of other keys. `run` increases with each large key
    and after it, so that no bin contains keys from before and after one.
    """
    keys = split_keys(report_type, split_by)
    columns = key_columns(keys)
    order = order_by(list(zip(columns, (key.descending for key in keys), strict=True)))
    ends = [
        sql.SQL("max(CASE WHEN {} THEN {} END)").format(sql.SQL(end), printed(column))
        for end in ("is_first", "is_last")
        for column in columns
    ]
    return sql.SQL(
        "WITH keys AS MATERIALIZED ({by_key}),"
        " sized AS (SELECT *, n + {key_cost} AS cost,"
        " greatest({shard_cost}, ceil(sum(n + {key_cost}) OVER () / {max_shards}))::bigint AS size FROM keys),"
        " numbered AS (SELECT *, cost >= size AS is_large, row_number() OVER in_order AS number,"
        " sum(CASE WHEN cost < size THEN cost ELSE 0 END) OVER in_order AS small_cost,"
        " count(*) FILTER (WHERE cost >= size) OVER in_order * 2 - CASE WHEN cost >= size THEN 1 ELSE 0 END AS run"
        " FROM sized WINDOW in_order AS (ORDER BY {order} ROWS UNBOUNDED PRECEDING)),"
        " binned AS (SELECT *, CASE WHEN is_large THEN 0"
        " ELSE floor((small_cost - cost) * {bins_per_shard} / size) END AS bin FROM numbered),"
        " marked AS (SELECT *, lag(1) OVER in_bin IS NULL AS is_first, lead(1) OVER in_bin IS NULL AS is_last"
        " FROM binned WINDOW in_bin AS (PARTITION BY run, bin ORDER BY number))"
        " SELECT {ends}, min(number), count(*), sum(n)::bigint, sum(digest), bool_or(is_large)"
        " FROM marked GROUP BY run, bin ORDER BY min(number)"
    ).format(
        by_key=_by_key(report_type, split_by),
        key_cost=sql.Literal(KEY_COST),
        shard_cost=sql.Literal(shard_cost),
        max_shards=sql.Literal(max_shards),
        bins_per_shard=sql.Literal(_BINS_PER_SHARD),
        order=order,
        ends=sql.SQL(", ").join(ends),
    )


def _merged(bins: Sequence[_Bin], size: int, max_shards: int) -> list[_Bin]:
    """Returns the shards, in the order of the report: large keys, and ranges of about the same cost of the others."""
    small_cost = sum(each.cost for each in bins if not each.is_large)
    ranges = max(1, small_cost // size)
    shards: list[_Bin] = []
    before, current = 0, -1
    for each in bins:
        # The number of the range that the middle of the bin is in.
        at = -1 if each.is_large else (2 * before + each.cost) * ranges // (2 * small_cost)
        before += 0 if each.is_large else each.cost
        if at >= 0 and at == current:
            shards[-1] = shards[-1].followed_by(each)
        else:
            shards.append(each)
        current = at
    while len(shards) > max_shards:
        at = min(range(len(shards) - 1), key=lambda at: shards[at].cost + shards[at + 1].cost)
        shards[at : at + 2] = [shards[at].followed_by(shards[at + 1])]
    return shards


def _cells(texts: Sequence[str | None]) -> Cells:
    return tuple([None if text is None else text.encode() for text in texts])
