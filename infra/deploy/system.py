"""Deploys the system to an emulator of AWS: passwords, secrets, parameters, the stack, and the reports' bucket."""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from infra.checks.report_types.check_folder import check_catalog
from infra.deploy.cloudformation import DEPLOY_SECONDS, AwsEndpoint, Package, deploy, put_secret, read_stage
from infra.deploy.source import SourceDatabase
from infra.paths import FUNCTIONS, TEMPLATE
from infra.postgres.migrate import LOGINS, READER, set_password
from resma.catalog import DEMO_CATALOG


@dataclass(frozen=True)
class ObjectStore:
    """An S3-compatible server with its own keys, such as MinIO. `url` is for the functions and for this process."""

    url: str
    access_key_id: str
    secret_access_key: str
    public_url: str | None = None
    """URL for presigned URLs, if it differs."""


@dataclass(frozen=True)
class DeploymentEnvironment:
    """The environment that the system is deployed to."""

    aws: AwsEndpoint
    database_url: str
    """URL of the database for this process, with a role that may set passwords."""
    database_host: str
    database_port: int
    """Host and port of the database for the functions."""
    webhook_secret: str
    """Secret from which those of webhook endpoints are derived: `whsec_` and random bytes in base64."""
    public_base_url: str
    object_store: ObjectStore | None = None
    """Object store to use instead of the AWS endpoint's S3."""
    source: SourceDatabase | None = None
    """The source database, if it is not the deployment's own database."""
    source_port: int | None = None
    """Port of the source database for the functions, if it differs from `database_port`."""

    def port_of(self, login: str) -> int:
        """Returns the port of the database for functions with a login."""
        return self.source_port if login == READER and self.source_port is not None else self.database_port


@dataclass(frozen=True)
class DeploymentOptions:
    """Differences of a deployment from the stage `local` of samconfig.toml."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """Parameters of the template, which override all others."""
    template: Path = TEMPLATE
    functions: Path = FUNCTIONS
    """Folder with the code of all functions."""
    catalog: Path = DEMO_CATALOG
    """Folder of the report types, which is packaged with the code."""
    timeout_seconds: float = DEPLOY_SECONDS


def deploy_system(environment: DeploymentEnvironment, options: DeploymentOptions | None = None) -> dict[str, str]:
    """Deploys template.yaml with everything that it requires. Returns the stack's outputs. The stack must not exist.

    It sets new passwords of the logins, which only the database and the secrets contain. Report types with errors are
    deployed too: they cannot be generated until their files are corrected. Raises StackError.
    """
    options = options or DeploymentOptions()
    parameters = {
        **_secret_parameters(environment),
        "PublicBaseUrl": environment.public_base_url,
        **_object_store_parameters(environment),
        **options.parameters,
    }
    package = Package(options.template, options.functions, options.catalog)
    stage = read_stage("local").with_parameters(parameters)
    outputs = deploy(environment.aws, package, stage, timeout_seconds=options.timeout_seconds)
    # CloudFormation creates the bucket in the AWS endpoint's S3. In another object store it must be created here.
    if environment.object_store is not None:
        create_bucket_if_missing(environment.object_store, outputs["BucketName"])
    return outputs


def find_catalog_errors(catalog: Path, database_url: str) -> list[str]:
    """Returns the errors of a catalog as lines with file and line number. The queries are planned in the database."""
    return find_ready_types(catalog, database_url)[1]


def find_ready_types(catalog: Path, database_url: str) -> tuple[tuple[str, ...], list[str]]:
    """Returns the names of the report types without errors, and the errors as `find_catalog_errors` does."""
    try:
        report = check_catalog(catalog, database_url)
    except psycopg.Error as error:
        return (), [f"{catalog}: The catalog could not be checked in the database: {error}"]
    return report.ready, [f"{error.path}:{error.line}: {error.message}" for error in report.errors]


def _secret_parameters(environment: DeploymentEnvironment) -> dict[str, str]:
    arns = {}
    for login in LOGINS:
        if login == READER and environment.source is not None:
            value = environment.source.secret
        else:
            value = _new_login(environment, login)
        arns[login] = put_secret(environment.aws, f"resma/{login}", value)
    return {
        "DatabaseSecretArn": arns["resma_app"],
        "SystemSecretArn": arns["resma_system"],
        "SourceSecretArn": arns["resma_reader"],
        "WebhookSecretArn": put_secret(environment.aws, "resma/webhook", {"secret": environment.webhook_secret}),
        "SealingSecretArn": put_secret(environment.aws, "resma/sealing", {"key": _sealing_key(environment)}),
    }


def _sealing_key(environment: DeploymentEnvironment) -> str:
    """Returns a key that stays the same when the emulator, which keeps no secrets, is started again."""
    return hmac.digest(environment.webhook_secret.encode(), b"resma sealing", "sha256").hex()


def _new_login(environment: DeploymentEnvironment, login: str) -> dict[str, str | int]:
    """Sets a new password of a login of the deployment's own database. Returns the content of its secret."""
    password = secrets.token_urlsafe(24)
    set_password(environment.database_url, login, password)
    return {
        "host": environment.database_host,
        "port": environment.port_of(login),
        "dbname": "postgres",
        "sslmode": "prefer",
        "username": login,
        "password": password,
    }


def _object_store_parameters(environment: DeploymentEnvironment) -> dict[str, str]:
    if (store := environment.object_store) is None:
        return {}
    keys = {"accessKeyId": store.access_key_id, "secretAccessKey": store.secret_access_key}
    return {
        "S3EndpointUrl": store.url,
        "S3PublicEndpointUrl": store.public_url or store.url,
        "S3CredentialsSecretArn": put_secret(environment.aws, "resma/object-store", keys),
    }


def create_bucket_if_missing(store: ObjectStore, name: str) -> None:
    """Creates a bucket in an object store, if it does not exist."""
    client = AwsEndpoint(store.url).client("s3", store.access_key_id, store.secret_access_key)
    with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=name)
