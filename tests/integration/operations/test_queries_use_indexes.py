"""Statements of each scheduler run and of each poll find their rows by an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import Composable

from tests.support.split_files import SplitReport, insert_split
from tests.support.system import System


class _Statement(NamedTuple):
    text: str
    values: Any


@contextmanager
def _recorded_statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[_Statement]]:
    """Yields a list of the statements that are executed in the block."""
    statements: list[_Statement] = []
    execute = psycopg.Cursor.execute

    def record(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
        text = query.as_string(self) if isinstance(query, Composable) else str(query)
        statements.append(_Statement(text, params))
        return execute(self, query, params, **more)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", record)
        yield statements


def _index_conditions(admin: Connection[TupleRow], statements: list[_Statement], words: str, column: str) -> str:
    """Returns the index conditions in the plan of the statement that contains `words`.

    Other plans are disabled: in tables with few rows, chance and old statistics decide which plan is the cheapest.
    """
    statement = next(statement for statement in statements if words in statement.text)
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL enable_seqscan = off")
        admin.execute(
            "UPDATE pg_index SET indisvalid = false FROM pg_class AS index JOIN pg_namespace AS schema"
            " ON schema.oid = relnamespace WHERE index.oid = indexrelid AND nspname = 'resma'"
            " AND strpos(pg_get_indexdef(indexrelid), %s) = 0",
            (column,),
        )
        plan = admin.execute(f"EXPLAIN {statement.text}".encode(), statement.values).fetchall()
    return " ".join(line for (line,) in plan if "Index Cond" in line)


@pytest.mark.parametrize(
    ("words", "column"),
    [
        ("FROM resma.schedules WHERE status = 'ACTIVE'", "due_at"),
        ("DELETE FROM resma.schedule_runs", "started_at"),
        ("DELETE FROM resma.idempotency_keys", "created_at"),
        ("SET status = 'EXPIRED'", "expires_at"),
    ],
)
def test_a_scheduler_run_reads_only_rows_that_are_due(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, words: str, column: str
) -> None:
    with _recorded_statements(monkeypatch) as statements:
        system.run_scheduler()
    assert f"({column} <" in _index_conditions(admin, statements, words, column)


def test_a_poll_reads_only_rows_of_the_last_day(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    report_id = system.request_report(format="CSV")
    with _recorded_statements(monkeypatch) as statements:
        system.show(report_id)
    assert "created_at >" in _index_conditions(admin, statements, "live.*, recent.*", "created_at")


@pytest.mark.parametrize(
    ("query", "condition", "column"),
    [
        ({"limit": "1", "cursor": "1.CSV"}, "ROW(number, format) > ROW(", "number, format"),
        ({"search": "K1"}, "search_text ~>=~ 'k1'", "search_text"),
        ({"status": "failed"}, "report_id = ", "error_code IS NOT NULL"),
    ],
)
def test_a_page_of_files_reads_only_the_files_that_it_shows(  # one for each part of the test
    system: System,
    admin: Connection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
    query: dict[str, str],
    condition: str,
    column: str,
) -> None:
    report_id = system.request_report(format="CSV")
    insert_split(admin, report_id, SplitReport(keys=[(f"K{number}",) for number in range(3)]))
    with _recorded_statements(monkeypatch) as statements:
        status, _, page = system.call_api("GET", f"/api/v1/reports/{report_id}/files", query=query)
    assert status == 200, page
    assert condition in _index_conditions(admin, statements, "FROM resma.report_files WHERE", column)


@pytest.mark.parametrize(
    ("index", "compared"),
    [("unconditional_sha256", "COALESCE(unconditional_sha256"), ("schedule_id", "(schedule_id =")],
)
def test_a_condition_reads_only_reports_of_the_same_request_or_schedule(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, index: str, compared: str
) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2030-01-01"}, onlyIf={"changed": True})
    if index == "schedule_id":
        admin.execute("UPDATE resma.reports SET schedule_id = 'sch_1' WHERE report_id = %s", (report_id,))
    with _recorded_statements(monkeypatch) as statements:
        assert system.work_once()
    conditions = _index_conditions(admin, statements, "summary_sha256, encrypt_for FROM resma.reports", index)
    assert compared in conditions
    assert "created_at <" in conditions
