"""Receivers of files, one of each kind of destination: where a destination points, and what has arrived there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_string, policy
from typing import Any, Protocol

import psycopg

from infra.admin.tenants import set_email_attachments, set_email_domains
from tests.support.client import Client, Json
from tests.support.eventually import eventually
from tests.support.ssh_server import SshServer

DESTINATIONS = "/api/v1/destinations"
TENANT = "demo"
SFTP_SECRET = "partner-sftp"  # the name of a secret


class FileReceiver(Protocol):
    """A receiver of files of one kind of destination."""

    @property
    def kind(self) -> str:
        """Kind of its destinations."""

    def settings(self) -> Mapping[str, Any]:
        """Returns the settings of a destination that delivers here."""

    def files(self) -> dict[str, str]:
        """Returns the SHA-256 of each file that has arrived, by the name that the record of the delivery has.

        Temporary files are among them.
        """


@dataclass(frozen=True)
class BucketReceiver:
    """A bucket of the recipient in the stack's object store."""

    client: Client
    bucket: str
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the destination. Without keys of the recipient, Resma writes with its own identity."""
    kind: str = "S3"

    def settings(self) -> Mapping[str, Any]:
        """Returns the settings of a destination that delivers here."""
        return {"bucket": self.bucket, "path": "{type}/{date}/{file}", **self.more}

    def files(self) -> dict[str, str]:
        """Returns the SHA-256 of each object by its name below the tenant's folder."""
        pages = self.client.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key.removeprefix(f"{TENANT}/"): self._sha256(key) for key in keys}

    def _sha256(self, key: str) -> str:
        return hashlib.sha256(self.client.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()).hexdigest()


@dataclass(frozen=True)
class SftpReceiver:
    """A folder of an OpenSSH server."""

    server: SshServer
    port: int | None = None
    """Port to which Resma connects; that of the server if it is None."""
    kind: str = "SFTP"

    def settings(self) -> Mapping[str, Any]:
        """Returns the settings of a destination that delivers here."""
        return self.server.json_settings(
            secretName=SFTP_SECRET, path="{type}/{date}/{file}", port=self.port or self.server.port
        )

    def files(self) -> dict[str, str]:
        """Returns the SHA-256 of each file by its name below the folder."""
        paths = [path for path in self.server.files.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self.server.files)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
        }


@dataclass(frozen=True)
class EmailReceiver:
    """An address whose messages LocalStack's SES stores. Small files are attached."""

    client: Client
    address: str
    kind: str = "EMAIL"

    def settings(self) -> Mapping[str, Any]:
        """Returns the settings of a destination that delivers here."""
        return {"recipients": [self.address], "attach": True, "fileName": "{report}-{file}"}

    def files(self) -> dict[str, str]:
        """Returns the SHA-256 of each attachment by its name."""
        sent = self.client.http("GET", f"{self.client.stack.up.aws_url}/_aws/ses").json()["messages"]
        messages = [message_from_string(each["RawData"], policy=policy.default) for each in sent if "RawData" in each]
        own = [message for message in messages if self.address in str(message["To"])]
        attached = [part for message in own for part in message.iter_attachments()]
        contents = {str(part.get_filename()): bytes(part.get_payload(decode=True)) for part in attached}
        return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def allow_email(client: Client, domain: str, attachment_bytes: int) -> None:
    """Lets the tenant send messages to a domain, with attachments of this size, as an operator does."""
    with psycopg.connect(client.stack.up.database_url) as connection:
        set_email_domains(connection, TENANT, [domain])
        set_email_attachments(connection, TENANT, attachment_bytes)


def store_sftp_key(client: Client, server: SshServer) -> None:
    """Stores the private key of the server's user as a secret of the tenant."""
    store_secret(client, SFTP_SECRET, {"privateKey": server.private_key})


def store_secret(client: Client, name: str, secret: Mapping[str, str]) -> None:
    """Stores a secret of the tenant for its destinations, as an operator does."""
    client.aws("secretsmanager").create_secret(
        Name=f"resma/local/destinations/{TENANT}/{name}", SecretString=json.dumps(secret)
    )


def create_destination(client: Client, receiver: FileReceiver) -> str:
    """Creates a destination that delivers to a receiver; returns its id.

    It is often the first request to a stack, and on a busy machine the first function can take too long to start (502).
    """
    body = {"name": f"Partner by {receiver.kind}", "kind": receiver.kind, "settings": receiver.settings()}

    def created() -> str | None:
        answer = client.http("POST", DESTINATIONS, json=body)
        assert answer.status == 201 or answer.status >= 500, answer.data
        return str(answer.json()["id"]) if answer.status == 201 else None

    return str(eventually("the API creates a destination", created))


def deliveries_of(client: Client, report_id: str) -> list[Json]:
    """Returns the deliveries of a report."""
    items: list[Json] = client.http("GET", f"/api/v1/reports/{report_id}/file-deliveries").json()["items"]
    return items


def wait_until_delivered(client: Client, report_id: str) -> dict[str, Json]:
    """Waits until all deliveries of a report have arrived, and returns them by the id of their destination."""

    def arrived() -> list[Json]:
        found = deliveries_of(client, report_id)
        assert not any(each["status"] == "FAILED" for each in found), found
        return found if all(each["status"] == "DELIVERED" for each in found) else []

    return {each["destinationId"]: each for each in eventually("the files are delivered", arrived)}
