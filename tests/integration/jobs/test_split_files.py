"""Files of split reports: many keys, odd keys, warnings of their formats, and control totals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.catalog import load_catalog, organization_of
from resma.jobs.report_rows import tenant_name
from resma.snapshot.compose_header import compose_header
from resma.snapshot.snapshot import open_snapshot
from resma.snapshot.summarize import summarize
from resma.writers import make_writer
from tests.support.split_jobs import AS_OF, REPORT_ID, SplitReports
from tests.support.system import System

REPORT = """title = "Statements"
file_name = "statements"
sort = ["account", "id"]

[split]
by = ["account"]
file_name = "statement-{account}"

[pdf]
cover = false
contents = false

[totals]
amounts = ["amount"]
currency = "currency"

[balance]
column = "balance"
amount = "amount"

[columns]
account = "text"
id = "integer"
memo = "text"
currency = "text"
amount = { kind = "amount", scale = 2 }
balance = { kind = "amount", scale = 2 }

[filters]
account = { kind = "text", required = true, max_length = 300 }
"""
QUERY = """SELECT *, sum(amount) OVER (PARTITION BY account ORDER BY id) AS balance
FROM (
    SELECT account, i AS id, CASE WHEN k %% 7 = 0 THEN chr(67840) ELSE 'memo' END AS memo,
           CASE WHEN i = 2 THEN 'USD' ELSE 'EUR' END AS currency, (k * 1.25 + i)::numeric(20, 2) AS amount
    FROM ({keys}) AS keys (k, account) CROSS JOIN generate_series(1, 3) AS i
) AS bookings
WHERE %(tenant_id)s::text = 'demo' AND (%(account)s::text IS NULL OR account = %(account)s)"""
CONTROL = """SELECT currency, sum(amount) AS amount
FROM (
    SELECT account, CASE WHEN i = 2 THEN 'USD' ELSE 'EUR' END AS currency, (k * 1.25 + i)::numeric(20, 2) AS amount
    FROM ({keys}) AS keys (k, account) CROSS JOIN generate_series(1, 3) AS i
) AS ledger
WHERE %(tenant_id)s::text = 'demo' AND (%(account)s::text IS NULL OR account = %(account)s){more}
GROUP BY currency"""
KEYS = 200
MANY = f"SELECT k, 'A' || lpad(k::text, 4, '0') FROM generate_series(1, {KEYS}) AS k"
FEW_KEYS = 21
LARGE_ROWS = 300_000
"""Number of rows of a key whose CSV file has several parts. An ETag with a hyphen is that of an object of parts."""
FEW = f"SELECT k, 'A' || lpad(k::text, 4, '0') FROM generate_series(1, {FEW_KEYS}) AS k"
ODD = [
    None,
    "x" * 199 + "y",
    "x" * 199 + "z",
    "abc",
    "ABC",
    "Abc",
    "äbc",
    'say "it\'s"; --',
    "a/b\\c",
    "../../etc/passwd",
    "\U0001f600 emoji",
    "%(tenant_id)s {account}",
    "CON",
]


@pytest.fixture(autouse=True)
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes a catalog for the type STATEMENTS, small shards, and the time that all files state."""
    folder = tmp_path / "catalog" / "statements"
    folder.mkdir(parents=True)
    monkeypatch.setenv("RESMA_CATALOG", str(folder.parent))
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")
    monkeypatch.setattr("worker.split.plan.SHARD_COST", 900)
    monkeypatch.setattr("resma.snapshot.snapshot.summarize", lambda *given: replace(summarize(*given), as_of=AS_OF))
    return folder


@pytest.fixture
def splits(system: System, admin: Connection[TupleRow]) -> SplitReports:
    """A split report that a test can run repeatedly."""
    return SplitReports(system, admin)


def _write(folder: Path, keys: str, control: str | None = None, unless: str = "") -> None:
    report = REPORT + ("[control]\n" + unless if control is not None else "")
    if unless:  # a filter that is always set cannot be in it, and a balance needs such a filter
        balance = '[balance]\ncolumn = "balance"\namount = "amount"\n'
        report = report.replace(balance, "").replace("required = true, ", "")
    (folder / "report.toml").write_text(report)
    (folder / "query.sql").write_text(QUERY.replace("{keys}", keys))
    if control is not None:
        (folder / "control.sql").write_text(control)


