"""docs/aws.md explains every question of `sam deploy --guided`, and its SQL separates tenants."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from infra.paths import ROOT, TEMPLATE
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from infra.template import read_template
from tests.support.docs_pages import blocks
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.owned_databases import new_database
from tests.support.sam import SAM, sam_environment

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
        timeout=PATIENCE_SECONDS,
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


@pytest.mark.parametrize(("way", "table"), [("CREATE VIEW", "reports.bookings"), ("CREATE POLICY", "ledger.bookings")])
def test_both_ways_of_isolation_show_the_rows_of_one_tenant(cluster: PostgresServer, way: str, table: str) -> None:
    """Executes the statements of the page on a server that Resma has never used."""
    (role,) = [block.text for block in blocks(PAGE) if "CREATE ROLE reports" in block.text]
    (statements,) = [block.text for block in blocks(PAGE) if way in block.text]
    query = f"SELECT tenant_id FROM {table}".encode()
    with psycopg.connect(new_database(cluster), autocommit=True) as owner:
        owner.execute(
            "CREATE SCHEMA sales; CREATE TABLE sales.orders (x int); CREATE TABLE sales.customers (x int);"
            " CREATE SCHEMA ledger; CREATE TABLE ledger.bookings AS"
            " SELECT 'tenant-' || n AS tenant_id FROM generate_series(1, 9) AS n"
        )
        try:
            owner.execute(f"{role}; CREATE ROLE application; GRANT reports, application TO CURRENT_USER".encode())
            owner.execute(statements.encode())
            owner.execute("GRANT USAGE ON SCHEMA ledger TO application; GRANT SELECT ON ledger.bookings TO application")
            owner.execute("SET ROLE reports")
            assert owner.execute(query).fetchall() == [], "without a tenant"
            owner.execute("SELECT set_config('resma.tenant_id', 'tenant-7', false)")
            assert owner.execute(query).fetchall() == [("tenant-7",)]
            owner.execute("SET ROLE application")
            assert len(owner.execute("SELECT tenant_id FROM ledger.bookings").fetchall()) == 9
        finally:
            owner.execute("RESET ROLE; DROP OWNED BY reports, application; DROP ROLE reports, application")
