"""A stack that reads a database of one's own, with a catalog of one's own that is edited while it runs."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, expect
from pypdf import PdfReader

from infra.local.stack import Stack
from infra.paths import STATE
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from tests.support.browser import page_of
from tests.support.command_line import CommandLine
from tests.support.eventually import eventually
from tests.support.http import send
from tests.support.local_stack import STACK, processes_in

NAME = f"{STACK}-own-database"
ORDERS = 830

TABLES = f"""
    CREATE TABLE orders (
        order_id integer PRIMARY KEY,
        order_date date NOT NULL,
        country text,
        freight real,
        is_paid boolean NOT NULL
    );
    INSERT INTO orders
    SELECT i, date '2024-01-01' + i % 400, (ARRAY['US', 'DE', 'BR'])[1 + i % 3], i * 1.25, i % 2 = 0
    FROM generate_series(1, {ORDERS}) AS i;
    CREATE TABLE secrets (secret text);
"""

QUERY = """SELECT o.order_id, o.order_date, o.country, o.freight, o.is_paid
FROM orders AS o
WHERE (%(from)s::date IS NULL OR o.order_date >= %(from)s)
"""

REPORT = """title = "Orders"
sort = ["-order_date", "order_id"]
period = "order_date"

[columns]
order_id = "integer"
order_date = "date"
country = "text"
freight = "float"
is_paid = "boolean"