def _generate(splits: SplitReports, **request: Any) -> Any:
    """Runs the report; returns it as the API shows it."""
    splits.request_report(**{"type": "STATEMENTS", "splitBy": ["account"], "formats": ["CSV", "PDF"], **request})
    outcome = splits.coordinate()
    assert outcome in {"READY", "FAILED"}, (outcome, splits.errors())
    return splits.system.show(REPORT_ID)


def _single_files(splits: SplitReports, accounts: list[str]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yields the files of single reports for each account, all from one snapshot."""
    report_type, report = load_catalog()["STATEMENTS"], splits.row()
    organization = organization_of(tenant_name(splits.admin, "demo"))
    with psycopg.connect(splits.system.database_url) as connection:
        for account in accounts:
            content = replace(report, filters={"account": account})
            with open_snapshot(connection, report_type, "demo", content.filters) as snapshot:
                summary = snapshot.summarize()
                types = snapshot.decimal_types()
                header = compose_header(
                    report_type, content, str(REPORT_ID), summary, organization, decimal_types=types
                )
                names = [column.name for column in header.columns]
                batches = list(snapshot.batches(names, personal_masked=False))
            files = {}
            for format_ in ("CSV", "PDF"):
                writer = make_writer(format_, header)
                files[format_] = writer.begin() + b"".join(writer.add(batch) for batch in batches) + writer.end()
            yield account, files


def _numbers(splits: SplitReports) -> dict[str | None, int]:
    rows = splits.admin.execute("SELECT DISTINCT key[1], number FROM resma.report_files").fetchall()
    return dict(rows)


def _single_report(splits: SplitReports, account: str, formats: list[str]) -> dict[str, bytes]:
    """Requests a report of one key, and returns its files as the worker has stored them."""
    single = _generate(splits, splitBy=None, formats=formats, filters={"account": account})
    assert single["status"] == "READY", single["error"]
    return {
        file["format"]: splits.system.s3.get_object(Bucket=splits.system.bucket, Key=file["object_key"])["Body"].read()
        for file in splits.row().files or []
    }


def test_each_of_many_files_equals_that_of_a_single_report(splits: SplitReports, catalog: Path) -> None:
    _write(catalog, MANY)
    report = _generate(splits)
    assert (report["split"]["keys"], report["split"]["files"], report["split"]["filesFailed"]) == (KEYS, 2 * KEYS, 0)
    assert report["split"]["shards"]["total"] > 3
    made, numbers = splits.contents(), _numbers(splits)
    assert len(made) == 2 * KEYS
    for number in range(1, KEYS + 1):
        account, formats = f"A{number:04}", ["CSV", "PDF"] if number % 4 == 0 else ["CSV"]
        files = _single_report(splits, account, formats)
        assert list(files) == formats
        for format_, data in files.items():
            assert data == made[numbers[account], format_], (account, format_)


def test_a_key_of_many_parts_beside_small_ones(splits: SplitReports, catalog: Path) -> None:
    _write(catalog, FEW)
    query = (catalog / "query.sql").read_text()
    rows = f"generate_series(1, CASE WHEN k = 5 THEN {LARGE_ROWS} ELSE 3 END) AS i"
    (catalog / "query.sql").write_text(query.replace("generate_series(1, 3) AS i", rows))
    report = _generate(splits, formats=["CSV"])
    assert report["status"] == "READY", report["error"]
    assert report["rows"] == LARGE_ROWS + 3 * (FEW_KEYS - 1)
    made, numbers = splits.contents(), _numbers(splits)
    assert len(made) == FEW_KEYS
    for account, is_large in (("A0004", False), ("A0005", True), ("A0006", False)):
        (key,) = splits.admin.execute(
            "SELECT object_key FROM resma.report_files WHERE number = %s", (numbers[account],)
        ).fetchone() or ("",)
        assert ("-" in splits.system.s3.head_object(Bucket=splits.system.bucket, Key=key)["ETag"]) is is_large
    assert made[numbers["A0005"], "CSV"].count(b"\n") > LARGE_ROWS
    for account in ("A0004", "A0005", "A0006"):
        assert _single_report(splits, account, ["CSV"])["CSV"] == made[numbers[account], "CSV"], account


def test_the_balance_of_a_split_report_is_null_and_warnings_are_added_up(splits: SplitReports, catalog: Path) -> None:
    _write(catalog, FEW)
    report = _generate(splits)
    assert report["balance"] is None
    assert splits.system.call_api("GET", f"/api/v1/reports/{REPORT_ID}/summary")[2]["balance"] is None
    files = FEW_KEYS // 7
    (warning,) = report["warnings"]
    assert {name: warning[name] for name in ("code", "format", "column", "row", "rows", "files", "file")} == {
        "code": "characters-without-font",
        "format": "PDF",
        "column": "memo",
        "row": 1,
        "rows": 3 * files,
        "files": files,
        "file": 7,
    }
    assert warning["detail"].startswith(f"{files} files, the first of which is number 7: ")


def test_odd_keys_have_the_files_of_single_reports(splits: SplitReports, catalog: Path) -> None:
    rows = ", ".join(
        f"({number}, {psycopg.sql.Literal(key).as_string(None)}::text)".replace("%", "%%")
        for number, key in enumerate(ODD, 1)
    )
    _write(catalog, f"SELECT * FROM (VALUES {rows}) AS given")
    report = _generate(splits)
    assert report["status"] == "READY", report["error"]
    made, numbers = splits.contents(), _numbers(splits)
    assert set(numbers) == set(ODD)
    names = splits.admin.execute("SELECT name FROM resma.report_files").fetchall()
    assert len({name.lower() for (name,) in names}) == 2 * len(ODD)
    assert all(name.isascii() and not set(name) & set('/\\"%{} ') for (name,) in names)
    for account in filter(None, ODD):
        for format_, data in _single_report(splits, account, ["CSV", "PDF"]).items():
            assert data == made[numbers[account], format_], (account, format_)


@pytest.mark.parametrize("unless", ["", 'unless_filtered_by = ["account"]\n'])
def test_control_totals_are_those_of_the_whole_report(splits: SplitReports, catalog: Path, unless: str) -> None:
    _write(catalog, FEW, CONTROL.format(keys=FEW, more=""), unless)
    report = _generate(splits)
    assert report["status"] == "READY", report["error"]
    total = sum(k * 125 + 200 for k in range(1, FEW_KEYS + 1))
    (dollars,) = [item for item in report["controlTotals"] if item["currency"] == "USD"]
    assert dollars["amounts"]["amount"]["report"] == dollars["amounts"]["amount"]["control"] == f"{total / 100:.2f}"
    key = splits.row().manifest["manifest"]["object_key"]  # type: ignore[index]
    manifest = json.loads(splits.system.s3.get_object(Bucket=splits.system.bucket, Key=key)["Body"].read())
    assert manifest["controlTotals"] == report["controlTotals"]
    made, numbers = splits.contents(), _numbers(splits)
    for account, files in _single_files(splits, ["A0001", "A0019"]):
        assert files["CSV"] == made[numbers[account], "CSV"]
        # Without `unless_filtered_by` a single report has a line with the control totals of its rows.
        assert (files["PDF"] == made[numbers[account], "PDF"]) is bool(unless)


def test_a_report_whose_control_totals_differ_has_no_files(splits: SplitReports, catalog: Path) -> None:
    _write(catalog, FEW, CONTROL.format(keys=FEW, more=" AND account <> 'A0012'"))
    report = _generate(splits)
    assert (report["status"], report["error"]["code"]) == ("FAILED", "control-mismatch")
    assert {item["currency"] for item in report["controlTotals"]} == {"EUR", "USD"}
    assert splits.shards() == []
    assert splits.system.objects() == []
