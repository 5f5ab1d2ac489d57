"""`resma admin access`: manages tenants, their quotas and their keys in the database, without the API.

The URL of the database, with the role that owns it, comes from --database or from the environment variable
DATABASE_URL, which is not visible in the list of processes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.admin.tenants import (
    MAX_ATTACHMENT_BYTES,
    OPERATOR,
    QUOTAS,
    create_key,
    create_tenant,
    rename_tenant,
    set_email_attachments,
    set_email_domains,
    set_kms_key,
    set_quotas,
    set_signing_key,
)
from infra.errors import StackError
from infra.postgres.connect import connect
from resma.access.api_keys import (
    DEFAULT_GRACE_SECONDS,
    DEFAULT_LIFETIME_DAYS,
    MAX_DAYS,
    MAX_GRACE_SECONDS,
    ApiKey,
    find_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from resma.access.caller import SCOPES
from resma.errors import ResmaError


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command. Returns the exit code: 0 for success, 1 after an error message."""
    arguments = _parser().parse_args(given)
    url = arguments.database or os.environ.get("DATABASE_URL")
    if not url:
        print("No database is named. Use --database postgresql://…, or set DATABASE_URL.", file=sys.stderr)
        return 1
    command: Callable[[Connection[TupleRow], argparse.Namespace], None] = arguments.run
    try:
        with connect(url) as connection:
            command(connection, arguments)
    except (StackError, ResmaError, psycopg.Error) as error:
        # Only the primary message is printed, because other parts quote the row.
        detail = isinstance(error, psycopg.Error) and error.diag.message_primary
        print(f"Failed: {detail or error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="resma admin access", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--database", metavar="URL", help="URL of the database, with the role that owns it")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., None], description: str, *arguments: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=description, description=description)
        made.set_defaults(run=run)
        for argument in arguments:
            made.add_argument(argument)
        return made

    for made in (
        command("create-tenant", _create_tenant, "create a tenant", "tenant", "name"),
        command("set-quotas", _set_quotas, "change a tenant's limits", "tenant"),
    ):
        for quota in QUOTAS:
            made.add_argument(f"--{quota.replace('_', '-')}", type=int, metavar="N")
    command("rename-tenant", _rename_tenant, "change the name that is printed on a tenant's reports", "tenant", "name")
    made = command("set-kms-key", _set_kms_key, "set the KMS key that encrypts a tenant's files", "tenant")
    made.add_argument("arn", nargs="?", help="ARN of the key, which must be in the parameter KmsKeyArns")
    made.add_argument("--none", action="store_true", help="use the encryption of the bucket")
    made = command("set-signing-key", _set_signing_key, "set the OpenPGP key that signs encrypted files", "tenant")
    made.add_argument("fingerprint", nargs="?", help="fingerprint of the key in the secret resma/STAGE/openpgp/TENANT")
    made.add_argument("--none", action="store_true", help="do not sign files")
    made = command("set-email-domains", _set_email_domains, "set the domains of a tenant's recipients", "tenant")
    made.add_argument("domains", nargs="*", metavar="domain", help="a domain, which does not include its subdomains")
    made.add_argument("--none", action="store_true", help="allow no e-mail")
    made = command(
        "set-email-attachments", _set_email_attachments, "set the size of files that are attached to e-mail", "tenant"
    )
    made.add_argument("bytes", type=int, help=f"maximum size of all files, up to {MAX_ATTACHMENT_BYTES}; 0: none")
    made = command("create-key", _create_key, "create a key, and print it once", "tenant", "name")
    made.add_argument("--scope", action="append", default=[], choices=sorted(SCOPES), help="repeat for more scopes")
    made.add_argument(
        "--days", type=int, default=DEFAULT_LIFETIME_DAYS, help="days until it expires (default: %(default)s)"
    )
    made = command("rotate-key", _rotate_key, "create the replacement of a key", "tenant", "key_id")
    made.add_argument(
        "--grace-seconds", type=int, default=DEFAULT_GRACE_SECONDS, help="seconds for which the old key stays valid"
    )
    command("revoke-key", _revoke_key, "revoke a key at once", "tenant", "key_id")
    command("list", _list, "list tenants, their limits and their keys")
    return parser


def _quotas(arguments: argparse.Namespace) -> dict[str, int]:
    return {name: value for name in QUOTAS if (value := getattr(arguments, name)) is not None}


