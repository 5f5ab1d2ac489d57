"""The SQL that summarizes a report's rows: totals, charts and periods, each cut to a fixed number of groups.

The rows are aggregated once, into the finest groups (the cube), which Postgres can do in parallel and spills to disk
where they do not fit its memory. Every total, chart and period is aggregated from those. Grouping sets over the rows
themselves took 0.44 s for 500 thousand rows, this takes 0.26 s.

However many groups there are, the client receives a bounded number: the largest of each kind, the sum of the others
where a sum says something, and how many were left out.
"""

from __future__ import annotations

from psycopg import sql

from resma.catalog import ChartSpec, ReportType

MAX_TOTALS = 10_000
"""Totals of a report, largest first. More distinct values than that are no currencies."""

MAX_PERIODS = 4000
"""Periods that a file is divided into: ten years of days. Where there would be more, days become months and months
years."""

MAX_SUBTOTALS = 20_000
"""Totals of all periods together."""

MAX_SUBTOTALS_PER_PERIOD = 50

MAX_SERIES = 12
"""Series (currencies) of a chart, largest first: sums of several currencies would say nothing."""

MAX_LABELS = 40
"""Categories of each series of a chart that are not part of `Other`. No format shows as many."""

MAX_MONTHS = 1200
"""Months of a chart over time, the latest. Earlier ones are one value before the others."""

MAX_CHARACTERS = 200
"""Of a currency or a label; longer ones are cut."""

UNITS = {"day": 10, "month": 7, "year": 4}
"""Number of characters of an ISO 8601 date that name a period of that length."""

_SMALL_JSON = 2048
_JSON_GROWTH = 8
"""A small jsonb value (Postgres compresses or moves larger ones) is assumed to print as at most so many times its
stored bytes: printing each one to measure it would double the time of the summary."""


def catalog_query(report_type: ReportType) -> sql.SQL:
    """The report type's query: a file of our own, never a request's text."""
    return sql.SQL(report_type.query)


def sort_order(report_type: ReportType, direction: str = "ASC") -> sql.Composed:
    """What stands after ORDER BY; NULLs come last, or first where the order is reversed."""
    return sql.SQL(", ").join(
        sql.SQL("report.{} {}").format(sql.Identifier(name), sql.SQL(direction)) for name in report_type.sort
    )


def measured_columns(report_type: ReportType) -> list[str]:
    """Names of the columns whose cells have no bound of their own: text and JSON."""
    return [column.name for column in report_type.columns if column.kind in {"text", "json"}]


def cell_bytes(report_type: ReportType, name: str) -> sql.Composed:
    """Bytes that a measured column's cell has as text. Reads no stored text: Postgres knows its length."""
    column = sql.SQL("report.{}").format(sql.Identifier(name))
    kind = next(column.kind for column in report_type.columns if column.name == name)
    if kind == "text":
        return sql.SQL("octet_length({}::text)").format(column)
    return sql.SQL(
        "CASE WHEN pg_column_size({0}) < {1} THEN {2} * pg_column_size({0}) ELSE octet_length({0}::text) END"
    ).format(column, sql.Literal(_SMALL_JSON), sql.Literal(_JSON_GROWTH))


def summary_query(report_type: ReportType) -> sql.Composed:
    """Rows of this query are `summary._Group`: kind, chart, label, currency, rows, amount, unit, groups, all_rows."""
    return sql.SQL(
        "WITH cube AS MATERIALIZED ({cube}), {unit}, {parts} SELECT kind, chart, label, currency, rows, amount, unit,"
        " groups, all_rows FROM ({found}) AS found ORDER BY kind, chart, place NULLS LAST, rank, label, currency"
    ).format(
        cube=_cube(report_type),
        unit=_unit(report_type),
        parts=sql.SQL(", ").join(_parts(report_type)),
        found=sql.SQL(" UNION ALL ").join(_found(report_type)),
    )


