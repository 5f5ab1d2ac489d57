"""The SQL query for the summary of a report: totals, charts and periods, each limited to a fixed number of groups.

The rows are aggregated once, to the finest groups (the cube). Postgres can do that in parallel, and spills groups to
disk if they do not fit into memory. All totals, charts and periods are aggregated from the cube. This takes 0.26 s for
500 thousand rows; grouping sets over the rows took 0.44 s.

The client receives a bounded number of groups: the largest of each kind, the sum of the others if it is meaningful, and
the number of omitted groups.
"""

from __future__ import annotations

from psycopg import sql

from resma.catalog import ChartSpec, ColumnSpec, ReportType
from resma.report.header import Kind
from resma.report.kinds import UNBOUNDED
from resma.snapshot.column_names import column_of_report
from resma.snapshot.conversion import number_of

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

_SMALL_JSON = 2048
_JSON_GROWTH = 8
"""Assumed maximum ratio of the text length of a small jsonb value to its stored size. Postgres compresses larger values
or stores them elsewhere. Converting each value to text would double the duration of the summary."""


def catalog_query(report_type: ReportType) -> sql.SQL:
    """Returns the query of the report type. It comes from a file of the catalog, never from a request."""
    return sql.SQL(report_type.query)


def sort_order(report_type: ReportType, *, reverse: bool = False) -> sql.Composed:
    """Returns the expressions for ORDER BY, or those of the reverse order.

    NULLs come last in an ascending column, and first in a descending one, as in the indexes that return this order.
    """
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(column_of_report(key.name), sql.SQL("ASC" if key.descending == reverse else "DESC"))
        for key in report_type.sort
    )


def measured_columns(report_type: ReportType) -> list[str]:
    """Returns the names of the columns that are read and whose cells can have any size."""
    return [
        column.name
        for column in report_type.columns
        if column.kind in UNBOUNDED and (not column.hidden or column.name in report_type.sort_names)
    ]


def cell_bytes(report_type: ReportType, name: str) -> sql.Composed:
    """Returns the SQL expression for the size of a cell. Postgres knows it without reading the value."""
    column = column_of_report(name)
    kind = column_of(report_type, name).kind
    if kind == "text":
        return sql.SQL("octet_length({}::text)").format(column)
    if kind == "binary":  # `\\x` and two hexadecimal digits for each byte
        return sql.SQL("2 + 2 * octet_length({})").format(column)
    return sql.SQL(
        "CASE WHEN pg_column_size({0}) < {1} THEN {2} * pg_column_size({0}) ELSE octet_length({0}::text) END"
    ).format(column, sql.Literal(_SMALL_JSON), sql.Literal(_JSON_GROWTH))


def column_of(report_type: ReportType, name: str) -> ColumnSpec:
    """Returns the description of a column, which must exist."""
    return next(column for column in report_type.columns if column.name == name)


def summary_query(report_type: ReportType) -> sql.Composed:
    """Returns the query of the summary, whose rows are `summarize._Group`."""
    return sql.SQL(
        "WITH cube AS MATERIALIZED ({cube}), {unit}, {parts} SELECT kind, chart, label, currency, rows, amount,"
        " amounts, unit, groups, all_rows FROM ({found}) AS found"
        " ORDER BY kind, chart, start NULLS LAST, rank, label, currency"
    ).format(
        cube=_cube(report_type),
        unit=_unit(report_type),
        parts=sql.SQL(", ").join(_parts(report_type)),
        found=sql.SQL(" UNION ALL ").join(_found(report_type)),
    )


