"""`python -m infra.deploy.compose`: the service `deploy` of docker-compose.yml, run once when all others are up.

Every address and password comes from the environment that docker-compose.yml sets.
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
from infra.deploy.cloudformation import Endpoint, find_outputs, read_stage
from infra.deploy.system import Choices, ObjectStore, Surroundings, deploy_system
from infra.errors import StackError
from infra.paths import ROOT
from infra.postgres.load_demo_bank import load_demo_bank
from infra.postgres.migrate import migrate
from resma.access.caller import SCOPES

FRONT_DOOR = ROOT / "infra" / "docker" / "front_door.conf"
"""nginx' configuration but for the API's id and stage, known only after the deployment."""

KEY_DAYS = 30

PATIENCE_SECONDS = 900
"""The first deployment on a machine fetches Lambda's image, of 600 MB."""

LAMBDA_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
"""Lambda's name for each machine name (`uname -m`)."""


class ComposeSettings(BaseModel):
    """A field's environment variable is its name in capitals. Addresses are those inside the compose network."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    aws_url: str = Field(min_length=1)
    postgres_host: str = Field(min_length=1)
    postgres_port: int = Field(gt=0, lt=65536)
    postgres_password: SecretStr
    object_store_url: str = Field(min_length=1)
    object_store_public_url: str = Field(min_length=1)
    """As a browser on this machine reaches it."""
    object_store_access_key_id: str = Field(min_length=1)
    object_store_secret_access_key: SecretStr
    webhook_secret: SecretStr
    public_base_url: str = Field(min_length=1)
    front_door_conf: Path
    """Where the front door's configuration goes."""
    functions_package: Path
    """The folder with the functions and all that they import."""
    rows: int = Field(gt=0, le=100_000_000)
    """Transactions of the demo bank."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Raises StackError naming each variable that is wrong, never its value."""
        values = {name: environment[name.upper()] for name in cls.model_fields if environment.get(name.upper())}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
            message = f"set these variables right (docker-compose.yml and .env set them): {wrong}"
            raise StackError(message) from None

    @property
    def database_url(self) -> str:
        """Address of the superuser, password included."""
        password = quote(self.postgres_password.get_secret_value(), safe="")
        return f"postgresql://postgres:{password}@{self.postgres_host}:{self.postgres_port}/postgres"


def deploy_compose(settings: ComposeSettings) -> None:
    """Migrates, loads the demo bank and deploys. Where a stack is deployed already, that one stays as it is.

    LocalStack's updates of a stack lose parts of it without a word, so a changed template asks for a fresh LocalStack.
    """
    for name in migrate(settings.database_url):
        print(f"applied migration {name}")
    made = load_demo_bank(settings.database_url, settings.rows)
    print(f"the demo bank has {settings.rows:,} transactions" + ("" if made else ", as before"))
    outputs = _deployed(Endpoint(settings.aws_url), settings)
    place = f"/_aws/execute-api/{outputs['ApiId']}/{outputs['StageName']}/"
    settings.front_door_conf.write_text(FRONT_DOOR.read_text(encoding="utf-8").replace("/STAGE/", place))
    print("\n".join(f"{name}: {value}" for name, value in sorted(outputs.items())))
    key = make_key(settings.database_url, "demo", "docker compose", SCOPES, timedelta(days=KEY_DAYS))
    print(f"a key of the tenant demo, for {KEY_DAYS} days: {key}")


def _deployed(aws: Endpoint, settings: ComposeSettings) -> dict[str, str]:
    if (outputs := find_outputs(aws, read_stage("local").stack_name)) is not None:
        print("deployed already; after a change: docker compose down, then up --build")
        return outputs
    parameters = {
        # LocalStack says of every request that it comes from 127.0.0.1, also of those that come through the front door.
        "LoopbackTenant": "",
        # LocalStack runs the functions in containers on this processor, for which the Dockerfile installs packages.
        "LambdaArchitecture": lambda_architecture(platform.machine()),
    }
    choices = Choices(parameters, functions=settings.functions_package, patience_seconds=PATIENCE_SECONDS)
    return deploy_system(_surroundings(aws, settings), choices)


def lambda_architecture(machine: str) -> str:
    """Returns Lambda's name of a machine's architecture. Raises StackError where Lambda has none."""
    if machine not in LAMBDA_ARCHITECTURES:
        raise StackError(f"Lambda has no architecture '{machine}'. Use a machine with an x86_64 or arm64 processor.")
    return LAMBDA_ARCHITECTURES[machine]


def _surroundings(aws: Endpoint, settings: ComposeSettings) -> Surroundings:
    return Surroundings(
        aws=aws,
        database_url=settings.database_url,
        database_host=settings.postgres_host,
        database_port=settings.postgres_port,
        webhook_secret=settings.webhook_secret.get_secret_value(),
        public_base_url=settings.public_base_url,
        object_store=ObjectStore(
            settings.object_store_url,
            settings.object_store_access_key_id,
            settings.object_store_secret_access_key.get_secret_value(),
            settings.object_store_public_url,
        ),
    )


def main() -> int:
    """Returns the exit code: 0 done, 1 failed with a reason."""
    try:
        deploy_compose(ComposeSettings.read(os.environ))
    except StackError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
