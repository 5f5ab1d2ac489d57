"""Control totals: the control query of a report type is compared with its totals before anything is published."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from pypdf import PdfReader

import worker.app
from resma.snapshot import cursor
from tests.support.cut_reports import Cuts, Reports
from tests.support.http_receivers import receiver, status
from tests.support.system import FunctionContext, System

REPORT = """title = "Ledger"
sort = ["id"]

[totals]
amounts = ["debit", "credit"]
{currency}
[columns]
id = "integer"
debit = {{ kind = "amount", scale = 2 }}
credit = {{ kind = "amount", scale = 2 }}
currency = "text"

[filters]
at_most = "integer"
name = "text"

[pdf]
cover = {cover}

[limits]
statement_timeout_seconds = 2

[control]
unless_filtered_by = ["name"]
"""
QUERY = """SELECT i AS id, i * 1.5 AS debit, NULL::numeric AS credit,
       CASE WHEN i = 3 THEN 'USD' ELSE 'EUR' END AS currency
FROM generate_series(1, coalesce(%(at_most)s::bigint, 3)) AS i
WHERE %(tenant_id)s::text IS NOT NULL AND (%(name)s::text IS NULL OR i = 1)"""
TAIL = "WHERE %(tenant_id)s::text = 'demo' AND (%(at_most)s::bigint IS NULL OR true)"
AGREES = f"""SELECT *
FROM (VALUES (4.5, 0.00, 'USD', 1), (4.500, NULL, 'EUR', 2), (0, 0, 'JPY', 0)) AS x (debit, credit, currency, rows)
{TAIL}"""
FORMATS = ["PDF", "XLSX", "PARQUET", "CSV", "NDJSON"]

Write = Callable[..., None]


@pytest.fixture
def write(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the report type LEDGER with a control query; without currencies if `by_currency` is false."""
    folder = tmp_path / "catalog" / "ledger"
    folder.mkdir(parents=True)
    monkeypatch.setenv("RESMA_CATALOG", str(folder.parent))

    def write(control: str, *, by_currency: bool = True, cover: bool = True) -> None:
        currency = 'currency = "currency"\n' if by_currency else ""
        text = REPORT.format(currency=currency, cover=str(cover).lower())
        (folder / "report.toml").write_text(text, encoding="utf-8")
        (folder / "query.sql").write_text(QUERY, encoding="utf-8")
        (folder / "control.sql").write_text(control, encoding="utf-8")

    return write


def generate(system: System, **request: Any) -> Any:
    """Runs one attempt of a report. Returns it as the API shows it afterwards."""
    report_id = system.request_report(**{"type": "LEDGER", "formats": ["CSV"], **request})
    system.work_once()
    return system.show(report_id)


def values(*rows: str, columns: str = "debit, credit, currency") -> str:
    """Returns a control query with these rows, each as SQL."""
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS x ({columns})\n{TAIL} -- at the end"


def pair(value: Any, control: Any = None) -> dict[str, Any]:
    return {"report": value, "control": value if control is None else control}


