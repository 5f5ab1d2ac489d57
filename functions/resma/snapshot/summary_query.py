"""The SQL query for the summary of a report: totals, charts and periods, each limited to a fixed number of groups.

The rows are aggregated once, to the finest groups (the cube). Postgres can do that in parallel, and spills groups to
disk if they do not fit into memory. All totals, charts and periods are aggregated from the cube. This takes 0.26 s for
500 thousand rows; grouping sets over the rows took 0.44 s.

The client receives a bounded number of groups: the largest of each kind, the sum of the others if it is meaningful, and
the number of omitted groups.

A split report has one summary for each key. All groups have the number of their key, and a report that is not split is
one key with the number 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from resma.catalog import ChartSpec, ReportType, SortKey
from resma.snapshot.balance import balances_by_key
from resma.snapshot.summary_cube import amount_name, cube_part, maxima

MAX_TOTALS = 10_000
"""Maximum number of totals of a report, largest first. More distinct values cannot be currencies."""

MAX_PERIODS = 4000
"""Maximum number of periods of a report: ten years of days. If there are more, periods are months, or years."""

MAX_SUBTOTALS = 20_000
"""Maximum number of totals of all periods together."""

MAX_SUBTOTALS_PER_PERIOD = 50
"""Maximum number of totals per period."""

MAX_SERIES = 12
"""Maximum number of series (currencies) of a chart, largest first. A sum of several currencies is meaningless."""

MAX_LABELS = 40
"""Maximum number of categories per series of a chart; the others are summed as `Other`. No format shows as many."""

MAX_MONTHS = 1200
"""Maximum number of months of a chart over time, latest first. Earlier months are combined to one value."""

MAX_CHARACTERS = 200
"""Maximum length of a currency or a label; longer ones are cut."""

UNITS = {"day": 10, "month": 7, "year": 4}
"""Number of characters of an ISO 8601 date that identify a period of this length."""


def summary_query(report_type: ReportType, split_by: Sequence[SortKey] = ()) -> sql.Composed:
    """Returns the query of the summary, whose rows are `summarize.Group`.

    With the columns of keys in `split_by`, it is the query of one summary for each key, in the order of the report: `k`
    is the number of the key, and all groups are computed within it. Without them, `k` is 0 in all groups.
    """
    return sql.SQL(
        "WITH {cube}, {unit}, {parts} SELECT k, kind, chart, label, currency, rows, amount, amounts, unit, groups,"
        " all_rows, key FROM ({found}) AS found ORDER BY k, kind, chart, start NULLS LAST, rank, label, currency"
    ).format(
        cube=cube_part(report_type, split_by),
        unit=_unit(report_type),
        parts=sql.SQL(", ").join(_parts(report_type, split_by)),
        found=sql.SQL(" UNION ALL ").join(_found(report_type, split_by)),
    )


def _parts(report_type: ReportType, split_by: Sequence[SortKey]) -> list[sql.Composable]:
    """Returns the common table expressions: all groups of each kind with their ranks."""
    parts: list[sql.Composable] = [
        sql.SQL(
            "totals AS (SELECT *, row_number() OVER (PARTITION BY k ORDER BY rows DESC, currency) AS rank,"
            " count(*) OVER (PARTITION BY k) AS groups FROM (SELECT k, currency, sum(n)::bigint AS rows,"
            " {amounts} AS amounts FROM cube GROUP BY k, currency) AS t)"
        ).format(amounts=_sums(report_type))
    ]
    for index, chart in enumerate(report_type.charts):
        parts += _chart_parts(index, chart)
    if report_type.period:
        parts += [
            sql.SQL(
                "periods AS (SELECT k, date_trunc(unit, period) AS start, currency, sum(n)::bigint AS rows,"
                " {amounts} AS amounts, max(unit) AS unit FROM cube JOIN unit USING (k) GROUP BY 1, 2, 3)"
            ).format(amounts=_sums(report_type)),
            sql.SQL(
                "period_count AS (SELECT k, count(*) AS n FROM (SELECT k, start FROM periods GROUP BY k, start)"
                " AS starts GROUP BY k)"
            ),
        ]
    if report_type.balance and split_by:
        parts.append(sql.SQL("balances AS ({})").format(balances_by_key(report_type, report_type.balance, split_by)))
    return parts


def _sums(report_type: ReportType) -> sql.Composed:
    """Returns the expression for an array of the sums of all amounts."""
    count = len(report_type.totals.amounts) if report_type.totals else 1
    sums = (sql.SQL("sum({})").format(sql.Identifier(amount_name(index))) for index in range(count))
    return sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(sums))


def _chart_parts(index: int, chart: ChartSpec) -> list[sql.Composable]:
    """Returns the expressions `groups_<i>` and `chart_<i>`: all groups with the ranks of their series and labels.

    A label's rank is its best one in any shown series, so that each series shows its largest labels.
    """
    by_currency = chart.unit == "amount"
    size = "abs(amount) DESC NULLS LAST, rows DESC, label" if by_currency else "rows DESC, label"
    if chart.kind == "time":
        ranks = "dense_rank() OVER (PARTITION BY k ORDER BY label_at DESC NULLS LAST) AS label_rank"
    else:
        ranks = f"row_number() OVER (PARTITION BY k, currency ORDER BY {size}) AS label_rank"
    return [
        sql.SQL(
            "groups_{i} AS (SELECT k, label_{i} AS label_at, label_{i}::text AS label, {currency} AS currency,"
            " sum(n)::bigint AS rows, sum(amount) AS amount FROM cube GROUP BY k, label_{i}, {currency})"
        ).format(i=sql.SQL(str(index)), currency=sql.SQL("currency" if by_currency else "''::text")),
        sql.SQL(
            "chart_{i} AS (SELECT *, min(CASE WHEN series_rank <= {series} THEN label_rank END)"
            " OVER (PARTITION BY k, label) AS rank, max(series_rank) OVER (PARTITION BY k) AS groups FROM ("
            "SELECT *, dense_rank() OVER (PARTITION BY k ORDER BY series_rows DESC, currency) AS series_rank, {ranks}"
            " FROM (SELECT *, sum(rows) OVER (PARTITION BY k, currency) AS series_rows FROM groups_{i}) AS g)"
            " AS ranked)"
        ).format(i=sql.SQL(str(index)), ranks=sql.SQL(ranks), series=sql.Literal(MAX_SERIES)),
    ]


_GROUP = sql.SQL(
    "SELECT {k}::bigint AS k, {kind}::text AS kind, {chart} AS chart, {start}::timestamp AS start,"
    " {rank}::bigint AS rank, {label}::text AS label, {currency}::text AS currency, {rows}::bigint AS rows,"
    " {amount}::numeric AS amount, {amounts}::numeric[] AS amounts, {unit}::text AS unit,"
    " {groups}::bigint AS groups, {all_rows}::bigint AS all_rows, {key}::text[] AS key FROM {source}"
)


def _group(kind: str, source: str, chart: int = -1, **columns: str) -> sql.Composed:
    """Returns a SELECT of groups. Columns that are not given are NULL, except `k`."""
    names = ("start", "rank", "label", "currency", "rows", "amount", "amounts", "unit", "groups", "all_rows", "key")
    expressions = {name: sql.SQL(columns.get(name, "NULL")) for name in names}  # literals in this module
    expressions["k"] = sql.SQL("k")
    return _GROUP.format(kind=sql.Literal(kind), chart=sql.SQL(str(chart)), source=sql.SQL(source), **expressions)


def _found(report_type: ReportType, split_by: Sequence[SortKey]) -> list[sql.Composable]:
    """Returns the SELECTs of all groups that the client receives."""
    # The sum of the hashes of all groups also detects differences in groups that are omitted. Split reports have a
    # digest of all rows instead.
    checksum = "NULL" if split_by else "sum(hashtextextended(cube::text, 0))"
    largest = ", ".join(f"coalesce(max({name}), 0)" for name, _, _ in maxima(report_type))
    found: list[sql.Composable] = [
        _group(
            "all",
            "cube GROUP BY k",
            rows="sum(n)",
            amount=checksum,
            amounts=f"ARRAY[{largest}]",
            groups="count(*)",
            key="min(key)",
        ),
        _group(
            "total",
            f"totals WHERE rank <= {MAX_TOTALS}",
            rank="rank",
            currency=_short("currency"),
            rows="rows",
            amounts="amounts",
            groups="groups",
        ),
    ]
    for index, chart in enumerate(report_type.charts):
        found += _found_of_chart(index, chart)
    if report_type.period:
        found.append(_found_periods())
    if report_type.balance and split_by:
        found.append(_group("balance", "balances", label="opening", currency="closing"))
    return found


def _found_of_chart(index: int, chart: ChartSpec) -> list[sql.Composable]:
    max_rank = MAX_MONTHS if chart.kind == "time" else MAX_LABELS
    source = f"chart_{index} WHERE series_rank <= {MAX_SERIES} AND rank"
    return [
        _group(
            "chart",
            f"{source} <= {max_rank}",
            index,
            rank="rank",
            label=_short("label"),
            currency=_short("currency"),
            rows="rows",
            amount="amount",
            groups="groups",
            all_rows="series_rank",
        ),
        _group(
            "other",
            f"{source} > {max_rank} GROUP BY k, currency",
            index,
            rank="min(series_rank)",
            currency=_short("currency"),
            rows="sum(rows)",
            amount="sum(amount)",
            all_rows="min(series_rank)",
        ),
        _group("others", f"{source} > {max_rank} GROUP BY k", index, groups="count(DISTINCT coalesce(label, ''))"),
    ]


def _found_periods() -> sql.Composed:
    ranked = (
        "(SELECT *, row_number() OVER (PARTITION BY k, start ORDER BY rows DESC, currency) AS rank,"
        " count(*) OVER (PARTITION BY k, start) AS groups, sum(rows) OVER (PARTITION BY k, start) AS all_rows"
        " FROM periods)"
    )
    limit = f"n <= {MAX_PERIODS} AND rank <= least({MAX_SUBTOTALS_PER_PERIOD}, {MAX_SUBTOTALS} / n)"
    return _group(
        "period",
        f"{ranked} AS ranked JOIN period_count USING (k) WHERE {limit}",
        start="start",
        rank="rank",
        label="start",
        currency=_short("currency"),
        rows="rows",
        amounts="amounts",
        unit="unit",
        groups="groups",
        all_rows="all_rows",
    )


def _short(column: str) -> str:
    """Returns one character more than the maximum, so that the client can detect that the value was cut."""
    return f"left({column}, {MAX_CHARACTERS + 1})"


def _unit(report_type: ReportType) -> sql.Composed:
    """Returns the expression for the length of periods: that of the report type, or longer if there are too many."""
    units = list(UNITS)
    candidates = units[units.index(report_type.subtotals or "month") :]
    choice = sql.SQL(" ").join(
        sql.SQL("WHEN count(DISTINCT date_trunc({unit}, period)) <= {max_periods} THEN {unit}").format(
            unit=sql.Literal(unit), max_periods=sql.Literal(MAX_PERIODS)
        )
        for unit in candidates
    )
    return sql.SQL("unit AS (SELECT k, CASE {} ELSE 'year' END AS unit FROM cube GROUP BY k)").format(choice)