def _cube(report_type: ReportType) -> sql.Composed:
    """One row for each combination of currency, period and chart labels, at most one for each row of the report."""
    totals = report_type.totals
    # Rows without a currency and rows with an empty one are one sum to their readers.
    currency: sql.Composable = sql.SQL("''")
    amount: sql.Composable = sql.SQL("0::numeric")
    if totals:
        currency = sql.SQL("coalesce(report.{}::text, '')").format(sql.Identifier(totals.currency))
        amount = sql.SQL("sum(report.{})").format(sql.Identifier(totals.amount))
    keys = [sql.SQL("{} AS currency").format(currency), sql.SQL("{} AS period").format(_period(report_type))]
    keys += [
        sql.SQL("{} AS {}").format(_label(chart), sql.Identifier(f"label_{index}"))
        for index, chart in enumerate(report_type.charts)
    ]
    most = [
        sql.SQL("max({}) AS {}").format(expression, sql.Identifier(name))
        for name, _, expression in _maxima(report_type)
    ]
    return sql.SQL(
        "SELECT {columns}, count(*) AS n, {amount} AS amount FROM ({query}) AS report GROUP BY {keys}"
    ).format(
        columns=sql.SQL(", ").join([*keys, *most]),
        amount=amount,
        query=catalog_query(report_type),
        keys=sql.SQL(", ").join(sql.SQL(str(place + 1)) for place in range(len(keys))),
    )


def _maxima(report_type: ReportType) -> list[tuple[str, str, sql.Composable]]:
    """What is known of columns by their largest value: a name in the cube, the column, the expression.

    `scale_…` is the number of digits after the decimal mark, `bytes_…` the length of the printed cell.
    """
    amounts = [column.name for column in report_type.columns if column.kind == "amount"]
    scales = [
        (f"scale_{i}", name, sql.SQL("scale(report.{}::numeric)").format(sql.Identifier(name)))
        for i, name in enumerate(amounts)
    ]
    widths = [
        (f"bytes_{i}", name, cell_bytes(report_type, name)) for i, name in enumerate(measured_columns(report_type))
    ]
    return [*scales, *widths]


def _parts(report_type: ReportType) -> list[sql.Composable]:
    """Common table expressions: the groups of each kind with their ranks, not yet cut."""
    parts: list[sql.Composable] = [
        sql.SQL(
            "totals AS (SELECT *, row_number() OVER (ORDER BY rows DESC, currency) AS rank, count(*) OVER () AS groups"
            " FROM (SELECT currency, sum(n)::bigint AS rows, sum(amount) AS amount FROM cube GROUP BY currency) AS t)"
        )
    ]
    for index, chart in enumerate(report_type.charts):
        parts += _chart_parts(index, chart)
    if report_type.period:
        parts += [
            sql.SQL(
                "periods AS (SELECT date_trunc(unit, period) AS place, currency, sum(n)::bigint AS rows,"
                " sum(amount) AS amount, max(unit) AS unit FROM cube, unit GROUP BY 1, 2)"
            ),
            sql.SQL("period_count AS (SELECT count(*) AS n FROM (SELECT place FROM periods GROUP BY place) AS places)"),
        ]
    return parts


