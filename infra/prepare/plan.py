"""Reads the state of database, secrets and samconfig.toml, and decides what is to be done. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.deploy.source import open_source
from infra.errors import StackError
from infra.postgres.connect import connect, parse_url
from infra.postgres.migrate import (
    APP,
    READER,
    SYSTEM,
    SYSTEM_TABLES,
    MigrationError,
    find_missing_logins,
    find_missing_rights,
    find_pending,
)
from infra.prepare.addresses import Address, find_address
from infra.prepare.logins import find_existing_logins, find_shared_logins, find_unchangeable_logins, is_valid_password
from infra.prepare.options import DEFAULT_TENANT, PrepareOptions
from infra.prepare.reader_grants import find_read_tables, missing_grants
from infra.prepare.samconfig import change_parameters, read_samconfig
from infra.prepare.secret_store import ReadableStore, StoredSecret
from resma.catalog import catalog_folder, load_catalog, load_settings
from resma.errors import ResmaError

KEY_NAME = "first key"
KEY_SCOPES = ("keys:manage", "reports:read", "reports:write")


class PrepareError(StackError):
    """The deployment can't be prepared. Nothing was changed. The message has a line for each problem."""

    code = "prepare-failed"


@dataclass(frozen=True)
class SecretPlan:
    """A secret, and what is done with it."""

    name: str
    parameter: str
    """Parameter of the template that takes its ARN."""
    stored: StoredSecret | None
    fields: Mapping[str, Any]
    """Its new value; without the password if a new one is generated."""
    new_password_of: str | None = None
    """Login that gets a new password."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the stored secret already has this value."""
        return self.stored is not None and self.stored.fields == self.fields and not self.new_password_of

    def __repr__(self) -> str:
        return f"SecretPlan({self.name})"


@dataclass(frozen=True)
class Plan:
    """Everything that is to be done, in this order."""

    pending: Sequence[str]
    """Names of migrations."""
    missing_logins: Sequence[str]
    grants: Sequence[str]
    """Statements that give the reader access to the tables of the reports."""
    tenant: str | None
    tenant_name: str | None
    """Name of the tenant, if it is created."""
    creates_key: bool
    secrets: Sequence[SecretPlan]
    warnings: Sequence[str]


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    """Missing rights. They do not prevent a dry run, because somebody else may execute its script."""
    warnings: list[str] = field(default_factory=list)

    def add(self, address: Address) -> None:
        self.problems += address.problems
        self.warnings += address.warnings


def make_plan(options: PrepareOptions, connection: Connection[TupleRow], store: ReadableStore) -> Plan:
    """Returns what is to be done. Raises PrepareError with all problems; StackError if the services do not respond."""
    found = _Findings()
    pending = _find_pending(connection, found)
    secrets = [*_login_secrets(options, connection, store, found), _webhook_secret(options, store)]
    reader_is_used = any(one.fields.get("username") == READER for one in secrets)
    grants = _find_grants(options, connection, found) if reader_is_used else []
    tenant, tenant_name, creates_key = _find_tenant(
        options, connection, has_tables=pending is not None and len(pending) < len(SYSTEM_TABLES.names)
    )
    try:
        # An error in the file is found before anything is changed.
        change_parameters(read_samconfig(options.config_file), options.stage, store.region, {"DatabaseSecretArn": ""})
    except StackError as error:
        found.problems.append(str(error))
    (found.warnings if options.is_dry_run else found.problems).extend(found.rights)
    if found.problems:
        raise PrepareError("Nothing was changed.\n" + "\n".join(dict.fromkeys(found.problems)))
    warnings = list(dict.fromkeys(found.warnings))
    return Plan(
        pending or (), find_missing_logins(connection), grants, tenant, tenant_name, creates_key, secrets, warnings
    )


def secret_name(stage: str, use: str) -> str:
    """Returns the name of a stage's secret."""
    return f"resma/{stage}/{use}"


def _find_pending(connection: Connection[TupleRow], found: _Findings) -> list[str] | None:
    """Returns the names of the pending migrations; None if the schema is of another application."""
    try:
        pending = find_pending(connection)
    except MigrationError as error:
        found.problems.append(str(error))
        return None
    found.rights += find_missing_rights(connection, SYSTEM_TABLES, pending)
    return pending


