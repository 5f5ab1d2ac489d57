"""Executes a plan: one transaction in the database, which is committed after the secrets are stored."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.admin.tenants import create_key, create_tenant
from infra.postgres.migrate import apply_migrations, change_password
from infra.prepare.plan import KEY_NAME, KEY_SCOPES, Plan, SecretPlan
from infra.prepare.samconfig import change_parameters, read_samconfig
from infra.prepare.secret_store import SecretStore
from resma.access.api_keys import DEFAULT_LIFETIME_DAYS

PASSWORD_BYTES = 24


def change_database(plan: Plan, connection: Connection[TupleRow]) -> tuple[dict[str, str], str | None]:
    """Executes the part of a plan in the database, without a commit. Returns new passwords by login, and the key."""
    apply_migrations(connection)
    passwords = {}
    for secret in plan.secrets:
        if login := secret.new_password_of:
            passwords[login] = secrets.token_urlsafe(PASSWORD_BYTES)
            change_password(connection, login, passwords[login])
    for grant in plan.grants:
        connection.execute(grant.encode())
    key = None
    if plan.tenant and plan.tenant_name:
        create_tenant(connection, plan.tenant, plan.tenant_name, {})
    if plan.tenant and plan.creates_key:
        lifetime = timedelta(days=DEFAULT_LIFETIME_DAYS)
        _, key = create_key(connection, plan.tenant, KEY_NAME, KEY_SCOPES, lifetime)
    return passwords, key


def store_secrets(plan: Plan, store: SecretStore, passwords: dict[str, str]) -> dict[str, str]:
    """Creates and updates the secrets. Returns the parameters of the template: the ARN of each secret.

    If it fails, the database must be rolled back. A secret that was stored before has a password that is not valid
    then, so the next run replaces it.
    """
    return {secret.parameter: _store(secret, store, passwords) for secret in plan.secrets}


def _store(secret: SecretPlan, store: SecretStore, passwords: dict[str, str]) -> str:
    fields = dict(secret.fields)
    if secret.new_password_of:
        fields["password"] = passwords[secret.new_password_of]
    if secret.parameter == "WebhookSecretArn" and secret.stored is None:
        fields["secret"] = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    if secret.stored is None:
        return store.create(secret.name, fields)
    return secret.stored.arn if secret.is_unchanged else store.update(secret.name, fields)


def write_parameters(path: Path, stage: str, region: str, parameters: dict[str, str]) -> bool:
    """Writes the parameters to the stage's section of samconfig.toml. Returns whether the file was changed."""
    text = read_samconfig(path)
    changed = change_parameters(text, stage, region, parameters)
    if changed != text:
        path.write_text(changed, encoding="utf-8")
    return changed != text


def summarize(plan: Plan) -> Iterator[str]:
    """Yields a line for each step of a plan that was executed."""
    yield f"Applied {len(plan.pending)} migrations." if plan.pending else "No migration is pending."
    if logins := [one.new_password_of for one in plan.secrets if one.new_password_of]:
        yield f"Set new passwords of {', '.join(logins)}."
    yield from (f"{grant}." for grant in plan.grants)
    for secret in plan.secrets:
        done = "Created" if secret.stored is None else "Left unchanged:" if secret.is_unchanged else "Updated"
        yield f"{done} secret {secret.name}."
    if plan.tenant_name:
        yield f'Created tenant {plan.tenant}, named "{plan.tenant_name}" (rename-tenant changes it).'
