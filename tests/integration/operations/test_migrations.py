"""Migrations of databases of other people: owners without superuser rights, existing schemas, errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from infra.admin import access, dead_letters
from infra.checks.report_types.check_folder import check_catalog
from infra.demo.load_demo_bank import BANK
from infra.errors import StackError
from infra.postgres.migrate import LOGINS, SYSTEM_TABLES, MigrationError, Migrations, main, migrate, set_password
from infra.servers.postgres import PostgresServer
from resma.catalog import DEMO_CATALOG
from tests.support.owned_databases import new_database, relations


def test_an_owner_without_superuser_rights_can_do_each_step(cluster: PostgresServer) -> None:
    """The steps of docs/aws.md, as the master user of RDS: it has CREATEROLE and owns the database."""
    url = new_database(cluster)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA bank")
    assert migrate(url) == SYSTEM_TABLES.names
    assert migrate(url) == []
    assert relations(url, "public") == relations(url, "bank") == [], "the migrations create objects in `resma` only"
    for login in LOGINS:
        set_password(url, login, "secret")
        psycopg.connect(url.replace(f"{url.split('/')[2].split('@')[0]}", f"{login}:secret")).close()
    migrate(url, BANK)
    assert check_catalog(DEMO_CATALOG, url).errors == []


def test_another_owner_migrates_another_database_of_the_cluster(cluster: PostgresServer) -> None:
    migrate(new_database(cluster))
    url = new_database(cluster)
    assert migrate(url) == SYSTEM_TABLES.names
    with pytest.raises(StackError, match="This role may not set the password of resma_app: permission denied"):
        set_password(url, "resma_app", "secret")


def test_a_failed_migration_changes_nothing_and_names_its_line(cluster: PostgresServer, tmp_path: Path) -> None:
    url = new_database(cluster)
    (tmp_path / "0001_good.sql").write_text("CREATE TABLE resma.good (x int);\n", encoding="utf-8")
    bad = tmp_path / "0002_bad.sql"
    bad.write_text("SELECT 1;\n\nCREATE TABLE resma.bad (x no_such_type);\n", encoding="utf-8")
    with pytest.raises(
        MigrationError, match=r'0002_bad.sql, line 3: type "no_such_type" does not exist. No migration was applied.'
    ):
        migrate(url, Migrations(tmp_path, "resma"))
    assert relations(url, "resma") == []
    bad.write_text("CREATE TABLE resma.bad (x int);", encoding="utf-8")
    assert migrate(url, Migrations(tmp_path, "resma")) == ["0001_good", "0002_bad"]


def test_two_migrations_at_once_apply_each_file_once(cluster: PostgresServer) -> None:
    url = new_database(cluster)
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(migrate, [url, url])
    assert sorted([first, second]) == [[], SYSTEM_TABLES.names]


def test_all_missing_rights_are_named_at_once(cluster: PostgresServer) -> None:
    migrate(new_database(cluster))
    url = new_database(cluster, "NOCREATEROLE")
    role = url.rpartition("/")[2]
    with psycopg.connect(cluster.url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {role} OWNER TO postgres; ALTER ROLE resma_system RENAME TO renamed".encode())
        try:
            with pytest.raises(MigrationError) as error:
                migrate(url)
        finally:
            admin.execute("ALTER ROLE renamed RENAME TO resma_system")
    assert f'execute: GRANT CREATE ON DATABASE "{role}" TO "{role}".' in str(error.value)
    assert f'ALTER ROLE "{role}" CREATEROLE, or create them: CREATE ROLE resma_system LOGIN.' in str(error.value)


def test_a_schema_of_another_application_is_not_changed(cluster: PostgresServer) -> None:
    url = new_database(cluster)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA resma; CREATE TABLE resma.reports (x int)")
    with pytest.raises(MigrationError, match=r"contains tables, but not the table `resma.migrations`.*DROP SCHEMA"):
        migrate(url)
    assert relations(url, "resma") == ["reports"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://nobody:hush@127.0.0.1:{port}/postgres", "password authentication failed for user"),
        ("postgresql://postgres:hush@127.0.0.1:1/postgres", "The database at 127.0.0.1:1 can't be reached"),
        ("mysql://postgres:hush@127.0.0.1/postgres", "must look like postgresql://user:password@host:port/dbname"),
        ("postgresql://postgres:hush@[127.0.0.1/postgres", "check host and port"),
        ("postgresql://postgres:hush@127.0.0.1/postgres?sslmod=x", "invalid URI query parameter"),
    ],
)
def test_an_error_of_the_url_has_no_traceback_and_no_password(
    cluster: PostgresServer, capsys: pytest.CaptureFixture[str], url: str, message: str
) -> None:
    assert main([url.format(port=cluster.port)]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("Failed: ")
    assert message in printed
    assert "hush" not in printed


@pytest.mark.parametrize("command", [access.main, dead_letters.main])
def test_a_database_that_is_not_migrated_is_named(
    cluster: PostgresServer, capsys: pytest.CaptureFixture[str], command: Callable[[Sequence[str]], int]
) -> None:
    url = new_database(cluster)
    assert command(["--database", url, "list"]) == 1
    assert capsys.readouterr().err == (
        'Failed: relation "resma.tenants" does not exist. Apply the migrations: resma admin migrate URL\n'
        if command is access.main
        else 'Failed: relation "resma.reports" does not exist. Apply the migrations: resma admin migrate URL\n'
    )
    assert command(["--database", url.replace("owner", "nobody"), "list"]) == 1
    assert "can't be reached: connection failed" in capsys.readouterr().err