def test_equal_totals_are_shown_in_status_events_and_files(
    system: System, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")
    write(AGREES)
    with receiver(status(204)) as server:
        report = generate(system, formats=FORMATS, callbackUrl=server.url)
        assert report["status"] == "READY", report["error"]
        (envelope,) = system.events()
        system.deliver(envelope)
        (request,) = server.requests
    expected = [
        {"currency": "EUR", "rows": pair(2), "amounts": {"debit": pair("4.50", "4.500"), "credit": pair("0", "0")}},
        {"currency": "USD", "rows": pair(1), "amounts": {"debit": pair("4.50", "4.5"), "credit": pair("0", "0.00")}},
    ]
    assert report["controlTotals"] == expected
    _, _, summary = system.call_api("GET", f"/api/v1/reports/{report['id']}/summary")
    assert summary["controlTotals"] == expected
    for body in (envelope["Message"], request.body):
        assert json.loads(body)["data"]["controlTotals"] == expected
    cells = sheet(system, report["id"])
    at = cells.index(["Control totals agree"])
    assert cells[at + 1 :] == [["EUR Debit", 2, 4.5], ["EUR Credit", 2, 0], ["USD Debit", 1, 4.5], ["USD Credit", 1, 0]]
    line = "Control totals agree: EUR Debit 4.500; EUR Credit 0; USD Debit 4.5; USD Credit 0.00"
    assert line in page(system, report["id"])


def sheet(system: System, report_id: str) -> list[list[Any]]:
    """Returns the cells of the summary sheet that are not empty, by row."""
    book = openpyxl.load_workbook(io.BytesIO(content(system, report_id, "xlsx")))
    rows = book.worksheets[0].iter_rows(values_only=True)
    return [cells for row in rows if (cells := [cell for cell in row if cell is not None])]


def page(system: System, report_id: str) -> str:
    """Returns the text of the first page of the PDF."""
    return PdfReader(io.BytesIO(content(system, report_id, "pdf"))).pages[0].extract_text()


def content(system: System, report_id: str, extension: str) -> bytes:
    key = f"demo/{report_id}/1.{extension}"
    return system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read()


@pytest.mark.parametrize("cover", [True, False], ids=["cover", "letterhead"])
@pytest.mark.parametrize(
    ("locale", "line"),
    [
        ("pt-BR", "Totais de controle conferem: Debit 9,0; Credit 0,00"),
        ("de-DE", "Kontrollsummen stimmen überein: Debit 9,0; Credit 0,00"),
        ("ja-JP", "管理合計と一致: Debit 9.0; Credit 0.00"),
    ],
)
def test_a_pdf_says_it_in_its_language(system: System, write: Write, cover: bool, locale: str, line: str) -> None:
    write(values("(9.0, 0.00)", columns="debit, credit"), by_currency=False, cover=cover)
    report = generate(system, formats=["PDF"], locale=locale)
    assert report["status"] == "READY", report["error"]
    assert line in page(system, report["id"])


@pytest.mark.parametrize(
    ("rows", "difference"),
    [
        (["(4.50, 0, 'EUR')", "(4.51, 0, 'USD')"], "USD debit: report 4.50, control 4.51"),
        (["(4.50, 0, 'EUR')", "(4.500000000000000000001, 0, 'USD')"], "control 4.500000000000000000001"),
        (["(4.50, 0, 'EUR')", "(4.5, 'NaN'::numeric, 'USD')"], "USD credit: report 0, control NaN"),
        (["(4.50, 0, 'EUR')", "(NULL, 0, 'USD')"], "USD debit: report 4.50, control 0"),
        (["(4.50, 0, 'EUR')"], "USD debit: report 4.50, control 0"),
        (["(4.5, 0, 'EUR')", "(4.5, 0, 'USD')", "(1, 0, NULL)"], ":  debit: report 0, control 1"),
    ],
    ids=["value", "digits", "nan", "null", "missing", "extra"],
)
def test_a_difference_fails_the_report_in_all_formats(
    system: System, write: Write, rows: list[str], difference: str
) -> None:
    write(values(*rows))
    report = generate(system, formats=FORMATS)
    assert (report["status"], report["error"]["code"], report["attempt"]) == ("FAILED", "control-mismatch", 1)
    assert difference in report["error"]["detail"]
    assert (report["files"], system.objects(), system.open_uploads()) == (None, [], [])
    differing = report["controlTotals"][0]["amounts"]
    assert any(amount["report"] != amount["control"] for amount in differing.values())
    (envelope,) = system.events()
    data = json.loads(envelope["Message"])["data"]
    assert (data["controlTotals"], data["error"]["code"]) == (report["controlTotals"], "control-mismatch")


def test_row_counts_are_compared_if_the_query_returns_them(system: System, write: Write) -> None:
    write(values("(4.5, 0, 'USD', 1)", "(4.5, 0, 'EUR', 3)", columns="debit, credit, currency, rows"))
    report = generate(system)
    assert report["error"]["code"] == "control-mismatch"
    assert "EUR rows: report 2, control 3" in report["error"]["detail"]
    assert report["controlTotals"][0]["rows"] == {"report": 2, "control": 3}


def test_differences_are_bounded(system: System, write: Write) -> None:
    write(
        f"SELECT i AS debit, i AS credit, rpad('C' || i, 150, 'x') AS currency FROM generate_series(1, 9000) i {TAIL}"
    )
    report = generate(system)
    assert report["error"]["code"] == "control-mismatch"
    assert "and 17,997 more differences" in report["error"]["detail"]
    assert len(report["error"]["detail"]) < 2000
    assert len(report["controlTotals"]) == 20
    assert len(report["controlTotals"][-1]["currency"]) == 100


def test_no_row_is_zero(system: System, write: Write) -> None:
    write(values("(1, 1, 'EUR')") + "\nAND false")
    report = generate(system, filters={"at_most": 0})
    assert (report["status"], report["rows"], report["controlTotals"]) == ("READY", 0, []), report["error"]


def test_a_filter_can_exclude_the_control_query(system: System, write: Write) -> None:
    write(values("(1, 1, 'EUR')"))
    assert generate(system)["error"]["code"] == "control-mismatch"
    report = generate(system, filters={"name": "x"})
    assert (report["status"], report["rows"], report["controlTotals"]) == ("READY", 1, None), report["error"]


@pytest.mark.parametrize(
    ("control", "detail"),
    [
        (values("(4.5, 'EUR')", columns="debit, currency"), "It does not return the column 'credit'. Add it."),
        (values("(4.5, 0)", columns="debit, credit"), "It does not return the column 'currency'. Add it."),
        (values("(1, 'x', 'y')"), "Column 'credit' is of type text. It must be a number."),
        (
            values("(1, 2, 'y', 3)", columns="debit, credit, currency, row"),
            "Column 'row' is not one of the totals. Use 'rows'.",
        ),
        (
            values("(1, 2, 'y', 1.5)", columns="debit, credit, currency, rows"),
            "Column 'rows' is 1.5. It must be a whole number.",
        ),
        (values("(1, 2, 3)", columns="debit, debit, currency"), "Two columns have the name 'debit'"),
        (
            values("(4.5, 0, 'EUR')", "(4.5, 0, 'USD')", "(0, 0, 'USD')"),
            "returns several rows for the currency 'USD'. It must return one row for each currency.",
        ),
        (
            f"SELECT i AS debit, i AS credit, i AS currency FROM generate_series(1, 10001) i {TAIL}",
            "returns more than 10,000 rows",
        ),
        ("SELECT nothing AS debit " + TAIL, 'column "nothing" does not exist'),
    ],
)
def test_a_query_that_returns_something_else_fails_the_report(
    system: System, write: Write, control: str, detail: str
) -> None:
    write(control)
    report = generate(system)
    assert (report["status"], report["error"]["code"]) == ("FAILED", "query-invalid")
    assert detail in report["error"]["detail"]


def test_without_currencies_it_must_return_one_row(system: System, write: Write) -> None:
    write(values("(9, 0)", "(0, 0)", columns="debit, credit"), by_currency=False)
    assert "returns several rows. It must return one row." in generate(system)["error"]["detail"]
    write(values("(9, 0)", columns="debit, credit"), by_currency=False)
    report = generate(system)
    assert report["controlTotals"] == [
        {"currency": None, "rows": None, "amounts": {"debit": pair("9.00", "9"), "credit": pair("0")}}
    ]


def test_floats_and_money_are_compared_exactly(system: System, write: Write) -> None:
    write(values("(9::float8, 0::money)", columns="debit, credit"), by_currency=False)
    assert generate(system)["status"] == "READY"
    write(values("(9.000000000000002::float8, 0::money)", columns="debit, credit"), by_currency=False)
    assert "report 9.00, control 9.000000000000002" in generate(system)["error"]["detail"]


SLOW = values("(9, 0)", columns="debit, credit") + "\nAND pg_sleep(20) IS NOT NULL"


def test_it_has_the_limits_of_the_report_type(system: System, write: Write) -> None:
    write(SLOW, by_currency=False)
    report = generate(system)
    assert (report["status"], report["error"]["code"]) == ("PENDING", "database-busy")
    assert "The control query of LEDGER ran longer than its limit of 2 s" in report["error"]["detail"]


def test_it_ends_before_its_invocation_does(system: System, write: Write) -> None:
    class ShortContext(FunctionContext):
        def get_remaining_time_in_millis(self) -> int:
            return 2_000

    write(SLOW, by_currency=False)
    report_id = system.request_report(type="LEDGER", format="CSV")
    (record,) = system.receive()
    assert worker.app.handler({"Records": [record]}, ShortContext())["batchItemFailures"]  # type: ignore[arg-type]
    detail = system.show(report_id)["error"]["detail"]
    assert "The control query of LEDGER" in detail
    assert "WorkerTimeoutSeconds" in detail


def test_it_sees_the_rows_of_one_tenant(system: System, write: Write) -> None:
    """Row level security applies, whatever its conditions are."""
    write(
        f"SELECT 9 AS debit, 0 * count(DISTINCT tenant_id) + 0 AS credit FROM bank.accounts {TAIL}", by_currency=False
    )
    assert generate(system)["status"] == "READY"
    write(f"SELECT 9 AS debit, count(DISTINCT tenant_id) AS credit FROM bank.accounts {TAIL}", by_currency=False)
    assert "credit: report 0, control 1." in generate(system)["error"]["detail"]


@pytest.fixture
def ledger_of(admin: Connection[TupleRow]) -> Iterator[Callable[[str], None]]:
    """Inserts a transaction with a currency that no other has."""

    def book(currency: str) -> None:
        admin.execute(
            "INSERT INTO bank.transactions VALUES"
            " ('demo', 2 * 10^9, 'x', '2190-06-01', 'FEE', 'BOOKED', 'control', NULL, %s, 1)",
            (currency,),
        )

    yield book
    admin.execute("DELETE FROM bank.transactions WHERE description = 'control'")


def test_a_report_that_continues_is_compared_once(
    reports: Reports, cuts: Cuts, write: Write, monkeypatch: pytest.MonkeyPatch, ledger_of: Callable[[str], None]
) -> None:
    """The second attempt reads another snapshot, whose rows are the same, and in which the control query disagrees."""
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    write(
        "SELECT 67725 AS debit, (SELECT count(*) FROM bank.transactions WHERE currency = 'Q!') AS credit"
        f" FROM (SELECT) AS x {TAIL}",
        by_currency=False,
    )
    cuts.end_invocation = lambda batches: batches == 2
    request = {"type": "LEDGER", "formats": ["PDF", "CSV"], "filters": {"at_most": 300}}
    reports.request_report(request)
    assert reports.work() == "CONTINUED"
    ledger_of("Q!")
    assert reports.work_to_the_end() == ["READY"]
    row = reports.row()
    assert (row.attempt, row.control_totals and row.control_totals[0]["amounts"]["debit"]) == (
        2,
        pair("67725.00", "67725"),
    )
    assert "Control totals agree" in PdfReader(io.BytesIO(reports.contents()["PDF"])).pages[0].extract_text()
    reports.request_report(request)
    assert (reports.work(), reports.row().error_code) == ("FAILED", "control-mismatch")
