"""Errors of the query of a split report end it as they end a single report."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.paths import ROOT
from resma.snapshot.snapshot import Snapshot
from tests.support.split_jobs import SplitReports
from tests.support.system import System

SAMPLES = ROOT / "tests" / "support" / "report_types"


@pytest.fixture
def splits(
    system: System, admin: Connection[TupleRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SplitReports:
    """A split report whose query the test may change. One worker generates all shards."""
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")
    monkeypatch.setenv("RESMA_CATALOG", str(shutil.copytree(SAMPLES, tmp_path / "report_types")))
    return SplitReports(system, admin)


@pytest.mark.parametrize("request_", [{}, {"splitBy": None}])
def test_a_division_by_zero_ends_the_first_attempt(
    splits: SplitReports, tmp_path: Path, request_: dict[str, Any]
) -> None:
    query = tmp_path / "report_types" / "branch_transactions" / "query.sql"
    text = query.read_text(encoding="utf-8")
    query.write_text(text.replace("t.amount\n", "t.amount / (t.amount - t.amount) AS amount\n"), encoding="utf-8")
    splits.request_report(format="CSV", **request_)
    assert splits.coordinate() == "FAILED"
    report = splits.row()
    assert (report.status, report.error_code, report.attempt) == ("FAILED", "query-invalid", 1)
    assert report.error_detail is not None
    assert "22012" in report.error_detail


@pytest.mark.parametrize("method", ["summarize", "plan_shards", "parts"])
def test_an_error_in_any_query_of_a_split_report_is_not_retried(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def fail(self: Snapshot, *_given: Any, **_named: Any) -> None:
        self._connection.execute("SELECT 1 / 0")
        raise AssertionError

    splits.request_report(format="CSV")
    monkeypatch.setattr(Snapshot, method, fail)
    assert splits.coordinate() == "FAILED"
    report = splits.row()
    if method == "parts":
        assert (report.error_code, report.attempt) == ("shards-failed", 1)
        assert splits.shards("status, attempt, error_code") == [("FAILED", 1, "query-invalid")]
    else:
        assert (report.error_code, report.attempt) == ("query-invalid", 1)
