"""docs/aws.md explains every question of `sam deploy --guided`, and its SQL separates tenants."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.paths import ROOT, TEMPLATE
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from infra.template import read_template
from tests.support.docs_pages import blocks
from tests.support.sam import SAM, sam_environment
from tests.support.system import PASSWORD

PAGE = ROOT / "docs" / "aws.md"
SECRETS = ("DatabaseSecretArn", "SystemSecretArn", "SourceSecretArn", "WebhookSecretArn")
OF_SAM = {
    "Stack Name",
    "AWS Region",
    "Confirm changes before deploy",
    "Allow SAM CLI IAM role creation",
    "Disable rollback",
    "ApiFunction has no authentication. Is this okay?",
    "Save arguments to configuration file",
}
"""Questions of sam that are not template parameters."""


def test_the_page_explains_every_question_of_sam(tmp_path: Path) -> None:
    """Runs sam with the page's answers, in a folder with the files that sam reads, up to its first call of AWS."""
    shutil.copy(TEMPLATE, tmp_path)
    shutil.copy(ROOT / "samconfig.toml", tmp_path)
    (tmp_path / "functions").mkdir()
    parameters = list(read_template(TEMPLATE)["Parameters"])
    arns = {name: f"arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}" for name in SECRETS}
    answers = ["", "", *(arns.get(name, "") for name in parameters), "y", "y", "", "y", "y", "y", "", ""]
    done = subprocess.run(
        [SAM, "deploy", "--guided", "--config-env", "dev"],
        cwd=tmp_path,
        env={
            **sam_environment(tmp_path),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
            "AWS_MAX_ATTEMPTS": "1",
        },
        input="\n".join(answers) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Could not connect to the endpoint URL" in done.stdout + done.stderr, "it reaches the call of AWS"
    questions = re.findall(r"(?:Parameter )?([A-Z][\w .]*\??) \[[^\]]*\]\s*:", done.stdout)
    explained = explained_questions()
    assert set(explained) == {*parameters, *OF_SAM}
    more = {"Looking for config file", "SAM configuration file", "SAM configuration environment"}
    assert set(questions) - set(explained) <= more
    in_order = [question for question in dict.fromkeys(questions) if question in explained]
    assert in_order == explained


def explained_questions() -> list[str]:
    """Returns the questions in the page's table, in its order."""
    table = PAGE.read_text(encoding="utf-8").split("| question | answer |\n|---|---|\n", 1)[1].split("\n\n", 1)[0]
    return [name for row in table.splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_its_policy_shows_the_reader_one_tenants_rows(postgres: PostgresServer, admin: Connection[TupleRow]) -> None:
    (policy,) = [block.text for block in blocks(PAGE) if "CREATE POLICY" in block.text]
    reader = postgres.url.replace(postgres.url.split("//")[1].split("@")[0], f"resma_reader:{PASSWORD}")
    admin.execute(
        "CREATE SCHEMA ledger; CREATE TABLE ledger.bookings AS"
        " SELECT 'tenant-' || n AS tenant_id FROM generate_series(1, 9) AS n"
    )
    try:
        admin.execute(policy.encode())
        with psycopg.connect(reader) as connection:
            query = "SELECT tenant_id FROM ledger.bookings"
            assert connection.execute(query).fetchall() == [], "without a tenant"
            connection.execute("SELECT set_config('resma.tenant_id', 'tenant-7', true)")
            assert connection.execute(query).fetchall() == [("tenant-7",)]
    finally:
        admin.execute("DROP SCHEMA ledger CASCADE")
