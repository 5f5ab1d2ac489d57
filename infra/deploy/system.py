"""What a deployment without AWS makes, besides the stack: passwords, secrets, parameters, and the reports' bucket."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.checks.report_types.check_folder import check_catalog
from infra.deploy.cloudformation import DEPLOY_SECONDS, Endpoint, Package, deploy, put_secret, read_stage
from infra.errors import StackError
from infra.paths import FUNCTIONS, TEMPLATE
from infra.postgres.migrate import LOGINS, READER, set_password
from resma.catalog import CATALOG_FOLDER


@dataclass(frozen=True)
class ObjectStore:
    """An S3-compatible server, such as MinIO, with keys of its own. `url` is as functions and we reach it."""

    url: str
    access_key_id: str
    secret_access_key: str
    public_url: str | None = None
    """As readers of a presigned address reach it, where that differs."""


@dataclass(frozen=True)
class Surroundings:
    """What the system is deployed into."""

    aws: Endpoint
    database_url: str
    """Of a role that may set passwords, as we reach it."""
    database_host: str
    database_port: int
    """Both as functions reach it."""
    webhook_secret: str
    """Of which those of endpoints are derived: whsec_ and random bytes in base64."""
    public_base_url: str
    object_store: ObjectStore | None = None
    """An object store beside the endpoint's own."""
    source_port: int | None = None
    """Port of the source database as functions reach it, where it differs from `database_port`."""

    def port_of(self, login: str) -> int:
        """The port by which functions reach the database of a login."""
        return self.source_port if login == READER and self.source_port is not None else self.database_port


@dataclass(frozen=True)
class Choices:
    """What a deployment may differ in from the stage `local` of samconfig.toml."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of the template, over all others."""
    template: Path = TEMPLATE
    functions: Path = FUNCTIONS
    """The folder that becomes every function's code."""
    patience_seconds: float = DEPLOY_SECONDS


def deploy_system(surroundings: Surroundings, choices: Choices | None = None) -> dict[str, str]:
    """Deploys template.yaml with all that it asks for; returns the stack's outputs. The stack must not exist yet.

    The logins' passwords are made here; only the database and the secrets know them. Raises StackError.
    """
    choices = choices or Choices()
    _require_right_catalog(surroundings.database_url)
    parameters = {
        **_secret_parameters(surroundings),
        "PublicBaseUrl": surroundings.public_base_url,
        **_object_store_parameters(surroundings),
        **choices.parameters,
    }
    package = Package(choices.template, choices.functions)
    stage = read_stage("local").with_parameters(parameters)
    outputs = deploy(surroundings.aws, package, stage, patience_seconds=choices.patience_seconds)
    # CloudFormation makes the bucket in the endpoint's own store; in a store beside it, we do.
    if surroundings.object_store is not None:
        make_bucket(surroundings.object_store, outputs["BucketName"])
    return outputs


def _require_right_catalog(database_url: str) -> None:
    """Report types are tried in the very database before anything is deployed that would refuse them to callers."""
    report = check_catalog(CATALOG_FOLDER, database_url)
    if report.diagnostics:
        found = "\n".join(f"{finding.path}:{finding.line}: {finding.says}" for finding in report.diagnostics)
        raise StackError(f"nothing was deployed, the catalog of report types has mistakes:\n{found}")


def _secret_parameters(surroundings: Surroundings) -> dict[str, str]:
    arns = {}
    for login in LOGINS:
        password = secrets.token_urlsafe(24)
        set_password(surroundings.database_url, login, password)
        arns[login] = put_secret(
            surroundings.aws,
            f"resma/{login}",
            {
                "host": surroundings.database_host,
                "port": surroundings.port_of(login),
                "dbname": "postgres",
                "sslmode": "prefer",
                "username": login,
                "password": password,
            },
        )
    return {
        "DatabaseSecretArn": arns["resma_app"],
        "SystemSecretArn": arns["resma_system"],
        "SourceSecretArn": arns["resma_reader"],
        "WebhookSecretArn": put_secret(surroundings.aws, "resma/webhook", {"secret": surroundings.webhook_secret}),
    }


def _object_store_parameters(surroundings: Surroundings) -> dict[str, str]:
    if (store := surroundings.object_store) is None:
        return {}
    keys = {"accessKeyId": store.access_key_id, "secretAccessKey": store.secret_access_key}
    return {
        "S3EndpointUrl": store.url,
        "S3PublicEndpointUrl": store.public_url or store.url,
        "S3CredentialsSecretArn": put_secret(surroundings.aws, "resma/object-store", keys),
    }


def make_bucket(store: ObjectStore, name: str) -> None:
    """Makes a bucket in an object store, if it is not there."""
    client = Endpoint(store.url).client("s3", store.access_key_id, store.secret_access_key)
    with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=name)
