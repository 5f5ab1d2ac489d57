"""Prints a plan as a script for psql, in which everything else is a comment: for a database administrator."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.postgres.migrate import ROLES, SYSTEM_TABLES
from infra.prepare.options import PrepareOptions
from infra.prepare.plan import KEY_NAME, KEY_SCOPES, Plan, SecretPlan


def describe_plan(options: PrepareOptions, plan: Plan, connection: Connection[TupleRow], region: str) -> Iterator[str]:
    """Yields the lines of the script. It contains no password: psql prompts for those of the logins."""
    info = connection.info
    yield f"-- `resma aws prepare` for the stage {options.stage}. Nothing was changed."
    yield ""
    yield f"-- 1. Database {info.dbname} on {info.host}:{info.port}: execute with psql as {info.user}"
    yield from _statements(plan, connection)
    for secret in plan.secrets:
        if secret.new_password_of:
            yield f"\\password {secret.new_password_of}"
    yield ""
    yield f"-- 2. Secrets in AWS Secrets Manager, region {region}"
    for secret in plan.secrets:
        yield f"-- {_call(secret, region)}"
    yield ""
    yield f"-- 3. Parameters of [{options.stage}.deploy.parameters] in {options.config_file}"
    for secret in plan.secrets:
        arn = secret.stored.arn if secret.stored else f"<ARN of {secret.name}>"
        yield f"-- {secret.parameter}={arn}"
    if plan.creates_key:
        scopes = " ".join(f"--scope {scope}" for scope in KEY_SCOPES)
        yield ""
        yield "-- 4. The first key"
        yield f'-- resma admin access create-key {plan.tenant} "{KEY_NAME}" {scopes}'
    for warning in plan.warnings:
        yield f"-- Warning: {warning}"


def _statements(plan: Plan, connection: Connection[TupleRow]) -> Iterator[str]:
    yield "\\set ON_ERROR_STOP on"
    yield "BEGIN;"
    if plan.pending or plan.missing_logins:
        yield ROLES.read_text(encoding="utf-8").rstrip()
    if plan.pending:
        yield "CREATE SCHEMA IF NOT EXISTS resma;"
        yield (
            "CREATE TABLE IF NOT EXISTS resma.migrations (name text PRIMARY KEY,"
            " applied_at timestamptz NOT NULL DEFAULT clock_timestamp());"
        )
    for name in plan.pending:
        yield SYSTEM_TABLES.read(name).rstrip()
        yield "SET CONSTRAINTS ALL IMMEDIATE;"
        insert = sql.SQL("INSERT INTO resma.migrations (name) VALUES ({});")
        yield insert.format(name).as_string(connection)
    yield from (f"{grant};" for grant in plan.grants)
    if plan.tenant and plan.tenant_name:
        insert = sql.SQL("INSERT INTO resma.tenants (tenant_id, name) VALUES ({}, {});")
        yield insert.format(plan.tenant, plan.tenant_name).as_string(connection)
    yield "COMMIT;"


def _call(secret: SecretPlan, region: str) -> str:
    """Returns the command of the AWS CLI for a secret."""
    if secret.is_unchanged:
        return f"{secret.name} is unchanged"
    fields = dict(secret.fields)
    if secret.parameter == "WebhookSecretArn":
        fields["secret"] = "<whsec_ and 32 random bytes in base64>"  # noqa: S105  # a placeholder
    else:
        fields["password"] = f"<password of {fields['username']}>"
    verb, option = ("create-secret", "--name") if secret.stored is None else ("put-secret-value", "--secret-id")
    return (
        f"aws secretsmanager {verb} --region {region} {option} {secret.name} "
        f"--secret-string {shlex.quote(json.dumps(fields))}"
    )
