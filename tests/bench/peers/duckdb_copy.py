"""DuckDB's COPY of a query that its `postgres` extension runs in Postgres."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner

from tests.bench.source import Source


@cache
def _connect(url: str) -> duckdb.DuckDBPyConnection:
    """Opens DuckDB with Postgres attached, once per process and before the clock starts (as with psycopg).

    The extension comes from PyPI, signed by DuckDB; LOAD refuses extensions without that signature.
    """
    (extension,) = Path(duckdb_extension_postgres_scanner.__file__).parent.rglob("*.duckdb_extension")
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{url}' AS bank (TYPE postgres, READ_ONLY)")
    return connection


def copy(source: Source, options: str) -> int:
    """Copies the rows in order to /dev/null, because COPY needs a file name; returns the number of rows.

    With `postgres_query`, Postgres sorts by its index. Reading the table with DuckDB and sorting it there took longer
    and three times the memory. A numeric without precision would become DOUBLE, so amounts are cast to the report
    type's precision and scale.
    """
    query = source.literal_query({"amount": "numeric(18,2)"}).replace("'", "''")
    statement = f"COPY (FROM postgres_query('bank', '{query}')) TO '/dev/null' ({options})"
    (rows,) = _connect(source.url).execute(statement).fetchone() or (0,)
    return int(rows)
