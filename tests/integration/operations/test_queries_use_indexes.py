"""What is asked of the database each minute, or at each poll, finds its rows by an index, and looks at no others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import Composable

from tests.support.system import System


class _Asked(NamedTuple):
    text: str
    values: Any


@contextmanager
def _listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[_Asked]]:
    """All statements that are executed meanwhile."""
    asked: list[_Asked] = []
    execute = psycopg.Cursor.execute

    def listen(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
        text = query.as_string(self) if isinstance(query, Composable) else str(query)
        asked.append(_Asked(text, params))
        return execute(self, query, params, **more)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", listen)
        yield asked


def _index_conditions(admin: Connection[TupleRow], asked: list[_Asked], words: str, column: str) -> str:
    """Of the statement that has these words: what its plan searches the column's indexes for.

    No other way is open to it: in tables of few rows, chance and old statistics decide which way is the cheapest.
    """
    statement = next(one for one in asked if words in one.text)
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL enable_seqscan = off")
        admin.execute(
            "UPDATE pg_index SET indisvalid = false FROM pg_class AS named JOIN pg_namespace AS schema"
            " ON schema.oid = relnamespace WHERE named.oid = indexrelid AND nspname = 'resma'"
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
def test_a_scheduler_run_looks_at_what_is_due_alone(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, words: str, column: str
) -> None:
    with _listening(monkeypatch) as asked:
        system.run_scheduler()
    assert f"({column} <" in _index_conditions(admin, asked, words, column)


def test_a_poll_looks_at_the_last_day_alone(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    report_id = system.request_report(format="CSV")
    with _listening(monkeypatch) as asked:
        system.show(report_id)
    assert "created_at >" in _index_conditions(admin, asked, "live.*, recent.*", "created_at")
