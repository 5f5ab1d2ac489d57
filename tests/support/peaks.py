"""Reports with too many or too large rows, groups or cells to be held in memory, as cases for `peak_of_report`."""

from __future__ import annotations

from typing import Any

_AMOUNTS = {"totals": {"amounts": ["amount"], "currency": "currency"}}
_TITLE = {"en": "x", "pt": "x"}


def _chart(kind: str, by: str, unit: str) -> dict[str, Any]:
    return {"title": _TITLE, "kind": kind, "by": by, "unit": unit}


def _case(query: str, columns: dict[str, str], **more: Any) -> dict[str, Any]:
    wrap = more.pop("wrap", [])
    return {"query": query, "columns": columns, "sort": more.pop("sort", ["id"]), "more": more, "wrap": wrap}


def _text(rows: int, text: str, wide_row: int | None = None) -> dict[str, Any]:
    """Returns a case in which every row, or only `wide_row`, has a wide text cell."""
    cell = text if wide_row is None else f"CASE i WHEN {wide_row} THEN {text} ELSE 'x' END"
    query = f"SELECT i AS id, {cell} AS content FROM generate_series(1, {rows}) AS i"
    return _case(query, {"id": "integer", "content": "text"}, wrap=["content"])


CASES: dict[str, dict[str, Any]] = {
    "bars by 300,000 values": _case(
        "SELECT i AS id, 'category ' || i AS category, 'EUR' AS currency, (i % 1000)::numeric AS amount"
        " FROM generate_series(1, 300000) AS i",
        {"id": "integer", "category": "text", "currency": "text", "amount": "amount"},
        charts=[_chart("bars", "category", "amount"), _chart("share", "category", "rows")],
        **_AMOUNTS,
    ),
    "3,000 days of 3,000 currencies": _case(
        "SELECT i AS id, timestamptz '2020-01-01' + i / 100 * interval '1 day' AS at, 'C' || i % 3000 AS currency,"
        " 1.5 AS amount FROM generate_series(1, 299999) AS i",
        {"id": "integer", "at": "timestamp", "currency": "text", "amount": "amount"},
        sort=["at", "id"],
        period="at",
        subtotals="day",
        charts=[_chart("time", "at", "amount")],
        **_AMOUNTS,
    ),
    "20,000 currencies of 200 characters": _case(
        "SELECT i AS id, rpad(i || ' ', 200, chr(233)) AS currency, 1.5 AS amount FROM generate_series(1, 20000) AS i",
        {"id": "integer", "currency": "text", "amount": "amount"},
        charts=[_chart("bars", "currency", "amount")],
        **_AMOUNTS,
    ),
    "currencies and labels of 64,000 characters": _case(
        "SELECT i AS id, rpad(i || ' ', 64000, 'x') AS currency, 1.5 AS amount FROM generate_series(1, 500) AS i",
        {"id": "integer", "currency": "text", "amount": "amount"},
        charts=[_chart("bars", "currency", "amount")],
        **_AMOUNTS,
    ),
    "300 rows of 400 kB": _text(300, "repeat('x', 400000)"),
    "2,000 rows of 50 kB": _text(2000, "repeat('ab c', 12500)"),
    "5,000 narrow rows, then 50 of 1 MB": _text(5050, "CASE WHEN i > 5000 THEN repeat('y', 1000000) ELSE 'x' END"),
    "40 rows of 2 MB": _text(40, "repeat('x', 1999000)"),
    "40 rows of 2 MB beyond ASCII": _text(40, "repeat('é', 999500)"),
    "40 rows of 2 MB of quotes": _text(40, "repeat('\"', 1999000)"),
    "40 rows of 2 MB that cannot be compressed": _text(
        40, "(SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 62400) AS j)"
    ),
    "a cell of 40 MB": _text(2000, "repeat('x', 40000000)", wide_row=1234),
    "a cell of 100 MB": _text(2000, "repeat('x', 100000000)", wide_row=1234),
    "300 rows of 400 kB of JSON": _case(
        "SELECT i AS id, jsonb_build_object('a', repeat('x', 400000)) AS doc FROM generate_series(1, 300) AS i",
        {"id": "integer", "doc": "json"},
    ),
    "a JSON of 40 MB": _case(
        "SELECT i AS id, jsonb_build_object('a', CASE i WHEN 77 THEN repeat('x', 40000000) END) AS doc"
        " FROM generate_series(1, 300) AS i",
        {"id": "integer", "doc": "json"},
    ),
    "40 rows of 1 MB of bytes": _case(
        "SELECT i AS id, decode(repeat('c3', 999500), 'hex') AS data FROM generate_series(1, 40) AS i",
        {"id": "integer", "data": "binary"},
    ),
    "40 arrays of 400 kB": _case(
        "SELECT i AS id, array_fill(i, ARRAY[100000]) AS items FROM generate_series(1000, 1040) AS i",
        {"id": "integer", "items": "json"},
    ),
    "a sort key of 400 kB": _case(
        "SELECT lpad(i::text, 400000, '0') AS id FROM generate_series(1, 300) AS i", {"id": "text"}
    ),
    "1,600 columns": _case(
        "SELECT i AS id, "
        + ", ".join(f"'value ' || i AS c{at}" for at in range(1599))
        + " FROM generate_series(1, 2000) AS i",
        {"id": "integer", **{f"c{at}": "text" for at in range(1599)}},
    ),
}