def _chart_parts(index: int, chart: ChartSpec) -> list[sql.Composable]:
    """`chart_<i>`: every group with the rank of its series and of its label.

    A label's rank is the best that it has in any of the series that are shown, so that each shows its largest.
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
    "SELECT {kind}::text AS kind, {chart} AS chart, {place}::timestamp AS place, {rank}::bigint AS rank,"
    " {label}::text AS label, {currency}::text AS currency, {rows}::bigint AS rows, {amount}::numeric AS amount,"
    " {unit}::text AS unit, {groups}::bigint AS groups, {all_rows}::bigint AS all_rows FROM {source}"
)


def _group(kind: str, source: str, chart: int = -1, **columns: str) -> sql.Composed:
    """A SELECT of groups; columns that are not named are NULL."""
    names = ("place", "rank", "label", "currency", "rows", "amount", "unit", "groups", "all_rows")
    expressions = {name: sql.SQL(columns.get(name, "NULL")) for name in names}  # literals of this module
    return _GROUP.format(kind=sql.Literal(kind), chart=sql.SQL(str(chart)), source=sql.SQL(source), **expressions)


def _found(report_type: ReportType) -> list[sql.Composable]:
    """What the client receives of each kind."""
    # The sum of the hashes of all groups tells two snapshots apart by what is left out of the rest, too.
    checksum = "sum(hashtextextended(cube::text, 0))"
    found: list[sql.Composable] = [
        _group("all", "cube", rows="coalesce(sum(n), 0)", amount=checksum, groups="count(*)"),
        _group(
            "total",
            f"totals WHERE rank <= {MAX_TOTALS}",
            rank="rank",
            currency=_short("currency"),
            rows="rows",
            amount="amount",
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
        found.append(_group(kind, "cube", label=f"'{column}'", rows=f"coalesce(max({name}), 0)"))
    return found


def _found_of_chart(index: int, chart: ChartSpec) -> list[sql.Composable]:
    most = MAX_MONTHS if chart.kind == "time" else MAX_LABELS
    source = f"chart_{index} WHERE series_rank <= {MAX_SERIES} AND rank"
    return [
        _group(
            "chart",
            f"{source} <= {most}",
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
            f"{source} > {most} GROUP BY currency",
            index,
            rank="min(series_rank)",
            currency=_short("currency"),
            rows="sum(rows)",
            amount="sum(amount)",
            all_rows="min(series_rank)",
        ),
        _group("others", f"{source} > {most}", index, groups="count(DISTINCT coalesce(label, ''))"),
    ]


def _found_periods() -> sql.Composed:
    ranked = (
        "(SELECT *, row_number() OVER (PARTITION BY place ORDER BY rows DESC, currency) AS rank,"
        " count(*) OVER (PARTITION BY place) AS groups, sum(rows) OVER (PARTITION BY place) AS all_rows FROM periods)"
    )
    limit = f"n <= {MAX_PERIODS} AND rank <= least({MAX_SUBTOTALS_PER_PERIOD}, {MAX_SUBTOTALS} / n)"
    return _group(
        "period",
        f"{ranked} AS ranked, period_count WHERE {limit}",
        place="place",
        rank="rank",
        label="place",
        currency=_short("currency"),
        rows="rows",
        amount="amount",
        unit="unit",
        groups="groups",
        all_rows="all_rows",
    )


def _short(column: str) -> str:
    """One character more than is kept: the client sees that something was cut."""
    return f"left({column}, {MAX_CHARACTERS + 1})"


def _unit(report_type: ReportType) -> sql.Composed:
    """How long a period is: as the report type says, or longer where there would be too many."""
    units = list(UNITS)
    wanted = units[units.index(report_type.subtotals or "month") :]
    choice = sql.SQL(" ").join(
        sql.SQL("WHEN count(DISTINCT date_trunc({unit}, period)) <= {most} THEN {unit}").format(
            unit=sql.Literal(unit), most=sql.Literal(MAX_PERIODS)
        )
        for unit in wanted
    )
    return sql.SQL("unit AS (SELECT CASE {} ELSE 'year' END AS unit FROM cube)").format(choice)


def _period(report_type: ReportType) -> sql.Composed:
    """The period column, no finer than it is asked for: the cube has a group for each of its values."""
    if report_type.period is None:
        return sql.Composed([sql.SQL("NULL::timestamp")])
    return sql.SQL("date_trunc({}, report.{}::timestamp)").format(
        sql.Literal(report_type.subtotals or "month"), sql.Identifier(report_type.period)
    )


def _label(chart: ChartSpec) -> sql.Composed:
    column = sql.Identifier(chart.by)
    if chart.kind == "time":
        return sql.SQL("date_trunc('month', report.{}::timestamp)").format(column)
    return sql.SQL("report.{}").format(column)
