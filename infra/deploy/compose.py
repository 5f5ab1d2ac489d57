"""`python -m infra.deploy.compose`: the service `deploy` of docker-compose.yml, which runs once all others are up.

URLs and passwords are environment variables that docker-compose.yml sets.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from infra.admin.tenants import make_key
from infra.demo.load_demo_bank import load_demo_bank, migrate_with_bank
from infra.deploy.cloudformation import AwsEndpoint, find_outputs, read_stage
from infra.deploy.organization import TENANT, name_organization
from infra.deploy.source import SourceDatabase, open_source
from infra.deploy.system import (
    DeploymentEnvironment,
    DeploymentOptions,
    ObjectStore,
    deploy_system,
    find_catalog_errors,
)
from infra.errors import StackError
from infra.paths import ROOT
from infra.postgres.migrate import migrate
from resma.access.caller import SCOPES
from resma.catalog import DEMO_CATALOG

FRONT_DOOR = ROOT / "infra" / "docker" / "front_door.conf"
"""Template of nginx' configuration. The API's id and stage are known only after the deployment."""

KEY_DAYS = 30

TIMEOUT_SECONDS = 900
"""Timeout of the deployment. The first one on a machine downloads Lambda's image, of 600 MB."""

LAMBDA_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
"""Lambda's name for each machine name (`uname -m`)."""


class ComposeSettings(BaseModel):
    """Settings from environment variables, which are the fields' names in capitals. URLs are inside the network."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    aws_url: str = Field(min_length=1)
    postgres_host: str = Field(min_length=1)
    postgres_port: int = Field(gt=0, lt=65536)
    postgres_password: SecretStr
    object_store_url: str = Field(min_length=1)
    object_store_public_url: str = Field(min_length=1)
    """URL of the object store for browsers on this machine."""
    object_store_access_key_id: str = Field(min_length=1)
    object_store_secret_access_key: SecretStr
    webhook_secret: SecretStr
    public_base_url: str = Field(min_length=1)
    front_door_conf: Path
    """Path to which the configuration of nginx is written."""
    functions_package: Path
    """Folder with the functions and their dependencies."""
    rows: int = Field(ge=0, le=100_000_000)
    """Number of transactions of the demo bank, which is loaded only if there is no source database."""
    source: SecretStr | None = None
    """URL of the source database, as the functions' containers reach it."""
    resma_catalog: Path = DEMO_CATALOG
    """Folder of the report types."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Reads the settings. Raises StackError, which names each variable that is not valid, but not its value."""
        values = {name: environment[name.upper()] for name in cls.model_fields if environment.get(name.upper())}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
            message = f"Correct these variables, which docker-compose.yml and .env set: {wrong}"
            raise StackError(message) from None

    @property
    def database_url(self) -> str:
        """URL of the database with the superuser and its password."""
        password = quote(self.postgres_password.get_secret_value(), safe="")
        return f"postgresql://postgres:{password}@{self.postgres_host}:{self.postgres_port}/postgres"


def deploy_compose(settings: ComposeSettings) -> None:
    """Migrates the database, loads the demo bank if there is no source, and deploys. An existing stack is not changed.

    LocalStack's updates of a stack silently lose parts of it, so a changed template requires a new LocalStack.
    """
    source = open_source(settings.source.get_secret_value()) if settings.source else None
    for name in migrate_with_bank(settings.database_url) if source is None else migrate(settings.database_url):
        print(f"Applied migration {name}.")
    if source is None:
        is_loaded = load_demo_bank(settings.database_url, settings.rows)
        print(f"The demo bank has {settings.rows:,} transactions." + ("" if is_loaded else " It was loaded before."))
    name_organization(settings.database_url, settings.resma_catalog, source)
    outputs = _deploy_once(AwsEndpoint(settings.aws_url), settings, source)
    path = f"/_aws/execute-api/{outputs['ApiId']}/{outputs['StageName']}/"
    settings.front_door_conf.write_text(FRONT_DOOR.read_text(encoding="utf-8").replace("/STAGE/", path))
    print("\n".join(f"{name}: {value}" for name, value in sorted(outputs.items())))
    for error in find_catalog_errors(settings.resma_catalog, source.url if source else settings.database_url):
        print(f"This report type cannot be generated: {error}", file=sys.stderr)
    key = make_key(settings.database_url, TENANT, "docker compose", SCOPES, timedelta(days=KEY_DAYS))
    print(f"A key of the tenant demo, valid for {KEY_DAYS} days: {key}")


def _deploy_once(aws: AwsEndpoint, settings: ComposeSettings, source: SourceDatabase | None) -> dict[str, str]:
    if (outputs := find_outputs(aws, read_stage("local").stack_name)) is not None:
        print("It is already deployed. After a change, run `docker compose down`, then `docker compose up --build`.")
        return outputs
    if source is not None:
        print(f"Reports read {source.place}.")
    parameters = {
        # LocalStack reports 127.0.0.1 as the source of every request, even if it comes through nginx from elsewhere.
        "LoopbackTenant": "",
        # LocalStack runs the functions in containers on this processor, and the Dockerfile installs packages for it.
        "LambdaArchitecture": lambda_architecture(platform.machine()),
    }
    options = DeploymentOptions(
        parameters,
        functions=settings.functions_package,
        catalog=settings.resma_catalog,
        timeout_seconds=TIMEOUT_SECONDS,
    )
    return deploy_system(_environment(aws, settings, source), options)


def lambda_architecture(machine: str) -> str:
    """Returns Lambda's name of a machine's architecture. Raises StackError if Lambda does not support it."""
    if machine not in LAMBDA_ARCHITECTURES:
        raise StackError(f"Lambda has no architecture '{machine}'. Use a machine with an x86_64 or arm64 processor.")
    return LAMBDA_ARCHITECTURES[machine]


def _environment(aws: AwsEndpoint, settings: ComposeSettings, source: SourceDatabase | None) -> DeploymentEnvironment:
    return DeploymentEnvironment(
        aws=aws,
        database_url=settings.database_url,
        database_host=settings.postgres_host,
        database_port=settings.postgres_port,
        webhook_secret=settings.webhook_secret.get_secret_value(),
        public_base_url=settings.public_base_url,
        source=source,
        object_store=ObjectStore(
            settings.object_store_url,
            settings.object_store_access_key_id,
            settings.object_store_secret_access_key.get_secret_value(),
            settings.object_store_public_url,
        ),
    )


def main() -> int:
    """Runs the deployment. Returns the exit code: 0 for success, 1 after an error message."""
    try:
        deploy_compose(ComposeSettings.read(os.environ))
    except StackError as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