def _login_secrets(
    options: PrepareOptions, connection: Connection[TupleRow], store: ReadableStore, found: _Findings
) -> list[SecretPlan]:
    """Returns the plans of the secrets with databases: those of the logins, and that of the source."""
    url = parse_url(options.database)
    parameters = {"host": connection.info.host, "port": connection.info.port, "dbname": connection.info.dbname, **url}
    address = find_address(
        parameters, options.database_host, "--database-host", uses_tls=bool(connection.pgconn.ssl_in_use)
    )
    reader_address = address
    if options.source_host:
        reader_address = find_address(parameters, options.source_host, "--source-host", uses_tls=True)
    secrets = []
    for use, parameter, login, own, is_host_named in (
        ("app", "DatabaseSecretArn", APP, address, options.database_host is not None),
        ("system", "SystemSecretArn", SYSTEM, address, options.database_host is not None),
        ("source", "SourceSecretArn", READER, reader_address, options.source_host is not None),
    ):
        name = secret_name(options.stage, use)
        stored = store.find(name)
        if use == "source" and options.source:
            secrets.append(SecretPlan(name, parameter, stored, _source_fields(options, found)))
        elif use == "source" and stored and stored.fields.get("username") != READER:
            secrets.append(SecretPlan(name, parameter, stored, stored.fields))
            found.warnings.append(f"Reports read the source database of {name}, as before. --source changes it.")
        else:
            copied = store.find(secret_name(options.passwords_of, use)) if options.passwords_of else None
            plan = _login_secret(SecretPlan(name, parameter, stored, {}), login, url, own, copied)
            if is_host_named and stored:
                plan = replace(plan, fields={**plan.fields, "host": own.fields["host"], "port": own.fields["port"]})
            if is_host_named or not stored:
                found.add(own)
            secrets.append(plan)
    changed = [one.new_password_of for one in secrets if one.new_password_of]
    unknown = [one.new_password_of for one in secrets if one.new_password_of and one.stored is None]
    if shared := find_shared_logins(connection, changed):
        found.problems += shared
    elif not options.is_new_passwords and (existing := find_existing_logins(connection, unknown)):
        found.problems.append(
            f"The logins {', '.join(existing)} exist, but the stage {options.stage} has no secret with their "
            "passwords. If another stage uses them, name it with --passwords-of STAGE. If nothing uses them, set new "
            "passwords with --new-passwords."
        )
    else:
        found.rights += find_unchangeable_logins(connection, changed)
    return secrets


def _login_secret(
    plan: SecretPlan, login: str, url: Mapping[str, Any], address: Address, copied: StoredSecret | None
) -> SecretPlan:
    """Returns the plan of a login's secret. A password that is valid is kept, and so are fields that were added."""
    stored = plan.stored.fields if plan.stored else {}
    for secret in (stored, copied.fields if copied else {}):
        password = secret.get("password")
        if secret.get("username") == login and password and is_valid_password(url, login, password):
            fields = stored if secret is stored else {**address.fields, "username": login, "password": password}
            return SecretPlan(plan.name, plan.parameter, plan.stored, fields)
    fields = {**address.fields, **stored, "username": login}
    fields.pop("password", None)
    return SecretPlan(plan.name, plan.parameter, plan.stored, fields, new_password_of=login)


def _source_fields(options: PrepareOptions, found: _Findings) -> dict[str, Any]:
    """Returns the fields of the secret of a source database. Its URL has the login, and nothing is installed there."""
    try:
        source = open_source(options.source or "")
        with connect(source.url) as connection:
            uses_tls = bool(connection.pgconn.ssl_in_use)
    except StackError as error:
        found.problems.append(str(error))
        return {}
    address = find_address(source.secret, options.source_host, "--source-host", uses_tls=uses_tls)
    found.add(address)
    if not source.secret["password"]:
        found.problems.append("The URL of the source has no password, which the functions need. Add it to --source.")
    return {**address.fields, "username": source.secret["username"], "password": source.secret["password"]}


def _webhook_secret(options: PrepareOptions, store: ReadableStore) -> SecretPlan:
    """Returns the plan of the secret that those of receivers are derived from. An existing one is never replaced."""
    name = secret_name(options.stage, "webhook")
    stored = store.find(name)
    return SecretPlan(name, "WebhookSecretArn", stored, stored.fields if stored else {})


def _find_grants(options: PrepareOptions, connection: Connection[TupleRow], found: _Findings) -> list[str]:
    """Returns the grants that the reader lacks and that this role may give. The others become warnings."""
    folder = catalog_folder(options.catalog)
    try:
        requires_tenants = load_settings(folder).tenants == "required"
        report_types = load_catalog(folder).values()
    except ResmaError as error:
        found.problems.append(f"The catalog {folder} has errors: {error}")
        return []
    tables = find_read_tables(connection, report_types)
    if not tables:
        found.warnings.append(
            f"No query of the catalog {folder} can be read in this database, so the reader gets no grants. If the "
            "reports read another database, name it with --source."
        )
    for statement in missing_grants(table for table in tables if not table.may_grant):
        found.warnings.append(f"Execute as the owner of the tables: {statement};")
    for table in tables:
        if requires_tenants and not table.has_policies:
            found.warnings.append(
                f"{table.name} has no row level security: only the condition in query.sql isolates tenants. See "
                "docs/aws.md, Isolation of tenants."
            )
    return missing_grants(table for table in tables if table.may_grant)


def _find_tenant(
    options: PrepareOptions, connection: Connection[TupleRow], *, has_tables: bool
) -> tuple[str | None, str | None, bool]:
    """Returns the tenant, its name if it is to be created, and whether it needs a key."""
    existing: set[str] = set()
    if has_tables:
        existing = {name for (name,) in connection.execute("SELECT tenant_id FROM resma.tenants")}
    if options.tenant is None and existing:
        return None, None, False
    tenant = options.tenant or DEFAULT_TENANT
    if tenant not in existing:
        return tenant, options.tenant_name or _brand_name(options) or tenant.capitalize(), True
    has_key = connection.execute(
        "SELECT FROM resma.api_keys WHERE tenant_id = %s AND revoked_at IS NULL AND expires_at > clock_timestamp()",
        (tenant,),
    ).fetchone()
    return tenant, None, has_key is None


def _brand_name(options: PrepareOptions) -> str | None:
    """Returns the name of the brand in resma.toml."""
    try:
        return load_settings(catalog_folder(options.catalog)).brand.name
    except ResmaError:
        return None