[filters]
from = "date"
"""


def objects_of(shop: PostgresServer) -> list[Any]:
    """Returns all schemas, relations, functions and roles of the server."""
    with psycopg.connect(shop.url) as connection:
        return connection.execute(
            "SELECT 'schema', nspname::text FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast_temp)_'"
            " UNION ALL SELECT 'relation', oid::regclass::text FROM pg_class"
            " UNION ALL SELECT 'function', oid::regprocedure::text FROM pg_proc"
            " UNION ALL SELECT 'role', rolname::text FROM pg_roles ORDER BY 1, 2"
        ).fetchall()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A Postgres server that Resma has never touched, with the role `reports`, which may only read one table."""
    server = PostgresServer(tmp_path_factory.mktemp("shop"), free_port())
    server.start()
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(TABLES.encode())
            connection.execute("CREATE ROLE reports LOGIN PASSWORD 'p@ss'; GRANT SELECT ON orders TO reports")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalog of one report type."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "reports" / "orders").mkdir(parents=True)
    (folder / "reports" / "resma.toml").write_text(
        'tenants = "none"\n[brand]\nname = "Northwind Traders"\n', encoding="utf-8"
    )
    (folder / "reports" / "orders" / "report.toml").write_text(REPORT, encoding="utf-8")
    (folder / "reports" / "orders" / "query.sql").write_text(QUERY, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def untouched(shop: PostgresServer) -> list[Any]:
    """All objects of the source database before the stack was started."""
    return objects_of(shop)


@pytest.fixture(scope="module")
def resma(shop: PostgresServer, untouched: list[Any], project: Path) -> Iterator[CommandLine]:
    """The command line in the project's folder, whose file .env names the source, with a running stack."""
    url = f"postgres://reports:p%40ss@127.0.0.1:{shop.port}/postgres?sslmode=prefer"
    (project / ".env").write_text(f"SOURCE={url}\n", encoding="utf-8")
    stack = Stack(NAME)
    stack.stop()
    shutil.rmtree(stack.folder, ignore_errors=True)
    commands = CommandLine(NAME, project, {"PORT": str(free_port())})
    try:
        up = commands.do("up")
        assert up["catalog"] == str(project / "reports")
        assert up["catalogErrors"] == []
        yield commands
    finally:
        commands.run("down")
        assert processes_in(STATE / NAME) == []


def count_rows(url: str) -> int | None:
    """Returns the number of orders that the API reads now, or None if it refuses the report type."""
    answer = send("POST", f"{url}/api/v1/reports/estimate", json={"type": "ORDERS", "format": "CSV"})
    return int(answer.json()["rows"]) if answer.status == 200 else None


def test_reports_read_the_source_and_nothing_is_installed_in_it(
    resma: CommandLine, shop: PostgresServer, untouched: list[Any], project: Path
) -> None:
    assert [item["type"] for item in resma.do("type", "list")["items"]] == ["ORDERS"]
    formats = ("PDF", "CSV", "NDJSON", "XLSX", "PARQUET")
    report = resma.do("generate", "ORDERS", *(f"--format={name}" for name in formats), "--wait")
    assert (report["status"], report["rows"]) == ("READY", ORDERS)
    (pdf,) = project.glob("orders-*.pdf")
    first = PdfReader(pdf).pages[0].extract_text()
    assert "Northwind Traders" in first
    assert "Banco Aurora" not in first
    assert objects_of(shop) == untouched


def test_up_again_says_what_runs(resma: CommandLine, project: Path) -> None:
    again = resma.run("up")
    assert again.code == 0, again
    assert "already up" in again.out
    assert "export DATABASE_URL=postgresql://" in again.out
    other = resma.run("up", "--source", "postgresql://reports:hush@127.0.0.1:1/other")
    assert other.code == 1
    assert "reads another source database. Run `resma down` first" in other.err
    assert "hush" not in other.err
    (project / "elsewhere" / "reports").mkdir(parents=True)
    moved = CommandLine(NAME, project / "elsewhere").run("up")
    assert moved.code == 1
    assert f"has the catalog {project}/reports, not {project}/elsewhere/reports" in moved.err
    demo = resma.run("demo")
    assert demo.code == 1
    assert "the demo needs the demo bank" in demo.err


def test_an_edit_of_the_query_has_an_effect_within_seconds(resma: CommandLine, project: Path) -> None:
    url = resma.do("up")["url"]
    query = project / "reports" / "orders" / "query.sql"
    assert count_rows(url) == ORDERS
    query.write_text(QUERY + "  AND o.order_id <= 10\n", encoding="utf-8")
    started = time.monotonic()
    eventually("the estimate has the rows of the new query", lambda: count_rows(url) == 10)
    print(f"From an edit of query.sql to its effect at the API: {time.monotonic() - started:.2f} s")
    started = time.monotonic()
    assert resma.do("generate", "ORDERS", "--format", "CSV", "--wait")["rows"] == 10
    print(f"From the command to a file with the new rows: {time.monotonic() - started:.2f} s")
    query.write_text(QUERY, encoding="utf-8")
    assert count_rows(url) == ORDERS


def test_an_invalid_type_affects_no_other_and_needs_no_restart(
    resma: CommandLine, project: Path, browser: Browser
) -> None:
    url = resma.do("up")["url"]
    secrets = project / "reports" / "secrets"
    secrets.mkdir()
    (secrets / "report.toml").write_text("sort = ['secret']\n[columns]\nsecret = 'txt'\n", encoding="utf-8")
    (secrets / "query.sql").write_text("SELECT s.secret FROM secrets AS s\n", encoding="utf-8")
    listed = resma.run("type", "list")
    assert "ORDERS" in listed.out
    assert "SECRETS cannot be generated: secrets/report.toml:3: " in listed.err
    refused = resma.run("generate", "SECRETS", "--format", "CSV")
    assert refused.code == 2
    assert "secrets/report.toml:3: " in refused.err
    assert count_rows(url) == ORDERS
    with page_of(browser) as page:
        page.goto(f"{url}/console")
        page.get_by_role("button", name="Continue without a key").click()
        notice = page.get_by_text("These report types have errors and cannot be generated: SECRETS.")
        expect(notice).to_be_visible()
        expect(page.get_by_text("secrets/report.toml:3")).to_be_visible()
        expect(page.get_by_role("radio", name=re.compile("^Orders"))).to_be_visible()

    (secrets / "report.toml").write_text("sort = ['secret']\n[columns]\nsecret = 'text'\n", encoding="utf-8")
    up = resma.run("up")
    assert up.code == 0
    assert "secrets/query.sql:1: permission denied for table secrets" in up.err
    shutil.rmtree(secrets)
    assert resma.do("up")["catalogErrors"] == []


def test_a_wrong_source_is_refused_before_anything_starts(project: Path) -> None:
    away = CommandLine(f"{NAME}-refused", project)
    for source, code, says in (
        ("postgresql://reports:hush@127.0.0.1:1/shop", 3, "Check the host and the port"),
        ("mysql://reports:hush@127.0.0.1/shop", 1, "must look like postgresql://"),
    ):
        refused = away.run("up", "--source", source)
        assert refused.code == code
        assert says in refused.err
        assert "hush" not in refused.err
    assert "does not exist" in away.run("up", "--catalog", "nowhere").err
    assert not (STATE / f"{NAME}-refused").exists()
