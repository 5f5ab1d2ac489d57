"""The database isolates tenants: code without a tenant filter still reads and writes rows of one tenant only.

Two banks share the system here, `demo` and `other`. Tables are found in the database's own catalog, so that one that
is added without its policies fails these tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

import webhook.deliver
from infra.admin.tenants import create_tenant
from resma.access.api_keys import find_key, list_keys, revoke_key
from resma.access.caller import Scope
from resma.aws.clients import read_secret
from resma.catalog import ReportType, load_catalog
from resma.events.outbox import find_event
from resma.jobs.claim import claim_job
from resma.jobs.report_rows import find_report, list_reports, tenant_name
from resma.request_errors import ApiKeyNotFoundError, ReportNotFoundError, ScheduleNotFoundError
from resma.schedules.schedule_rows import delete_schedule, find_schedule, last_runs, list_runs, list_schedules
from tests.support.system import System
from webhook.post_signed import AttemptResult

OTHER = "another-bank"
OWN_TENANT = "(tenant_id = ( SELECT current_setting('resma.tenant_id'::text, true) AS current_setting))"
"""Condition of a policy, as Postgres prints it."""


@pytest.fixture
def other(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Iterator[UUID]:
    """Creates another bank that has used the whole system, beside the demo bank. Returns a report of the other bank."""
    monkeypatch.setattr(webhook.deliver, "post_signed", lambda *_: AttemptResult(500, None, 1))
    with admin.transaction():
        create_tenant(admin, OTHER, "Other Bank", {})
        for table in tables(admin, "bank"):
            copy_rows(admin, table)
    for tenant in ("demo", OTHER):
        key = system.make_key(*get_args(Scope), tenant=tenant)
        request = {"type": "TRANSACTIONS", "format": "CSV", "callbackUrl": "https://customer.example/hook"}
        status, _, made = system.call_with(
            key, "POST", "/api/v1/reports/generate", request, headers={"Idempotency-Key": "k"}
        )
        assert status == 202, made
        assert system.work_once()
        for envelope in system.events():
            system.deliver(envelope)
        assert system.call_with(key, "GET", f"/api/v1/reports/{made['id']}/download")[0] == 303
        schedule = {
            "name": "x",
            "request": {"type": "TRANSACTIONS", "format": "CSV"},
            "when": "daily",
            "misfirePolicy": "skip",
        }
        assert system.call_with(key, "POST", "/api/v1/schedules", schedule)[0] == 201
    admin.execute("UPDATE resma.schedules SET next_run_at = '2024-01-01', due_at = '2024-01-01'")
    assert system.run_scheduler()["started"] == 0  # the runs are misfires and are skipped
    yield UUID(made["id"])
    for table in (*tables(admin, "bank"), *tables(admin, "resma")):
        if table != "resma.tenants":
            name = sql.SQL(table)
            admin.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = %s OR %s").format(name), (OTHER, "resma" in table))
    admin.execute("DELETE FROM resma.tenants WHERE tenant_id = %s", (OTHER,))


@pytest.fixture
def app(system: System) -> Iterator[Connection[TupleRow]]:
    """A connection with the login of the API and the worker, and code that omits the tenant in every condition."""
    with connect(system, "DATABASE_SECRET_ARN") as connection:
        yield connection


@pytest.fixture
def reader(system: System) -> Iterator[Connection[TupleRow]]:
    """A connection with the login that reports read their data with, and the same code."""
    with connect(system, "SOURCE_SECRET_ARN") as connection:
        connection.execute("SET default_transaction_read_only = off")
        yield connection


class TenantFilterRemover(Cursor[TupleRow]):
    """Cursor that removes the tenant from every condition."""

    removed = 0

    def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
        """Runs the query without the tenant."""
        text = query.as_string(self) if isinstance(query, sql.Composable) else str(query)
        text, found = re.subn(r"\b(\w+\.)?tenant_id = %(\(tenant_id\))?s", r"%\2s::text IS NOT NULL", text)
        TenantFilterRemover.removed += found
        return super().execute(text.encode(), params, **more)


def connect(system: System, secret: str | None, tenant: str | None = "demo") -> Connection[TupleRow]:
    """Opens a connection with a login, or as the owner of the database, whose transactions are of a tenant."""
    if secret is None:
        connection = psycopg.connect(system.database_url, autocommit=True)
    else:
        login = read_secret(os.environ[secret])
        connection = psycopg.connect(
            host=login["host"],
            port=login["port"],
            dbname=login["dbname"],
            user=login["username"],
            password=login["password"],
            autocommit=True,
        )
    if tenant is not None:
        connection.execute("SELECT set_config('resma.tenant_id', %s, false)", (tenant,))
    connection.cursor_factory = TenantFilterRemover
    return connection


def tables(admin: Connection[TupleRow], schema: str, kinds: str = "rpmf") -> list[str]:
    """Returns the tables of a schema with a tenant, children before their parents; with `kinds` "v" its views."""
    rows = admin.execute(
        """
        SELECT c.oid::regclass::text FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relnamespace = %s::regnamespace AND c.relkind::text = ANY (%s)
        ORDER BY (SELECT count(*) FROM pg_constraint WHERE confrelid = c.oid AND contype = 'f'), 1
        """,
        (schema, list(kinds)),
    ).fetchall()
    assert rows
    return [name for (name,) in rows]


def copy_rows(admin: Connection[TupleRow], table: str) -> None:
    """Copies the rows of the demo bank to the other bank."""
    name = sql.SQL(table)
    admin.execute(
        sql.SQL(
            "INSERT INTO {0} SELECT (jsonb_populate_record(t, jsonb_build_object('tenant_id', %s::text))).*"
            " FROM {0} AS t WHERE tenant_id = 'demo'"
        ).format(name),
        (OTHER,),
    )


def count(connection: Connection[TupleRow], table: str, tenant: str | None = None) -> int:
    """Returns the number of visible rows of a tenant, or of all tenants."""
    name = sql.SQL(table)
    query = sql.SQL("SELECT count(*) FROM {} WHERE coalesce(%s::text, tenant_id) = tenant_id").format(name)
    try:
        ((rows,),) = connection.execute(query, (tenant,)).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return 0
    return int(rows)


# ---------------------------------------------------------------- policies


def test_every_table_with_a_tenant_has_its_policies(admin: Connection[TupleRow]) -> None:
    """An unprivileged login sees only rows of its own tenant, by this policy and no other."""
    for table in (*tables(admin, "resma"), *tables(admin, "bank")):
        row = admin.execute("SELECT relrowsecurity, relkind FROM pg_class WHERE oid = %s::regclass", (table,))
        assert row.fetchall() == [(True, "r")], f"{table}: ENABLE ROW LEVEL SECURITY"
        policies = admin.execute(
            "SELECT r.rolname, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) FROM pg_policy"
            " CROSS JOIN LATERAL unnest(polroles) AS role LEFT JOIN pg_roles AS r ON r.oid = role"
            " WHERE polrelid = %s::regclass",
            (table,),
        ).fetchall()
        for role, seen, written in policies:
            assert role in {"resma_app", "resma_reader", "resma_system"}, f"{table}: a policy for everybody"
            if role != "resma_system":
                assert (seen, written) in [(OWN_TENANT, None), (OWN_TENANT, OWN_TENANT)], table


def test_every_table_has_a_tenant(admin: Connection[TupleRow]) -> None:
    found = admin.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'm', 'v')"
        " AND relnamespace IN ('resma'::regnamespace, 'bank'::regnamespace)"
    ).fetchall()
    of_the_deployment = {"resma.outages", "resma.migrations", "bank.migrations"}
    views = tables(admin, "resma", "v")
    assert {name for (name,) in found} == {*tables(admin, "resma"), *tables(admin, "bank"), *views, *of_the_deployment}


def test_every_view_has_the_condition_of_the_tenant_as_a_barrier(admin: Connection[TupleRow]) -> None:
    """A view has the rights of its owner, for whom the policies of its tables do not apply."""
    for view in tables(admin, "resma", "v"):
        (found,) = admin.execute(
            "SELECT reloptions, pg_get_viewdef(oid) FROM pg_class WHERE oid = %s::regclass", (view,)
        ).fetchall()
        assert found[0] == ["security_barrier=true"], view
        assert re.search(
            r"WHERE \(?log\.tenant_id = \( SELECT current_setting\('resma\.tenant_id'::text, true\)", found[1]
        ), view


def test_tables_without_a_tenant_contain_no_tenant_data(admin: Connection[TupleRow]) -> None:
    """Outages name the unavailable dependency, and show its last error to all workers."""
    columns = admin.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'resma' AND table_name = 'outages'"
    ).fetchall()
    assert {name for (name,) in columns} == {
        *("dependency", "since", "failed_at", "failures", "probe_at", "error_detail"),
    }


def test_policies_apply_to_all_logins(admin: Connection[TupleRow]) -> None:
    roles = admin.execute(
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb,"
        " EXISTS (SELECT FROM pg_class WHERE relowner = r.oid),"
        " EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid)"
        " FROM pg_roles AS r WHERE rolname IN ('resma_app', 'resma_reader', 'resma_system')"
    ).fetchall()
    assert roles == [(False, False, False)] * 3


def test_security_definer_functions_are_fixed_and_restricted(admin: Connection[TupleRow]) -> None:
    found = admin.execute(
        "SELECT proname, coalesce(array_to_string(proconfig, ','), ''), has_function_privilege('resma_reader', oid,"
        " 'EXECUTE') FROM pg_proc WHERE prosecdef AND pronamespace = 'resma'::regnamespace"
    ).fetchall()
    assert {"take_request", "authenticate_key"} <= {name for name, _, _ in found}
    for name, settings, is_the_readers in found:
        assert "search_path=pg_catalog, pg_temp" in settings, name
        assert not is_the_readers, name


# ---------------------------------------------------------------- reading


def test_the_other_bank_has_rows_in_every_table(other: UUID, admin: Connection[TupleRow]) -> None:
    """Otherwise the tests below would prove nothing."""
    known = {
        *("tenants", "reports", "events", "webhook_deliveries", "webhook_attempts", "api_keys", "row_counts"),
        *("download_links", "request_buckets", "idempotency_keys", "schedules", "schedule_runs"),
    }
    held = {table.removeprefix("resma.") for table in tables(admin, "resma") if count(admin, table, OTHER)}
    assert known <= held
    assert all(count(admin, table, OTHER) for table in tables(admin, "bank"))


def test_no_table_shows_another_tenants_rows(
    other: UUID, admin: Connection[TupleRow], app: Connection[TupleRow], reader: Connection[TupleRow]
) -> None:
    for table in (*tables(admin, "resma"), *tables(admin, "resma", "v")):
        assert count(app, table, OTHER) == 0, table
        assert count(reader, table) == 0, table
    assert count(app, "resma.access_log") > 3
    for table in tables(admin, "bank"):
        assert count(reader, table, OTHER) == 0, table
        assert count(app, table) == 0, table
    assert count(app, "resma.reports") == 1
    assert count(reader, "bank.transactions") > 0


def test_without_a_tenant_no_rows_are_visible(other: UUID, system: System, admin: Connection[TupleRow]) -> None:
    for secret in ("DATABASE_SECRET_ARN", "SOURCE_SECRET_ARN"):
        for tenant in (None, ""):
            with connect(system, secret, tenant) as connection:
                for table in (*tables(admin, "resma"), *tables(admin, "resma", "v"), *tables(admin, "bank")):
                    assert count(connection, table) == 0, table


def test_code_without_the_tenant_filter_finds_no_other_rows(
    other: UUID, system: System, app: Connection[TupleRow], admin: Connection[TupleRow]
) -> None:
    ((key,),) = admin.execute("SELECT key_id FROM resma.api_keys WHERE tenant_id = %s", (OTHER,)).fetchall()
    before, TenantFilterRemover.removed = TenantFilterRemover.removed, 0
    wanted = {"status": None, "type": None, "format": None}
    assert {report.tenant_id for report in list_reports(app, "demo", wanted, None, 100)} == {"demo"}
    assert {found.tenant_id for found in list_keys(app, "demo")} == {"demo"}
    assert tenant_name(app, "demo") == "Banco Aurora"
    for tenant in ("demo", OTHER):
        with pytest.raises(ReportNotFoundError):
            find_report(app, tenant, other)
        with pytest.raises(ApiKeyNotFoundError):
            find_key(app, tenant, key)
        with pytest.raises(ApiKeyNotFoundError):
            revoke_key(app, tenant, key)
    ((schedule,),) = admin.execute("SELECT schedule_id FROM resma.schedules WHERE tenant_id = %s", (OTHER,)).fetchall()
    assert {found.tenant_id for found in list_schedules(app, "demo", None, 100)} == {"demo"}
    assert last_runs(app, "demo", [schedule]) == {}
    assert list_runs(app, OTHER, schedule, None, 100) == []
    with pytest.raises(ScheduleNotFoundError):
        find_schedule(app, OTHER, schedule)
    with pytest.raises(ScheduleNotFoundError):
        delete_schedule(app, OTHER, schedule)
    assert find_event(app, OTHER, other) is None
    assert claim_job(app, OTHER, other) is None
    assert TenantFilterRemover.removed > 8, "no condition was removed, because the queries now have another form"
    TenantFilterRemover.removed = before
    # As the owner of the database, the same code sees both tenants, so it is the database that isolates them.
    with connect(system, None) as owner:
        assert {report.tenant_id for report in list_reports(owner, "demo", wanted, None, 100)} == {"demo", OTHER}
        assert find_report(owner, "demo", other).tenant_id == OTHER


@pytest.mark.parametrize("name", sorted(load_catalog()))
def test_a_query_of_a_report_type_without_the_tenant_filter_finds_no_other_rows(
    other: UUID, system: System, reader: Connection[TupleRow], name: str
) -> None:
    report_type = load_catalog()[name]
    right, without_tenant = (
        run(reader, report_type, report_type.query),
        run(reader, report_type, remove_tenant(report_type.query)),
    )
    assert len(right) > 10
    assert right == without_tenant
    # As the owner, the query finds rows of both banks, or fails because an account exists twice.
    with connect(system, None) as owner, contextlib.suppress(psycopg.errors.CardinalityViolation):
        assert run(owner, report_type, remove_tenant(report_type.query)) != right


def remove_tenant(query: str) -> str:
    """Returns the query without its tenant condition."""
    text, found = re.subn(r"\b(\w+\.)?tenant_id = %\(tenant_id\)s", "%(tenant_id)s::text IS NOT NULL", query)
    assert found
    return text


def run(connection: Connection[TupleRow], report_type: ReportType, query: str) -> list[TupleRow]:
    """Returns the rows of a report without filters."""
    account = "SELECT account_id FROM bank.transactions GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    ((busiest,),) = connection.execute(account).fetchall()
    given = {"account": busiest} if report_type.type == "ACCOUNT_STATEMENT" else {}
    checked = report_type.check_filters(given)
    values = {item.name: checked.get(item.name) for item in report_type.filters}
    text = f"SELECT report::text FROM ({query}) AS report ORDER BY 1"
    with connection.transaction(), Cursor(connection) as cursor:
        return cursor.execute(text.encode(), {**values, "tenant_id": "demo"}).fetchall()


# ---------------------------------------------------------------- writing


def test_nothing_is_written_for_another_tenant(
    other: UUID, admin: Connection[TupleRow], app: Connection[TupleRow]
) -> None:
    tried = set()
    for table in tables(admin, "resma"):
        name = sql.SQL(table)
        if (
            row := admin.execute(
                sql.SQL("SELECT to_jsonb(t) FROM {} AS t WHERE tenant_id = %s LIMIT 1").format(name), (OTHER,)
            ).fetchone()
        ) is None:
            continue
        tried.add(table)
        insert = sql.SQL("INSERT INTO {0} SELECT (jsonb_populate_record(NULL::{0}, %s)).*").format(name)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(insert, (json.dumps(row[0]),))
        for statement in ("UPDATE {} SET tenant_id = 'other'", "DELETE FROM {} WHERE tenant_id = 'other'"):
            held = count(admin, table, OTHER)
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                app.execute(sql.SQL(statement).format(name))
            assert count(admin, table, OTHER) == held, table
    assert len(tried) >= 10


def test_the_reader_cannot_write(other: UUID, admin: Connection[TupleRow], reader: Connection[TupleRow]) -> None:
    for table in tables(admin, "bank"):
        name = sql.SQL(table)
        for statement in (
            "INSERT INTO {0} SELECT * FROM {0} LIMIT 1",
            "UPDATE {0} SET tenant_id = tenant_id",
            "DELETE FROM {0}",
            "TRUNCATE {0}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(sql.SQL(statement).format(name))
    for statement in ("CREATE TABLE bank.mine (x int)", "CREATE TABLE resma.mine (x int)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement)


def test_transactions_of_the_reader_are_read_only(system: System) -> None:
    with connect(system, "SOURCE_SECRET_ARN") as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("CREATE TEMPORARY TABLE mine (x int)")


# ---------------------------------------------------------------- the API


def test_another_tenants_report_is_not_found_on_any_route(other: UUID, system: System) -> None:
    key = system.make_key(*get_args(Scope))
    document = system.call_with(key, "GET", "/openapi.json")[2]
    routes = [
        (method.upper(), path.replace("{reportId}", str(other)))
        for path, methods in document["paths"].items()
        for method in methods
        if "{reportId}" in path
    ]
    assert ("GET", f"/api/v1/reports/{other}/download") in routes
    for method, path in routes:
        status, _, problem = system.call_with(key, method, path, {} if method in {"POST", "PUT"} else None)
        assert (status, problem["type"]) == (404, "urn:resma:problem:report-not-found"), (method, path)
    assert str(other) not in json.dumps(system.call_with(key, "GET", "/api/v1/reports")[2])
