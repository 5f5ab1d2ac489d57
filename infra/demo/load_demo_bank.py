"""Creates the demo bank and loads a given number of transactions, which are the same on every machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql

from infra.postgres.migrate import Migrations, migrate

# About ten bookings per month over two years.
_ROWS_PER_ACCOUNT = 250
_ROWS_PER_AUDIT_EVENT = 25

DEMO_BANK = Path(__file__).parent / "demo_bank.sql"

BANK = Migrations(Path(__file__).parent / "migrations", "bank")
"""Schema of the demo bank. It needs the logins of the system."""


def migrate_with_bank(database_url: str) -> list[str]:
    """Applies the pending migrations of the system, and then those of the demo bank. Returns the names of the files."""
    return [*migrate(database_url), *migrate(database_url, BANK)]


def count_demo_rows(database_url: str) -> int:
    """Returns the number of transactions of the demo bank; 0 if it is empty."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM bank.transactions WHERE tenant_id = 'demo'").fetchone()
    return int(row[0]) if row else 0


def load_demo_bank(database_url: str, rows: int, accounts: int | None = None) -> bool:
    """Loads the demo bank with `rows` transactions, if it does not have exactly these. Returns whether it was loaded.

    It also creates the tenant `demo`, `accounts` accounts (`rows // 250` with None) and `rows // 25` audit events. All
    existing rows are replaced in one transaction.
    """
    source = DEMO_BANK.read_text(encoding="utf-8")
    label = f"demo bank {hashlib.sha256(source.encode()).hexdigest()[:12]}"
    if accounts is not None:
        label += f", {accounts} accounts"
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO resma.tenants (tenant_id, name) VALUES ('demo', 'Banco Aurora') ON CONFLICT DO NOTHING"
        )
        existing = connection.execute(
            "SELECT count(*), obj_description('bank.transactions'::regclass) FROM bank.transactions"
            " WHERE tenant_id = 'demo'"
        ).fetchone()
        if existing == (rows, label):
            return False
        counts = {
            "rows": rows,
            "accounts": max(1, rows // _ROWS_PER_ACCOUNT if accounts is None else accounts),
            "audit_rows": rows // _ROWS_PER_AUDIT_EVENT,
        }
        connection.execute("DROP INDEX IF EXISTS bank.transactions_by_account")
        connection.execute("TRUNCATE bank.transactions, bank.accounts, bank.audit_events")
        connection.execute("SET LOCAL work_mem = '256MB'")
        for statement in source.split(";\n\n"):
            connection.execute(statement.encode(), counts)
        connection.execute(
            "CREATE INDEX transactions_by_account"
            " ON bank.transactions (tenant_id, account_id, booked_at, transaction_id)"
        )
        # The label distinguishes these rows from those of an older version.
        connection.execute(sql.SQL("COMMENT ON TABLE bank.transactions IS {}").format(sql.Literal(label)))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE, FREEZE) bank.transactions, bank.accounts, bank.audit_events")
    return True
