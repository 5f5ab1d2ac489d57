"""Creates tenants and keys in the database. A tenant's first key cannot be created through the API."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.errors import StackError
from resma.access.api_keys import MAX_DAYS, ApiKey, NewKey, insert_key
from resma.access.caller import SCOPES
from resma.destinations.addresses import parse_domain

QUOTAS = (
    "requests_per_second",
    "requests_burst",
    "live_reports",
    "rows_per_day",
    "files_per_day",
    "max_retention_days",
)
"""Columns of `resma.tenants` with limits. Their defaults are in the migrations; `max_retention_days` has none."""

_KMS_KEY = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,100}"

_FINGERPRINT = "[0-9A-F]{40}|[0-9A-F]{64}"

MAX_ATTACHMENT_BYTES = 7_000_000
"""Maximum size of all attachments of a message: in base64 they are still smaller than 10 MB."""

MAX_QUOTA = 2**31 - 1
"""Maximum value of a limit: that of an integer in Postgres."""

MAX_NAME = 100
"""Maximum number of characters of a name."""

OPERATOR = "operator"
"""Creator of the keys that are created here."""


def create_tenant(connection: Connection[TupleRow], tenant_id: str, name: str, quotas: Mapping[str, int]) -> None:
    """Creates a tenant. Raises StackError if the id or the name is not valid, or if the tenant already exists."""
    if re.fullmatch(r"[a-z0-9-]{1,63}", tenant_id) is None:
        raise StackError(f"'{tenant_id}' is not a valid tenant id. Use 1 to 63 lower-case letters, digits and hyphens.")
    _require_name(name)
    row = connection.execute(
        "INSERT INTO resma.tenants (tenant_id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING tenant_id",
        (tenant_id, name),
    ).fetchone()
    if row is None:
        raise StackError(
            f"Tenant {tenant_id} already exists. Change its name with rename-tenant, and its limits with set-quotas."
        )
    set_quotas(connection, tenant_id, quotas)


def rename_tenant(connection: Connection[TupleRow], tenant_id: str, name: str) -> None:
    """Changes the name of a tenant, which is printed on its reports. Files that exist keep the earlier name.

    Raises StackError if the tenant does not exist or the name is not valid.
    """
    require_tenant(connection, tenant_id)
    _require_name(name)
    connection.execute("UPDATE resma.tenants SET name = %s WHERE tenant_id = %s", (name, tenant_id))


def set_quotas(connection: Connection[TupleRow], tenant_id: str, quotas: Mapping[str, int]) -> None:
    """Changes limits of a tenant. Raises StackError if the tenant does not exist, or a limit is not valid."""
    require_tenant(connection, tenant_id)
    for name, value in quotas.items():
        if name not in QUOTAS or not 1 <= value <= MAX_QUOTA:
            raise StackError(
                f"{name}={value} is not a valid limit. Use 1 to {MAX_QUOTA} for one of {', '.join(QUOTAS)}."
            )
        connection.execute(
            sql.SQL("UPDATE resma.tenants SET {} = %s WHERE tenant_id = %s").format(sql.Identifier(name)),
            (value, tenant_id),
        )


def set_kms_key(connection: Connection[TupleRow], tenant_id: str, kms_key: str | None) -> None:
    """Sets the KMS key that encrypts the files of a tenant's later reports; None: the encryption of the bucket.

    Raises StackError if the tenant does not exist, or for a value that is not the ARN of a key. Workers refuse a key
    that is not in the parameter KmsKeyArns.
    """
    require_tenant(connection, tenant_id)
    if kms_key is not None and re.fullmatch(_KMS_KEY, kms_key) is None:
        raise StackError(
            f"'{kms_key[:200]}' is not the ARN of a KMS key. Use the form "
            "arn:aws:kms:REGION:ACCOUNT:key/ID, as in the parameter KmsKeyArns. Aliases are not accepted."
        )
    connection.execute("UPDATE resma.tenants SET kms_key = %s WHERE tenant_id = %s", (kms_key, tenant_id))


def set_signing_key(connection: Connection[TupleRow], tenant_id: str, fingerprint: str | None) -> str | None:
    """Sets the OpenPGP key that signs the encrypted files of a tenant's later reports; None: they are not signed.

    Returns the fingerprint as it is stored: in capital letters, without spaces. Raises StackError if the tenant does
    not exist, or for a value that is not a fingerprint. Workers read the key from Secrets Manager and check it.
    """
    require_tenant(connection, tenant_id)
    stored = None if fingerprint is None else re.sub(r"\s", "", fingerprint).upper()
    if stored is not None and re.fullmatch(_FINGERPRINT, stored) is None:
        raise StackError(
            f"'{str(fingerprint)[:200]}' is not the fingerprint of an OpenPGP key. Use all its 40 or 64 hexadecimal "
            "digits, as `gpg --list-secret-keys --fingerprint` shows them."
        )
    connection.execute("UPDATE resma.tenants SET signing_key = %s WHERE tenant_id = %s", (stored, tenant_id))
    return stored


def set_email_domains(connection: Connection[TupleRow], tenant_id: str, domains: Collection[str]) -> list[str]:
    """Sets the domains to which a tenant may send e-mail; none: it may send none. Returns them as they are stored.

    A domain does not include its subdomains. Raises StackError if the tenant does not exist, or with all domains that
    are not valid.
    """
    require_tenant(connection, tenant_id)
    parsed, errors = set(), []
    for domain in domains:
        try:
            parsed.add(parse_domain(domain))
        except ValueError as error:
            errors.append(str(error))
    if errors:
        raise StackError(" ".join(errors))
    stored = sorted(parsed)
    connection.execute("UPDATE resma.tenants SET email_domains = %s WHERE tenant_id = %s", (stored, tenant_id))
    return stored


def set_email_attachments(connection: Connection[TupleRow], tenant_id: str, max_bytes: int) -> None:
    """Sets the maximum size of all attachments of a tenant's messages, in bytes; 0: no attachments.

    Raises StackError if the tenant does not exist or the size is not valid.
    """
    require_tenant(connection, tenant_id)
    if not 0 <= max_bytes <= MAX_ATTACHMENT_BYTES:
        raise StackError(
            f"The size of attachments must be from 0 to {MAX_ATTACHMENT_BYTES} bytes, because messages of more than "
            "10 MB are not accepted, and attachments grow by a third when they are sent."
        )
    connection.execute(
        "UPDATE resma.tenants SET email_attachment_bytes = %s WHERE tenant_id = %s", (max_bytes, tenant_id)
    )


def create_key(
    connection: Connection[TupleRow], tenant_id: str, name: str, scopes: Collection[str], lifetime: timedelta
) -> tuple[ApiKey, str]:
    """Creates a key of a tenant. Returns its row and the key itself. Raises StackError if an argument is not valid."""
    require_tenant(connection, tenant_id)
    _require_name(name)
    if not scopes or not SCOPES.issuperset(scopes):
        raise StackError(f"A key must have at least one scope of {', '.join(sorted(SCOPES))}.")
    if not timedelta(0) < lifetime <= timedelta(days=MAX_DAYS):
        raise StackError(f"A key must expire after 1 to {MAX_DAYS} days.")
    return insert_key(connection, NewKey(tenant_id, name, scopes, lifetime, OPERATOR))


def _require_name(name: str) -> None:
    """Raises StackError for a name that the API would reject. A tenant's name is printed on its reports."""
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise StackError(
            f"{name[:MAX_NAME]!r} is not a valid name. Use 1 to {MAX_NAME} characters, without control characters."
        )


def require_tenant(connection: Connection[TupleRow], tenant_id: str) -> None:
    """Raises StackError if the tenant does not exist."""
    if connection.execute("SELECT FROM resma.tenants WHERE tenant_id = %s", (tenant_id,)).fetchone() is None:
        raise StackError(f"There is no tenant {tenant_id}. Create it with create-tenant.")


def make_key(database_url: str, tenant_id: str, name: str, scopes: Collection[str], lifetime: timedelta) -> str:
    """Connects to a database, creates a key and returns the key itself."""
    with psycopg.connect(database_url) as connection:
        return create_key(connection, tenant_id, name, scopes, lifetime)[1]
