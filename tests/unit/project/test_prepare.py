"""`resma aws prepare`: parameters in samconfig.toml, and addresses of databases for the functions."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from infra.paths import ROOT
from infra.prepare.addresses import find_address
from infra.prepare.samconfig import SamconfigError, change_parameters

SAMCONFIG = (ROOT / "samconfig.toml").read_text(encoding="utf-8")
SECRETS = {"DatabaseSecretArn": "arn:new", "WebhookSecretArn": "arn:webhook"}


def section(text: str, stage: str) -> dict[str, Any]:
    deploy: dict[str, Any] = tomllib.loads(text)[stage]["deploy"]["parameters"]
    return deploy


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"StageName=dev"', "StageName=dev DatabaseSecretArn=arn:new WebhookSecretArn=arn:webhook"),
        (
            r'"DatabaseSecretArn=\"arn old\" StageName=\"dev\" WebhookSecretArn="',
            'DatabaseSecretArn=arn:new StageName="dev" WebhookSecretArn=arn:webhook',
        ),
        (
            '["StageName=dev", "DatabaseSecretArn=old"]',
            ["StageName=dev", "DatabaseSecretArn=arn:new", "WebhookSecretArn=arn:webhook"],
        ),
        ('"OldDatabaseSecretArn=x"', "OldDatabaseSecretArn=x DatabaseSecretArn=arn:new WebhookSecretArn=arn:webhook"),
    ],
)
def test_parameters_are_replaced_or_added(before: str, after: str | list[str]) -> None:
    text = f"[dev.deploy.parameters]\n# a comment\nregion = 'us-west-2'\nparameter_overrides = {before}  # another\n"
    changed = change_parameters(text, "dev", "eu-west-1", SECRETS)
    assert section(changed, "dev") == {"region": "us-west-2", "parameter_overrides": after}
    assert "# a comment\n" in changed
    assert change_parameters(changed, "dev", "eu-west-1", SECRETS) == changed


def test_a_new_stage_gets_the_sections_of_the_others() -> None:
    changed = change_parameters(SAMCONFIG, "staging", "eu-west-1", SECRETS)
    assert changed.startswith(SAMCONFIG)
    made, dev = section(changed, "staging"), section(SAMCONFIG, "dev")
    assert made.keys() == {*dev, "region"}
    assert (made["stack_name"], made["region"]) == ("resma-staging", "eu-west-1")
    assert made["parameter_overrides"].startswith("StageName=staging DatabaseSecretArn=arn:new")
    builds = tomllib.loads(changed)
    assert builds["staging"]["build"] == builds["dev"]["build"]


@pytest.mark.parametrize(
    "text", ["[dev.deploy]\n", "dev = 1\n", "[dev.deploy.parameters]\nparameter_overrides = 1\n", "["]
)
def test_a_file_that_is_not_valid_is_an_error(text: str) -> None:
    with pytest.raises(SamconfigError, match=r"samconfig.toml: .*Correct it"):
        change_parameters(text, "dev", "eu-west-1", SECRETS)


def test_certificates_are_read_from_the_code_folder() -> None:
    given = {
        "host": "db.internal",
        "port": "6432",
        "dbname": "shop",
        "sslmode": "verify-full",
        "sslrootcert": "/a/b.pem",
    }
    address = find_address(given, None, "--database-host", uses_tls=True)
    assert address.fields == {
        **{"host": "db.internal", "port": 6432, "dbname": "shop"},
        **{"sslmode": "verify-full", "sslrootcert": "/var/task/b.pem"},
    }
    assert address.problems == ()
    assert address.warnings == ("Copy /a/b.pem to functions/b.pem before `resma aws build`: the functions read it.",)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "/var/run/postgresql", ""])
def test_a_host_of_this_machine_is_a_problem(host: str) -> None:
    given = {"host": host, "dbname": "shop", "sslmode": "require"}
    (problem,) = find_address(given, None, "--source-host", uses_tls=True).problems
    assert "Name the host of the database with --source-host HOST[:PORT]." in problem
    assert find_address(given, "db:6432", "--source-host", uses_tls=True).fields["port"] == 6432


def test_a_connection_without_encryption_is_a_problem_unless_the_url_allows_it() -> None:
    given = {"host": "db", "dbname": "shop", "sslmode": "prefer"}
    (problem,) = find_address(given, None, "--source-host", uses_tls=False).problems
    assert "add ?sslmode=disable to the URL" in problem
    assert find_address({**given, "sslmode": "disable"}, None, "--source-host", uses_tls=False).problems == ()
    assert "sslmode" not in find_address(given, None, "--source-host", uses_tls=True).fields