def _create_tenant(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    create_tenant(connection, arguments.tenant, arguments.name, _quotas(arguments))
    print(f"Created tenant {arguments.tenant}. Create its first key with create-key.")


def _rename_tenant(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    rename_tenant(connection, arguments.tenant, arguments.name)
    print(f"Tenant {arguments.tenant} is named {arguments.name}. Files that exist keep the earlier name.")


def _set_quotas(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    if not (quotas := _quotas(arguments)):
        raise StackError(
            f"No limit is named. Use one or more of {', '.join('--' + name.replace('_', '-') for name in QUOTAS)}."
        )
    set_quotas(connection, arguments.tenant, quotas)
    print(f"Tenant {arguments.tenant}: {', '.join(f'{name} {value}' for name, value in quotas.items())}")


def _set_kms_key(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    if (arguments.arn is None) != arguments.none:
        raise StackError("Name the ARN of a key, or use --none for the encryption of the bucket.")
    set_kms_key(connection, arguments.tenant, arguments.arn)
    print(
        f"Tenant {arguments.tenant}: files of later reports are encrypted with {arguments.arn}."
        if arguments.arn
        else f"Tenant {arguments.tenant}: files of later reports have the encryption of the bucket."
    )


def _set_signing_key(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    if (arguments.fingerprint is None) != arguments.none:
        raise StackError("Name the fingerprint of a key, or use --none to sign no files.")
    fingerprint = set_signing_key(connection, arguments.tenant, arguments.fingerprint)
    print(
        f"Tenant {arguments.tenant}: encrypted files of later reports are signed with {fingerprint}."
        if fingerprint
        else f"Tenant {arguments.tenant}: files of later reports are not signed."
    )


def _set_email_domains(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    if bool(arguments.domains) == arguments.none:
        raise StackError("Name the domains, or use --none to allow no e-mail.")
    domains = set_email_domains(connection, arguments.tenant, arguments.domains)
    print(f"Tenant {arguments.tenant}: e-mail to {', '.join(domains) or 'no domain'}.")


def _set_email_attachments(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    set_email_attachments(connection, arguments.tenant, arguments.bytes)
    print(f"Tenant {arguments.tenant}: at most {arguments.bytes} bytes are attached to a message.")


def _create_key(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    lifetime = timedelta(days=min(arguments.days, MAX_DAYS + 1))
    _print_key(*create_key(connection, arguments.tenant, arguments.name, arguments.scope, lifetime))


def _rotate_key(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    if not 0 <= arguments.grace_seconds <= MAX_GRACE_SECONDS:
        raise StackError(f"`--grace-seconds` must be from 0 to {MAX_GRACE_SECONDS}.")
    key = find_key(connection, arguments.tenant, arguments.key_id)
    made, text, old = rotate_key(connection, key, timedelta(seconds=arguments.grace_seconds), OPERATOR)
    print(f"Key {old.key_id} stays valid until {old.expires_at:%Y-%m-%d %H:%M:%S %Z}")
    _print_key(made, text)


def _revoke_key(connection: Connection[TupleRow], arguments: argparse.Namespace) -> None:
    revoke_key(connection, arguments.tenant, arguments.key_id)
    print(f"Revoked key {arguments.key_id}.")


def _list(connection: Connection[TupleRow], _arguments: argparse.Namespace) -> None:
    tenants = connection.execute(
        "SELECT tenant_id, name, requests_per_second, requests_burst, live_reports, rows_per_day, files_per_day,"
        " max_retention_days, kms_key, signing_key, email_domains, email_attachment_bytes FROM resma.tenants"
        " ORDER BY tenant_id"
    ).fetchall()
    for tenant_id, name, *limits, kms_key, signing_key, email_domains, attachment_bytes in tenants:
        values = ", ".join(f"{quota} {limit}" for quota, limit in zip(QUOTAS, limits, strict=True) if limit is not None)
        print(f"{tenant_id}  {name}  ({values})")
        if kms_key is not None:
            print(f"    files are encrypted with {kms_key}")
        if signing_key is not None:
            print(f"    encrypted files are signed with {signing_key}")
        if email_domains:
            print(f"    e-mail to {', '.join(email_domains)}, with at most {attachment_bytes} bytes attached")
        for key in list_keys(connection, tenant_id):
            print(f"    {_line(key)}")


def _print_key(key: ApiKey, text: str) -> None:
    print(_line(key), f"The key, which is shown only once:\n\n{text}\n", sep="\n")


def _line(key: ApiKey) -> str:
    expiry = f"expires {key.expires_at:%Y-%m-%d}" if key.status == "ACTIVE" else key.status.lower()
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    return f"{key.key_id}  {key.name}  {' '.join(key.scopes)}  {expiry}, last used {used}"


if __name__ == "__main__":
    sys.exit(main())