def _cube(report_type: ReportType) -> sql.Composed:
    """Returns the query of the cube: one row for each combination of currency, period and chart labels."""
    totals = report_type.totals
    # Rows without a currency and rows with an empty currency have one total.
    currency: sql.Composable = sql.SQL("''")
    if totals and totals.currency:
        currency = sql.SQL("coalesce({}::text, '')").format(column_of_report(totals.currency))
    amounts = [
        sql.SQL("sum({}) AS {}").format(number_of(column_of(report_type, name)), sql.Identifier(_amount(index)))
        for index, name in enumerate(totals.amounts if totals else ())
    ] or [sql.SQL("0::numeric AS {}").format(sql.Identifier(_amount(0)))]
    keys = [sql.SQL("{} AS currency").format(currency), sql.SQL("{} AS period").format(_period(report_type))]
    keys += [
        sql.SQL("{} AS {}").format(
            _label(chart, column_of(report_type, chart.by).kind), sql.Identifier(f"label_{index}")
        )
        for index, chart in enumerate(report_type.charts)
    ]
    maxima = [
        sql.SQL("max({}) AS {}").format(expression, sql.Identifier(name))
        for name, _, expression in _maxima(report_type)
    ]
    return sql.SQL("SELECT {columns}, count(*) AS n, {amounts} FROM ({query}) AS report GROUP BY {keys}").format(
        columns=sql.SQL(", ").join([*keys, *maxima]),
        amounts=sql.SQL(", ").join(amounts),
        query=catalog_query(report_type),
        keys=sql.SQL(", ").join(sql.SQL(str(number)) for number in range(1, len(keys) + 1)),
    )


def _maxima(report_type: ReportType) -> list[tuple[str, str, sql.Composable]]:
    """Returns the maxima of columns in the cube: name in the cube, name of the column, expression.

    `scale_…` is the number of digits after the decimal point, `bytes_…` the size of the cell as text.
    """
    amounts = [column for column in report_type.shown_columns if column.kind == "amount"]
    scales = [
        (f"scale_{i}", column.name, sql.SQL("scale({}::numeric)").format(number_of(column)))
        for i, column in enumerate(amounts)
    ]
    widths = [
        (f"bytes_{i}", name, cell_bytes(report_type, name)) for i, name in enumerate(measured_columns(report_type))
    ]
    return [*scales, *widths]


def _parts(report_type: ReportType) -> list[sql.Composable]:
    """Returns the common table expressions: all groups of each kind with their ranks."""
    parts: list[sql.Composable] = [
        sql.SQL(
            "totals AS (SELECT *, row_number() OVER (ORDER BY rows DESC, currency) AS rank, count(*) OVER () AS groups"
            " FROM (SELECT currency, sum(n)::bigint AS rows, {amounts} AS amounts FROM cube GROUP BY currency) AS t)"
        ).format(amounts=_sums(report_type))
    ]
    for index, chart in enumerate(report_type.charts):
        parts += _chart_parts(index, chart)
    if report_type.period:
        parts += [
            sql.SQL(
                "periods AS (SELECT date_trunc(unit, period) AS start, currency, sum(n)::bigint AS rows,"
                " {amounts} AS amounts, max(unit) AS unit FROM cube, unit GROUP BY 1, 2)"
            ).format(amounts=_sums(report_type)),
            sql.SQL("period_count AS (SELECT count(*) AS n FROM (SELECT start FROM periods GROUP BY start) AS starts)"),
        ]
    return parts


def _amount(index: int) -> str:
    """Returns the name of an amount in the cube. Charts show the first one, `amount`."""
    return f"amount_{index}" if index else "amount"


def _sums(report_type: ReportType) -> sql.Composed:
    """Returns the expression for an array of the sums of all amounts."""
    count = len(report_type.totals.amounts) if report_type.totals else 1
    sums = (sql.SQL("sum({})").format(sql.Identifier(_amount(index))) for index in range(count))
    return sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(sums))


def _chart_parts(index: int, chart: ChartSpec) -> list[sql.Composable]:
    """Returns the expressions `groups_<i>` and `chart_<i>`: all groups with the ranks of their series and labels.

    A label's rank is its best one in any shown series, so that each series shows its largest labels.
    """
    by_currency = chart.unit == "amount"
    size = "abs(amount) DESC NULLS LAST, rows DESC, label" if by_currency else "rows DESC, label"
    if chart.kind == "time":
        ranks = "dense_rank() OVER (ORDER BY label_at DESC NULLS LAST) AS label_rank"
    else:
        ranks = f"row_number() OVER (PARTITION BY currency ORDER BY {size}) AS label_rank"
    return [
        sql.SQL(
            "groups_{i} AS (SELECT label_{i} AS label_at, label_{i}::text AS label, {currency} AS currency,"
            " sum(n)::bigint AS rows, sum(amount) AS amount FROM cube GROUP BY label_{i}, {currency})"
        ).format(i=sql.SQL(str(index)), currency=sql.SQL("currency" if by_currency else "''::text")),
        sql.SQL(
            "chart_{i} AS (SELECT *, min(CASE WHEN series_rank <= {series} THEN label_rank END)"
            " OVER (PARTITION BY label) AS rank, max(series_rank) OVER () AS groups FROM ("
            "SELECT *, dense_rank() OVER (ORDER BY series_rows DESC, currency) AS series_rank, {ranks} FROM ("
            "SELECT *, sum(rows) OVER (PARTITION BY currency) AS series_rows FROM groups_{i}) AS g) AS ranked)"
        ).format(i=sql.SQL(str(index)), ranks=sql.SQL(ranks), series=sql.Literal(MAX_SERIES)),
    ]


