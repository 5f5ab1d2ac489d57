"""The cases of the benchmark: Resma in each format, and other libraries (peers) for the same purpose."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.results import Group

PEERS = "tests.bench.peers"

FORMATS: tuple[Group, ...] = ("CSV", "NDJSON", "PDF", "XLSX", "PARQUET")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another library. `module` has `write(source, sink)`, which returns the number of rows that it wrote."""

    name: str
    group: Group
    module: str
    rows: int | None = None
    """Number of rows on which a slow library is measured; its time is scaled. None: all rows."""
    in_quick: bool = True
    """Whether `make bench QUICK=1` includes it."""
    needs: str = ""
    """What to install if it cannot be imported."""


COPY = Peer("COPY", "COPY", f"{PEERS}.copy_csv")

# The numbers of rows are such that each takes a few seconds. A goal compares with XlsxWriter, so QUICK includes it.
SLOW = (
    Peer("XlsxWriter constant_memory", "XLSX", f"{PEERS}.xlsxwriter_constant_memory", 50_000),
    Peer("openpyxl write-only", "XLSX", f"{PEERS}.openpyxl_write_only", 20_000, in_quick=False),
    Peer("reportlab canvas", "PDF", f"{PEERS}.reportlab_canvas", 20_000, in_quick=False),
    Peer("reportlab LongTable", "PDF", f"{PEERS}.reportlab_longtable", 5_000, in_quick=False),
    Peer("Typst", "PDF", f"{PEERS}.typst_table", 10_000, in_quick=False),
    Peer("fpdf2", "PDF", f"{PEERS}.fpdf2_table", 2_000, in_quick=False),
    Peer(
        "WeasyPrint",
        "PDF",
        f"{PEERS}.weasyprint_table",
        2_000,
        in_quick=False,
        needs="needs Pango: on Debian and Ubuntu, `apt install libpango-1.0-0 libpangoft2-1.0-0`",
    ),
)

FAST = (
    Peer("csv + default cursor", "CSV", f"{PEERS}.csv_default_cursor"),
    Peer("csv + server-side cursor", "CSV", f"{PEERS}.csv_server_cursor"),
    Peer("pyarrow CSV", "CSV", f"{PEERS}.pyarrow_csv"),
    Peer("ADBC + pyarrow CSV", "CSV", f"{PEERS}.adbc_csv"),
    Peer("DuckDB CSV", "CSV", f"{PEERS}.duckdb_csv"),
    Peer("json.dumps", "NDJSON", f"{PEERS}.json_dumps"),
    Peer("pyarrow Parquet", "PARQUET", f"{PEERS}.pyarrow_parquet"),
    Peer("ADBC + pyarrow Parquet", "PARQUET", f"{PEERS}.adbc_parquet"),
    Peer("DuckDB Parquet", "PARQUET", f"{PEERS}.duckdb_parquet"),
    Peer("rustpy-xlsxwriter", "XLSX", f"{PEERS}.rustpy_generator"),
    Peer("rustpy-xlsxwriter Arrow", "XLSX", f"{PEERS}.rustpy_arrow"),
)


def find_peer(name: str) -> Peer:
    """Returns the peer with a name. Raises KeyError."""
    return {peer.name: peer for peer in (COPY, *FAST, *SLOW)}[name]
