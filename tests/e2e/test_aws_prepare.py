"""`resma aws prepare` with the Secrets Manager of LocalStack, as a process, for a database of another server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import boto3
import psycopg
import pytest

from infra.paths import PROJECT_PYTHON, ROOT
from infra.postgres.connect import parse_url
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from tests.support.client import Client
from tests.support.owned_databases import new_database

STAGE = "prepared"


def test_prepare_stores_secrets_that_log_in(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = {
        "AWS_ENDPOINT_URL": client.stack.up.aws_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    samconfig = tmp_path / "samconfig.toml"
    shutil.copy(ROOT / "samconfig.toml", samconfig)
    server = PostgresServer(tmp_path / "postgres", free_port())
    server.start()
    try:
        url = new_database(server)
        command = ["-m", "resma_cli", "aws", "prepare", "--database", f"{url}?sslmode=disable", "--stage", STAGE]
        options = ["--database-host", "db.internal", "--config-file", str(samconfig)]
        for _ in range(2):
            done = subprocess.run(
                [PROJECT_PYTHON, *command, *options],
                cwd=tmp_path,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "infra/cli", ROOT, ROOT / "functions"))),
                },
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        assert done.stdout.count("Left unchanged: secret") == 4
        section = tomllib.loads(samconfig.read_text(encoding="utf-8"))[STAGE]["deploy"]["parameters"]
        arns = dict(pair.split("=", 1) for pair in section["parameter_overrides"].split())
        manager = boto3.client("secretsmanager")
        for parameter, login in (
            ("DatabaseSecretArn", "resma_app"),
            ("SystemSecretArn", "resma_system"),
            ("SourceSecretArn", "resma_reader"),
        ):
            secret = json.loads(manager.get_secret_value(SecretId=arns[parameter])["SecretString"])
            parts = {**parse_url(url), "user": secret["username"], "password": secret["password"]}
            with psycopg.connect(**parts) as connection:
                assert connection.info.user == login
    finally:
        server.stop()
        for use in ("app", "system", "source", "webhook"):
            boto3.client("secretsmanager").delete_secret(
                SecretId=f"resma/{STAGE}/{use}", ForceDeleteWithoutRecovery=True
            )
