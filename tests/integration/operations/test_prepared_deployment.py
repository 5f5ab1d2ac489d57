"""A deployment that `resma aws prepare` has prepared: nobody is a superuser, and the source is only read."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import boto3
import psycopg
import pytest
from moto import mock_aws

from infra.prepare.__main__ import main
from infra.servers.postgres import PostgresServer
from tests.support.owned_databases import new_database, relations
from tests.support.system import System, clear_caches, close_connections

SETTINGS = 'tenants = "none"\n\n[brand]\nname = "Northwind Traders"\n'
REPORT = 'title = "Orders"\nsort = ["order_id"]\n\n[columns]\norder_id = "integer"\nshipped = "boolean"\n'
PARAMETERS = {
    "DatabaseSecretArn": "DATABASE_SECRET_ARN",
    "SystemSecretArn": "SYSTEM_SECRET_ARN",
    "SourceSecretArn": "SOURCE_SECRET_ARN",
    "WebhookSecretArn": "WEBHOOK_SECRET_ARN",
}


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A catalog with one report type, of an organization without tenants."""
    folder = tmp_path / "reports"
    (folder / "orders").mkdir(parents=True)
    (folder / "resma.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "orders" / "report.toml").write_text(REPORT, encoding="utf-8")
    (folder / "orders" / "query.sql").write_text("SELECT order_id, shipped FROM sales.orders\n", encoding="utf-8")
    return folder


@pytest.fixture
def source(cluster: PostgresServer) -> str:
    """URL of a database with orders, with a role that may read them and nothing else."""
    owner = new_database(cluster, "CREATEROLE")
    reader = new_database(cluster, "NOCREATEROLE")
    name = reader.rpartition("/")[2]
    with psycopg.connect(owner) as connection:
        connection.execute(
            "CREATE SCHEMA sales;"
            " CREATE TABLE sales.orders AS SELECT n AS order_id, n % 2 = 0 AS shipped FROM generate_series(1, 4) AS n"
        )
        connection.execute(f"GRANT USAGE ON SCHEMA sales TO {name}; GRANT SELECT ON sales.orders TO {name}".encode())
    return f"{reader.rpartition('/')[0]}{owner[owner.rindex('/') :]}"


@pytest.fixture
def system(cluster: PostgresServer, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """All functions in this process. The test sets the secrets that they use."""
    before = dict(os.environ)
    with mock_aws():
        clear_caches()
        made = System(cluster)
        monkeypatch.setenv("RESMA_CATALOG", str(catalog))
        yield made
        close_connections()
        clear_caches()
    os.environ.clear()
    os.environ.update(before)


def test_a_prepared_deployment_generates_a_report(
    system: System, cluster: PostgresServer, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samconfig = tmp_path / "samconfig.toml"
    samconfig.write_text("version = 0.1\n", encoding="utf-8")
    given = ["--database", f"{new_database(cluster)}?sslmode=disable", "--database-host", "db.internal"]
    given += ["--source", f"{source}?sslmode=disable", "--source-host", "shop.internal"]
    assert main([*given, "--stage", "dev", "--config-file", str(samconfig)]) == 0
    printed = capsys.readouterr().out
    assert 'Created tenant main, named "Northwind Traders"' in printed
    (key,) = re.findall(r"^rsm_\S+$", printed, re.MULTILINE)
    use_prepared_secrets(samconfig)

    body = {"type": "ORDERS", "format": "CSV"}
    status, _, report = system.call_with(key, "POST", "/api/v1/reports/generate", body)
    assert status == 202, report
    assert system.work_once()
    report_id = UUID(report["id"])
    assert system.call_with(key, "GET", f"/api/v1/reports/{report_id}")[2]["status"] == "READY"
    assert system.content(report_id).decode().splitlines()[1:] == ["1,false", "2,true", "3,false", "4,true"]
    assert system.run_scheduler()
    assert relations(source, "resma") == []


def use_prepared_secrets(samconfig: Path) -> None:
    """Passes the prepared parameters to the functions, as the template does, with hosts that exist."""
    section = tomllib.loads(samconfig.read_text(encoding="utf-8"))["dev"]["deploy"]["parameters"]
    parameters = dict(pair.split("=", 1) for pair in section["parameter_overrides"].split())
    manager = boto3.client("secretsmanager")
    for parameter, variable in PARAMETERS.items():
        os.environ[variable] = parameters[parameter]
        secret = json.loads(manager.get_secret_value(SecretId=parameters[parameter])["SecretString"])
        if "host" in secret:
            text = json.dumps({**secret, "host": "127.0.0.1"})
            manager.put_secret_value(SecretId=parameters[parameter], SecretString=text)