_GROUP = sql.SQL(
    "SELECT {kind}::text AS kind, {chart} AS chart, {start}::timestamp AS start, {rank}::bigint AS rank,"
    " {label}::text AS label, {currency}::text AS currency, {rows}::bigint AS rows, {amount}::numeric AS amount,"
    " {amounts}::numeric[] AS amounts,"
    " {unit}::text AS unit, {groups}::bigint AS groups, {all_rows}::bigint AS all_rows FROM {source}"
)


def _group(kind: str, source: str, chart: int = -1, **columns: str) -> sql.Composed:
    """Returns a SELECT of groups. Columns that are not given are NULL."""
    names = ("start", "rank", "label", "currency", "rows", "amount", "amounts", "unit", "groups", "all_rows")
    expressions = {name: sql.SQL(columns.get(name, "NULL")) for name in names}  # literals in this module
    return _GROUP.format(kind=sql.Literal(kind), chart=sql.SQL(str(chart)), source=sql.SQL(source), **expressions)


def _found(report_type: ReportType) -> list[sql.Composable]:
    """Returns the SELECTs of all groups that the client receives."""
    # The sum of the hashes of all groups also detects differences in groups that are omitted.
    checksum = "sum(hashtextextended(cube::text, 0))"
    found: list[sql.Composable] = [
        _group("all", "cube", rows="coalesce(sum(n), 0)", amount=checksum, groups="count(*)"),
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
    names = {name: column for name, column, _ in _maxima(report_type)}
    for name, column in names.items():
        kind = name.split("_")[0]
        found.append(_group(kind, "cube", label=_literal(column), rows=f"coalesce(max({name}), 0)"))
    return found


def _literal(text: str) -> str:
    """Returns a string as SQL for `_group`. psycopg reads a percent sign in quotes as a parameter also."""
    return sql.Literal(text.replace("%", "%%")).as_string()


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
            f"{source} > {max_rank} GROUP BY currency",
            index,
            rank="min(series_rank)",
            currency=_short("currency"),
            rows="sum(rows)",
            amount="sum(amount)",
            all_rows="min(series_rank)",
        ),
        _group("others", f"{source} > {max_rank}", index, groups="count(DISTINCT coalesce(label, ''))"),
    ]


def _found_periods() -> sql.Composed:
    ranked = (
        "(SELECT *, row_number() OVER (PARTITION BY start ORDER BY rows DESC, currency) AS rank,"
        " count(*) OVER (PARTITION BY start) AS groups, sum(rows) OVER (PARTITION BY start) AS all_rows FROM periods)"
    )
    limit = f"n <= {MAX_PERIODS} AND rank <= least({MAX_SUBTOTALS_PER_PERIOD}, {MAX_SUBTOTALS} / n)"
    return _group(
        "period",
        f"{ranked} AS ranked, period_count WHERE {limit}",
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
    return sql.SQL("unit AS (SELECT CASE {} ELSE 'year' END AS unit FROM cube)").format(choice)


def _period(report_type: ReportType) -> sql.Composed:
    """Returns the expression for the period, truncated as the report type says to keep the number of groups small."""
    if report_type.period is None:
        return sql.Composed([sql.SQL("NULL::timestamp")])
    return sql.SQL("date_trunc({}, {}::timestamp)").format(
        sql.Literal(report_type.subtotals or "month"), column_of_report(report_type.period)
    )


def _label(chart: ChartSpec, kind: Kind) -> sql.Composed:
    column = column_of_report(chart.by)
    if chart.kind == "time":
        return sql.SQL("date_trunc('month', {}::timestamp)").format(column)
    # Some types of these kinds, such as json and point, cannot be grouped.
    return sql.SQL("{}::text").format(column) if kind in UNBOUNDED else column
