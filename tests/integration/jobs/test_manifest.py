"""The manifest of a split report: its list, and the proof that the files add up to the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from resma.errors import LeaseLostError, ManifestMismatchError
from resma.jobs.report_rows import FailedFile
from tests.support.statements import AS_OF, HEADINGS, ManifestRuns, statements
from tests.support.system import System
from tests.support.verify_split import verify


@pytest.fixture
def runs(system: System, admin: Connection[TupleRow]) -> ManifestRuns:
    """Split reports whose shards are done."""
    return ManifestRuns(system, admin)


def test_an_independent_verifier_confirms_manifest_list_and_files(runs: ManifestRuns, tmp_path: Path) -> None:
    record = runs.write(runs.insert(statements(250, ("CSV", "PDF"))))
    assert record is not None
    runs.download(record, tmp_path)
    assert verify(tmp_path, HEADINGS) == []


def test_the_manifest_describes_the_report(runs: ManifestRuns) -> None:
    split = statements(3, ("CSV", "PDF"))
    report_id = runs.insert(split)
    record = runs.write(report_id)
    assert record is not None
    assert record["zip"] is None
    assert runs.manifest(record) == {
        "version": 1,
        "reportId": str(report_id),
        "type": "TRANSACTIONS",
        "title": "Transactions",
        "formats": ["CSV", "PDF"],
        "splitBy": ["account"],
        "filters": {},
        "asOf": AS_OF,
        "snapshots": 1,
        "keys": 3,
        "files": 6,
        "rows": 6,
        "totals": [{"currency": "BRL", "rows": 6, "amounts": {"amount": "6.60"}}],
        "totalsOmitted": 0,
        "controlTotals": None,
        "list": {"object": f"demo/{report_id}/1.manifest.ndjson.gz"}
        | {name: record["list"][name] for name in ("bytes", "sha256")},
        "zip": None,
        "failedFormats": [],
    }


def test_the_manifest_has_the_control_totals(runs: ManifestRuns) -> None:
    report_id = runs.insert(statements(3))
    control = [{"currency": "BRL", "rows": None, "amounts": {"amount": {"report": "6.60", "control": "6.6"}}}]
    runs.admin.execute("UPDATE resma.reports SET control_totals = %s", (Jsonb(control),))
    record = runs.write(report_id)
    assert record is not None
    assert runs.manifest(record)["controlTotals"] == control


def test_each_line_of_the_list_describes_a_file(runs: ManifestRuns) -> None:
    split = statements(3, ("PDF", "CSV"))
    report_id = runs.insert(split)
    record = runs.write(report_id)
    assert record is not None
    lines = runs.lines(record)
    assert lines == list(split.manifest_lines(f"demo/{report_id}/"))
    assert list(lines[0]) == [
        *("number", "key", "format", "name", "object", "bytes", "rows", "totals", "sha256", "pages", "snapshot")
    ]


def test_equal_reports_have_equal_lists(runs: ManifestRuns) -> None:
    """The list has no timestamp: a later attempt writes the same bytes."""
    report_id = runs.insert(statements(50))
    first = runs.write(report_id)
    runs.admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp(), attempts_allowed = 5")
    second = runs.write(report_id)
    assert first is not None
    assert second is not None
    assert first["list"]["sha256"] == second["list"]["sha256"]
    assert first["list"]["object_key"] != second["list"]["object_key"]


def test_keys_may_be_null_and_have_several_columns(runs: ManifestRuns) -> None:
    split = statements(0, by=("account", "branch"))
    keys = [("A", None), ("A", "é"), (None, None)]
    split = type(split)(keys=keys, by=("account", "branch"))
    report_id = runs.insert(split)
    record = runs.write(report_id)
    assert record is not None
    assert [line["key"] for line in runs.lines(record)] == [
        {"account": "A", "branch": None},
        {"account": "A", "branch": "é"},
        {"account": None, "branch": None},
    ]


def test_a_report_without_rows_has_an_empty_list(runs: ManifestRuns) -> None:
    report_id = runs.insert(statements(0))
    runs.admin.execute("UPDATE resma.reports SET totals = '[]'")
    record = runs.write(report_id)
    assert record is not None
    assert runs.lines(record) == []
    manifest = runs.manifest(record)
    assert (manifest["keys"], manifest["files"], manifest["rows"], manifest["snapshots"]) == (0, 0, 0, 0)


def test_files_of_a_failed_format_are_not_listed(runs: ManifestRuns) -> None:
    report_id = runs.insert(statements(3, ("CSV", "PDF"), failed=[(2, "PDF")]))
    failed = FailedFile(format="PDF", code="format-limit-exceeded", detail="The cell has too many characters.", row=1)
    record = runs.write(report_id, (failed,))
    assert record is not None
    manifest = runs.manifest(record)
    assert (manifest["formats"], manifest["files"], manifest["failedFormats"]) == (["CSV"], 3, [failed])
    assert {line["format"] for line in runs.lines(record)} == {"CSV"}


def test_the_manifest_says_how_many_snapshots_the_files_are_from(runs: ManifestRuns) -> None:
    report_id = runs.insert(statements(3))
    runs.admin.execute("UPDATE resma.report_files SET snapshot = 3 WHERE number = 2")
    record = runs.write(report_id)
    assert record is not None
    assert runs.manifest(record)["snapshots"] == 2
    assert [line["snapshot"] for line in runs.lines(record)] == [1, 3, 1]


MISMATCHES = {
    "a missing file": (
        "DELETE FROM resma.report_files WHERE number = 2 AND format = 'PDF'",
        "PDF: there are 2 files for 3 keys. There is no file number 2.",
    ),
    "no last file": (
        "DELETE FROM resma.report_files WHERE number = 3 AND format = 'CSV'",
        "CSV: there are 2 files for 3 keys.",
    ),
    "a file that was not made, of a format that did not fail": (
        "UPDATE resma.report_files SET object_key = NULL, error_code = 'format-limit-exceeded'"
        " WHERE number = 1 AND format = 'CSV'",
        "CSV: there are 2 files for 3 keys. There is no file number 1.",
    ),
    "a file of an unknown key": (
        "UPDATE resma.report_files SET number = 7 WHERE number = 3 AND format = 'CSV'",
        "CSV: there are 3 files for 3 keys. There is no file number 3.",
    ),
    "too many keys": (
        "UPDATE resma.reports SET keys_expected = 4",
        "CSV: there are 3 files for 4 keys.",
    ),
    "a row too many in a file": (
        "UPDATE resma.report_files SET rows = rows + 1000 WHERE number = 1 AND format = 'PDF'",
        "PDF: the files have 1,006 rows, and the report has 6.",
    ),
    "rows of a currency": (
        "UPDATE resma.report_files SET totals = jsonb_set(totals, '{0,rows}', '0') WHERE number = 3 AND format = 'CSV'",
        "CSV: the files have 5 rows of currency BRL, and the report has 6.",
    ),
    "the last digit of a total": (
        "UPDATE resma.report_files SET totals = jsonb_set(totals, '{0,amounts,amount}', '\"2.2000000000000000000001\"')"
        " WHERE number = 1 AND format = 'CSV'",
        "CSV: `amount` of currency BRL is 6.6000000000000000000001 in the files, and 6.60 in the report.",
    ),
    "a total that is not a number": (
        "UPDATE resma.reports SET totals = jsonb_set(totals, '{0,amounts,amount}', '\"NaN\"')",
        "CSV: `amount` of currency BRL is 6.60 in the files, and NaN in the report.",
    ),
    "an amount that the report does not have": (
        "UPDATE resma.report_files SET totals = jsonb_set(totals, '{0,amounts,fee}', '\"0\"') WHERE number = 2",
        "CSV: `fee` of currency BRL is 0 in the files, and missing in the report.",
    ),
    "a currency that the report does not have": (
        "UPDATE resma.report_files SET totals = jsonb_set(totals, '{0,currency}', '\"EUR\"') WHERE number = 2",
        "CSV: file 2 has 3 rows of currency EUR, and the report has 0.",
    ),
    "a currency that no file has": (
        "UPDATE resma.reports SET totals = totals || jsonb_build_array(jsonb_set(totals -> 0, '{currency}', 'null'))",
        "CSV: the files have 0 rows, and the report has 6.",
    ),
    "a total beyond those of the status": (
        "UPDATE resma.reports SET totals_omitted = 1, further_totals ="
        ' \'[{"currency": "EUR", "rows": 1, "amounts": {"amount": "1"}}]\'',
        "CSV: the files have 0 rows of currency EUR, and the report has 1.",
    ),
    "names that differ only in case": (
        "UPDATE resma.report_files SET name = CASE number WHEN 1 THEN 'STATEMENT-2.csv' ELSE name END"
        " WHERE format = 'CSV'",
        "Two files of the report have the name",
    ),
    "the name of the manifest": (
        "UPDATE resma.report_files SET name = 'Manifest.JSON' WHERE number = 1 AND format = 'CSV'",
        "Two files of the report have the name Manifest.JSON, if case is ignored.",
    ),
}


@pytest.mark.parametrize(("change", "message"), MISMATCHES.values(), ids=MISMATCHES)
def test_a_mismatch_fails_the_report_with_both_numbers(runs: ManifestRuns, change: str, message: str) -> None:
    report_id = runs.insert(statements(3, ("CSV", "PDF")))
    runs.admin.execute(change.encode())
    with pytest.raises(ManifestMismatchError) as raised:
        runs.write(report_id)
    assert raised.value.code == "manifest-mismatch"
    assert str(raised.value).startswith(message)
    assert not [key for key in runs.system.objects() if key.startswith(f"demo/{report_id}/1.manifest.")]
    assert runs.system.open_uploads() == []


def test_totals_of_more_currencies_than_a_summary_has_are_not_compared(runs: ManifestRuns) -> None:
    report_id = runs.insert(statements(3))
    runs.admin.execute("UPDATE resma.reports SET totals_omitted = 7")
    runs.admin.execute("UPDATE resma.report_files SET totals = '[]' WHERE number = 2")
    record = runs.write(report_id)
    assert record is not None
    assert runs.manifest(record)["totalsOmitted"] == 7


def test_an_amount_with_too_many_digits_to_be_shown_is_not_compared(runs: ManifestRuns) -> None:
    report_id = runs.insert(statements(3))
    runs.admin.execute("UPDATE resma.reports SET totals = jsonb_set(totals, '{0,amounts,amount}', '\"1.5E+120\"')")
    assert runs.write(report_id) is not None


def test_a_worker_that_has_lost_the_lease_writes_no_manifest(
    runs: ManifestRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_id = runs.insert(statements(3))

    def lose_lease(*_: object) -> None:
        runs.admin.execute("UPDATE resma.reports SET attempt = attempt + 1")

    monkeypatch.setattr("tests.support.statements.Checkpoints", lose_lease)
    with pytest.raises(LeaseLostError):
        runs.write(report_id)
