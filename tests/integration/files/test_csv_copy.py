"""CSV files can be loaded into Postgres with COPY: they have the same rows and strings."""

from __future__ import annotations

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.report.format_options import FormatOptions
from resma.writers import make_writer
from tests.support.csv_samples import LONE
from tests.support.sample_reports import header, rows_of, write


@pytest.mark.parametrize("columns", [1, 2])
def test_copy_loads_every_row(admin: Connection[TupleRow], columns: int) -> None:
    data = write(make_writer("CSV", header(["text"] * columns, len(LONE)), FormatOptions()), rows_of([LONE] * columns))
    names = [f"c{i}" for i in range(columns)]
    admin.execute(f"CREATE TEMP TABLE copied ({' text, '.join(names)} text, n serial)")
    with admin.cursor().copy(f"COPY copied ({', '.join(names)}) FROM STDIN (FORMAT csv, HEADER match)") as copy:
        copy.write(data)
    read = [row[0] for row in admin.execute("SELECT c0 FROM copied ORDER BY n")]
    assert read == (LONE if columns > 1 else [text or "" for text in LONE])
    admin.execute("DROP TABLE copied")


def test_a_single_column_of_numbers_is_loaded_as_documented(admin: Connection[TupleRow]) -> None:
    numbers = ["1", None, "-3"]
    data = write(make_writer("CSV", header(["integer"], 3), FormatOptions()), rows_of([numbers]))
    admin.execute("CREATE TEMP TABLE copied (c0 bigint, n serial)")
    with admin.cursor().copy("COPY copied (c0) FROM STDIN (FORMAT csv, HEADER, FORCE_NULL (c0))") as copy:
        copy.write(data)
    assert [row[0] for row in admin.execute("SELECT c0 FROM copied ORDER BY n")] == [1, None, -3]
    admin.execute("DROP TABLE copied")
