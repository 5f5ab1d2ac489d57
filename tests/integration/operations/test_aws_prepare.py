"""`resma aws prepare` on a real Postgres, as an owner without superuser rights, and Secrets Manager as moto has it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from moto import mock_aws

from infra.demo.load_demo_bank import BANK
from infra.paths import ROOT
from infra.postgres.connect import parse_url
from infra.postgres.migrate import SYSTEM_TABLES, find_pending, migrate, set_password
from infra.prepare.__main__ import main
from infra.prepare.secret_store import SecretStore, SecretStoreError
from infra.servers.postgres import BINARIES, PostgresServer
from resma.catalog import DEMO_CATALOG
from tests.support.owned_databases import OWNER_PASSWORD, new_database, relations

TABLES = BANK.read("0001_bank").partition("GRANT USAGE")[0]
"""Tables of an application, without anything of Resma."""


class Prepare:
    """Runs the command for a database, with a copy of samconfig.toml, and reads what it has made."""

    def __init__(self, url: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self.samconfig = folder / "samconfig.toml"
        shutil.copy(ROOT / "samconfig.toml", self.samconfig)
        self._capsys = capsys

    def __call__(self, *options: str, url: str | None = None, host: str | None = "db.internal") -> tuple[int, str]:
        """Returns the exit code and everything that was printed."""
        given = ["--database", f"{url or self.url}?sslmode=disable", "--config-file", str(self.samconfig)]
        given += ["--catalog", str(DEMO_CATALOG), *(["--database-host", host] if host else [])]
        if "--stage" not in options:
            given += ["--stage", "dev"]
        code = main([*given, *options])
        printed = "".join(self._capsys.readouterr())
        assert OWNER_PASSWORD not in printed
        for secret in self.secrets().values():
            assert secret.get("password", "-none-") not in printed
        return code, printed

    @staticmethod
    def secrets() -> dict[str, dict[str, Any]]:
        client = boto3.client("secretsmanager", region_name="eu-west-1")
        names = [entry["Name"] for entry in client.list_secrets()["SecretList"]]
        return {name: json.loads(client.get_secret_value(SecretId=name)["SecretString"]) for name in names}

    def logs_in(self, secret: dict[str, Any]) -> str:
        """Connects with a secret. Returns the name of the role."""
        parts = {**parse_url(self.url), "user": secret["username"], "password": secret["password"]}
        with psycopg.connect(**{**parts, "dbname": secret["dbname"]}) as connection:
            return connection.info.user


@pytest.fixture
def prepare(
    cluster: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Prepare]:
    """The command for a database with tables of an application, which belong to a role without superuser rights."""
    url = new_database(cluster)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA bank")
        connection.execute(TABLES.encode())
    for name in ("DATABASE_URL", "SOURCE", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield Prepare(url, tmp_path, capsys)


def test_a_first_run_prepares_everything(prepare: Prepare) -> None:
    code, printed = prepare("--tenant", "north-bank", "--tenant-name", "North Bank")
    assert code == 0, printed
    secrets = prepare.secrets()
    assert list(secrets) == ["resma/dev/app", "resma/dev/system", "resma/dev/source", "resma/dev/webhook"]
    database = parse_url(prepare.url)["dbname"]
    place = {"host": "db.internal", "port": int(parse_url(prepare.url)["port"]), "dbname": database}
    for use, login in (("app", "resma_app"), ("system", "resma_system"), ("source", "resma_reader")):
        password = secrets[f"resma/dev/{use}"]["password"]
        expected = {**place, "sslmode": "disable", "username": login, "password": password}
        assert secrets[f"resma/dev/{use}"] == expected
        assert prepare.logs_in(expected) == login
    assert re.fullmatch(r"whsec_[\w+/]{43}=", secrets["resma/dev/webhook"]["secret"])
    assert relations(prepare.url, "public") == []
    with psycopg.connect(prepare.url) as connection:
        assert connection.execute("SELECT tenant_id, name FROM resma.tenants").fetchall() == [
            ("north-bank", "North Bank")
        ]
        connection.execute("SET ROLE resma_reader")
        assert connection.execute("SELECT count(*) FROM bank.transactions, bank.accounts, bank.audit_events").fetchone()
    assert len(re.findall(r"^rsm_[a-z0-9]{16}_\S+$", printed, re.MULTILINE)) == 1
    assert "GRANT USAGE ON SCHEMA bank TO resma_reader." in printed
    assert "bank.transactions has no row level security" in printed
    before = (ROOT / "samconfig.toml").read_text(encoding="utf-8")
    text = prepare.samconfig.read_text(encoding="utf-8")
    arn = r"arn:aws:secretsmanager:eu-west-1:\d+:secret:resma/dev/"
    assert re.search(
        rf'"StageName=dev RetentionDays=7 DatabaseSecretArn={arn}app-\S+ SystemSecretArn={arn}system-\S+'
        rf' SourceSecretArn={arn}source-\S+ WebhookSecretArn={arn}webhook-\S+"\nregion = "eu-west-1"',
        text,
    ), text
    assert re.sub(r" DatabaseSecretArn=[^\"]*|region = \"eu-west-1\"\n", "", text) == before


def test_a_second_run_changes_nothing(prepare: Prepare) -> None:
    prepare()
    secrets, samconfig = prepare.secrets(), prepare.samconfig.read_text(encoding="utf-8")
    code, printed = prepare(host=None)
    assert (code, prepare.secrets()) == (0, secrets)
    assert prepare.samconfig.read_text(encoding="utf-8") == samconfig
    assert "No migration is pending." in printed
    assert printed.count("Left unchanged: secret") == 4
    assert "rsm_" not in printed
    with psycopg.connect(prepare.url) as connection:
        assert connection.execute("SELECT tenant_id, name FROM resma.tenants").fetchall() == [("main", "Main")]


def test_what_was_lost_is_made_again_and_what_was_added_is_kept(prepare: Prepare) -> None:
    prepare()
    client = boto3.client("secretsmanager")
    replica = {**prepare.secrets()["resma/dev/source"], "host": "replica.internal"}
    client.put_secret_value(SecretId="resma/dev/source", SecretString=json.dumps(replica))
    lost = {**prepare.secrets()["resma/dev/app"], "password": "wrong", "sslmode": "verify-full"}
    client.put_secret_value(SecretId="resma/dev/app", SecretString=json.dumps(lost))
    code, printed = prepare(host=None)
    assert code == 0
    assert "Set new passwords of resma_app." in printed
    assert prepare.secrets()["resma/dev/source"] == replica
    made = prepare.secrets()["resma/dev/app"]
    assert made == {**lost, "password": made["password"]}
    assert prepare.logs_in(made) == "resma_app"
    assert prepare("--database-host", "new.internal:6432", host=None)[0] == 0
    assert [secret.get("host") for secret in prepare.secrets().values()] == [
        "new.internal",
        "new.internal",
        "replica.internal",
        None,
    ]


def test_nothing_is_installed_in_a_source_database(prepare: Prepare, cluster: PostgresServer) -> None:
    source = new_database(cluster, "NOCREATEROLE")
    with psycopg.connect(source) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 1 AS order_id")
    given = ("--source", f"{source}?sslmode=disable", "--source-host", "shop.internal:5433")
    code, printed = prepare(*given)
    assert code == 0, printed
    assert "GRANT" not in printed
    role = parse_url(source)["user"]
    assert prepare.secrets()["resma/dev/source"] == {
        **{"host": "shop.internal", "port": 5433, "dbname": role, "sslmode": "disable"},
        **{"username": role, "password": OWNER_PASSWORD},
    }
    assert relations(source, "resma") == []
    code, printed = prepare()
    assert code == 0
    assert "Reports read the source database of resma/dev/source, as before." in printed
    assert prepare.secrets()["resma/dev/source"]["username"] == role


def test_a_dry_run_prints_a_script_and_changes_nothing(prepare: Prepare, tmp_path: Path) -> None:
    code, script = prepare("--dry-run")
    assert code == 0, script
    assert prepare.secrets() == {}
    assert prepare.samconfig.read_text(encoding="utf-8") == (ROOT / "samconfig.toml").read_text(encoding="utf-8")
    assert relations(prepare.url, "resma") == []
    assert re.findall(r"^\\password (\w+)$", script, re.MULTILINE) == ["resma_app", "resma_system", "resma_reader"]
    assert script.count("-- aws secretsmanager create-secret --region eu-west-1 --name resma/dev/") == 4
    file = tmp_path / "prepare.sql"
    file.write_text(re.sub(r"^\\password .*$", "", script, flags=re.MULTILINE), encoding="utf-8")
    done = subprocess.run(
        [BINARIES / "psql", "-X", "-q", "-f", file, prepare.url], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    with psycopg.connect(prepare.url) as connection:
        assert find_pending(connection) == []
        assert connection.execute("SELECT tenant_id FROM resma.tenants").fetchall() == [("main",)]
    code, script = prepare("--dry-run", "--new-passwords")
    assert code == 0
    assert "CREATE TABLE" not in script


def test_a_dry_run_needs_neither_rights_nor_credentials(
    prepare: Prepare, cluster: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with psycopg.connect(cluster.url, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {parse_url(prepare.url)['user']} NOCREATEROLE".encode())
    code, script = prepare("--dry-run")
    assert code == 0, script
    assert "CREATE TABLE resma.reports" in script
    assert script.startswith("-- Secrets Manager: You must specify a region.")
    assert "-- Warning: The role" in script


def test_tables_without_isolation_are_named(prepare: Prepare) -> None:
    """A view with a condition needs no warning, and of a view that applies the policies of its tables, these count."""
    with psycopg.connect(prepare.url) as connection:
        connection.execute(
            "ALTER SCHEMA bank RENAME TO ledger; CREATE SCHEMA bank;"
            " CREATE VIEW bank.transactions AS SELECT * FROM ledger.transactions"
            " WHERE tenant_id = current_setting('resma.tenant_id', true);"
            " CREATE VIEW bank.accounts WITH (security_invoker = true) AS SELECT * FROM ledger.accounts;"
            " CREATE VIEW bank.audit_events AS SELECT * FROM ledger.audit_events"
        )
    code, printed = prepare()
    assert code == 0, printed
    assert re.findall(r"Warning: (\S+) has no row level security", printed) == ["ledger.accounts", "bank.audit_events"]
    granted = "bank.accounts, bank.transactions, ledger.accounts, bank.audit_events"
    assert f"GRANT SELECT ON {granted} TO resma_reader." in printed, (
        "other views are read with the rights of their owner"
    )


def test_all_problems_are_named_before_anything_is_changed(prepare: Prepare, cluster: PostgresServer) -> None:
    url = new_database(cluster, "NOCREATEROLE")
    prepare.samconfig.write_text("[dev.deploy]\n", encoding="utf-8")
    wrong = url.replace("%40", "")
    code, printed = prepare("--source", wrong, url=url, host=None)
    assert code == 1
    assert printed.startswith("Failed: Nothing was changed.\n")
    for problem in (
        "may not create the logins resma_app, resma_system, resma_reader. As a superuser",
        "The functions can't reach the host '127.0.0.1', which is this machine. Name the host of the database with",
        "password authentication failed",
        "the section [dev.deploy.parameters] does not exist",
    ):
        assert problem in printed
    assert prepare.secrets() == {}
    assert relations(url, "resma") == []


def test_a_server_without_encryption_needs_consent(prepare: Prepare) -> None:
    options = ("--database-host", "db.internal", "--stage", "dev", "--config-file", str(prepare.samconfig))
    code = main(["--database", prepare.url, *options, "--catalog", str(DEMO_CATALOG)])
    assert code == 1
    assert prepare.secrets() == {}


def test_a_second_stage_on_the_same_server_shares_the_passwords(prepare: Prepare, cluster: PostgresServer) -> None:
    prepare()
    first = prepare.secrets()
    url = new_database(cluster)
    code, printed = prepare("--stage", "prod", url=url)
    assert code == 1
    database = parse_url(prepare.url)["dbname"]
    assert f"Another database of this server uses the login resma_app too: {database}." in printed
    assert prepare("--stage", "prod", "--passwords-of", "dev", url=url)[0] == 0
    secrets = prepare.secrets()
    assert {name: secrets[name] for name in first} == first
    for use in ("app", "system", "source"):
        assert secrets[f"resma/prod/{use}"]["password"] == first[f"resma/dev/{use}"]["password"]
        assert secrets[f"resma/prod/{use}"]["dbname"] == parse_url(url)["dbname"]
    assert prepare.logs_in(secrets["resma/prod/app"]) == "resma_app"


def test_passwords_that_something_else_may_use_are_not_replaced(prepare: Prepare) -> None:
    migrate(prepare.url)
    set_password(prepare.url, "resma_app", "in-use")
    code, printed = prepare()
    assert code == 1
    assert "The logins resma_app, resma_reader, resma_system exist, but the stage dev has no secret" in printed
    assert prepare.secrets() == {}
    database = parse_url(prepare.url)["dbname"]
    assert prepare.logs_in({"username": "resma_app", "password": "in-use", "dbname": database}) == "resma_app"
    assert prepare("--new-passwords")[0] == 0
    assert prepare.logs_in(prepare.secrets()["resma/dev/app"]) == "resma_app"


def test_a_failure_of_secrets_manager_rolls_the_database_back(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = SecretStore.create

    def fail(store: SecretStore, name: str, fields: Any) -> str:
        if name.endswith("/source"):
            raise SecretStoreError("Secrets Manager: AccessDeniedException")
        return create(store, name, fields)

    with monkeypatch.context() as patch:
        patch.setattr(SecretStore, "create", fail)
        assert prepare()[0] == 1
    assert relations(prepare.url, "resma") == []
    assert prepare()[0] == 0
    secrets = prepare.secrets()
    for use in ("app", "system", "source"):
        prepare.logs_in(secrets[f"resma/dev/{use}"])


def test_a_secret_that_is_being_deleted_can_be_restored(prepare: Prepare) -> None:
    prepare()
    boto3.client("secretsmanager").delete_secret(SecretId="resma/dev/webhook")
    code, printed = prepare()
    assert code == 1
    assert "Restore it: aws secretsmanager restore-secret --secret-id resma/dev/webhook" in printed


def test_the_migrations_are_the_product_s_only() -> None:
    assert "bank" not in "".join(SYSTEM_TABLES.read(name) for name in SYSTEM_TABLES.names)


@pytest.mark.parametrize("stage", ["local", "Dev", "x"])
def test_a_stage_that_the_template_rejects_is_an_error_of_usage(
    stage: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(SystemExit) as exit_:
        main(["--stage", stage])
    assert exit_.value.code == 2
    printed = capsys.readouterr().err
    assert "No database is named." in printed
    assert f"'{stage}' is not a valid stage." in printed
