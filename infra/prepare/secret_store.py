"""Secrets in AWS Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.errors import StackError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


class SecretStoreError(StackError):
    """Secrets Manager can't be used, or a secret is not as expected. The message never contains a secret."""

    code = "secret-store-failed"


@dataclass(frozen=True)
class StoredSecret:
    """A secret that exists."""

    name: str
    arn: str
    fields: Mapping[str, Any]
    """The JSON object of the secret."""

    def __repr__(self) -> str:
        return f"StoredSecret({self.name})"


class ReadableStore(Protocol):
    """What a plan needs of Secrets Manager."""

    @property
    def region(self) -> str:
        """The region of the secrets."""
        ...

    def find(self, name: str) -> StoredSecret | None:
        """Returns the secret; None if it does not exist. Raises SecretStoreError."""
        ...


@dataclass(frozen=True)
class EmptyStore:
    """Stands for Secrets Manager in a dry run without credentials: no secret exists."""

    region: str

    def find(self, name: str) -> StoredSecret | None:  # noqa: ARG002  # the interface
        """Returns None."""
        return None


class SecretStore:
    """Secrets Manager in one region, with the credentials of the AWS configuration (AWS_PROFILE, AWS_REGION, …)."""

    def __init__(self, region: str | None) -> None:
        with _translated():
            self._client: SecretsManagerClient = boto3.client("secretsmanager", region_name=region)

    @property
    def region(self) -> str:
        """The region of the secrets."""
        return self._client.meta.region_name

    def find(self, name: str) -> StoredSecret | None:
        """Returns the secret; None if it does not exist. Raises SecretStoreError."""
        with _translated(name):
            try:
                found = self._client.get_secret_value(SecretId=name)
            except self._client.exceptions.ResourceNotFoundException:
                return None
        try:
            fields = json.loads(found["SecretString"])
        except (KeyError, ValueError):
            fields = None
        if not isinstance(fields, dict):
            raise SecretStoreError(f"The secret {name} is not a JSON object. Delete it, or correct it.")
        return StoredSecret(name, found["ARN"], fields)

    def create(self, name: str, fields: Mapping[str, Any]) -> str:
        """Creates a secret. Returns its ARN. Raises SecretStoreError."""
        with _translated(name):
            return self._client.create_secret(Name=name, SecretString=json.dumps(fields))["ARN"]

    def update(self, name: str, fields: Mapping[str, Any]) -> str:
        """Replaces the value of a secret. Returns its ARN. Raises SecretStoreError."""
        with _translated(name):
            return self._client.put_secret_value(SecretId=name, SecretString=json.dumps(fields))["ARN"]


@contextmanager
def _translated(name: str = "") -> Iterator[None]:
    """Raises SecretStoreError for errors of boto3."""
    about = f" (secret {name})" if name else ""
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code == "InvalidRequestException" and "delet" in message:
            remedy = f"Restore it: aws secretsmanager restore-secret --secret-id {name}"
        elif "AccessDenied" in code:
            remedy = (
                "The credentials need secretsmanager:GetSecretValue, CreateSecret and PutSecretValue for resma/*; or "
                "let somebody who has them execute what --dry-run prints."
            )
        else:
            remedy = "Check the credentials and the region: aws sts get-caller-identity."
        raise SecretStoreError(f"Secrets Manager{about}: {code}: {message} {remedy}") from None
    except BotoCoreError as error:
        raise SecretStoreError(
            f"Secrets Manager{about}: {error} Set AWS_PROFILE and AWS_REGION, or run `aws configure`."
        ) from None
