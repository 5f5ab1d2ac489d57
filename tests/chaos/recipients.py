"""Recipients of files: two buckets and an OpenSSH server, the destinations that deliver to them, and their faults."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from botocore.exceptions import ClientError

from tests.chaos.plan import DestinationName
from tests.support.client import Client
from tests.support.file_receivers import (
    DESTINATIONS,
    BucketReceiver,
    FileReceiver,
    SftpReceiver,
    create_destination,
    store_secret,
    store_sftp_key,
)
from tests.support.local_stack import Faults
from tests.support.ssh_server import SshServer, ssh_server, sshd_path

COPIED_BUCKET, STREAMED_BUCKET = "chaos-copied", "chaos-streamed"
STREAMED_SECRET = "partner-bucket"  # the name of a secret


@contextlib.contextmanager
def optional_ssh_server(home: Path) -> Iterator[SshServer | None]:
    """Runs an OpenSSH server during the block; yields None if it is not installed."""
    if sshd_path() is None:
        yield None
        return
    with ssh_server(home) as server:
        yield server


@dataclass(frozen=True)
class Recipients:
    """The recipients of a run, and the ids of the destinations by name. Without sshd there is no SFTP server."""

    client: Client
    server: SshServer | None
    receivers: dict[DestinationName, FileReceiver] = field(default_factory=dict)
    ids: dict[DestinationName, str] = field(default_factory=dict)

    @classmethod
    def create(cls, client: Client, faults: Faults, server: SshServer | None) -> Recipients:
        """Creates the destinations. The bucket of `copied` does not exist yet."""
        client.s3.create_bucket(Bucket=STREAMED_BUCKET)
        store_secret(client, STREAMED_SECRET, {"accessKeyId": "test", "secretAccessKey": "test"})
        keys = {"endpointUrl": faults.bucket.url, "secretName": STREAMED_SECRET}
        made = cls(client, server)
        made.receivers["copied"] = BucketReceiver(client, COPIED_BUCKET)
        made.receivers["streamed"] = BucketReceiver(client, STREAMED_BUCKET, keys)
        if server is not None:
            store_sftp_key(client, server)
            made.receivers["sftp"] = SftpReceiver(server, faults.sftp.port)
        made.ids.update({name: create_destination(client, receiver) for name, receiver in made.receivers.items()})
        return made

    def choose(self, names: tuple[DestinationName, ...]) -> list[str]:
        """Returns the ids of the destinations that exist."""
        return [self.ids[name] for name in names if name in self.ids]

    def send_test(self, name: DestinationName) -> None:
        """Requests the delivery of a test file, so that a fault meets a delivery. The API may be unavailable."""
        if name in self.ids:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                self.client.http("POST", f"{DESTINATIONS}/{self.ids[name]}/test")

    def create_missing_bucket(self) -> None:
        """Creates the bucket of `copied`, unless it exists."""
        with contextlib.suppress(ClientError):
            self.client.s3.create_bucket(Bucket=COPIED_BUCKET)

    def has_failed_without_bucket(self) -> bool:
        """Returns whether an attempt has failed because the bucket did not exist."""
        return bool(
            self.client.sql(
                "SELECT 1 FROM resma.file_delivery_attempts WHERE error_code = 'destination-missing' LIMIT 1"
            )
        )

    def make_due(self) -> None:
        """Makes deliveries due that wait for their next attempt, as if days had passed.

        The attempts of these days are not counted, because faults of the plan would use them up within minutes.
        """
        self.client.sql(
            "UPDATE resma.file_deliveries SET next_attempt_at = clock_timestamp(), attempts_before = attempts"
            " WHERE status = 'PENDING' AND coalesce(lease_until <= clock_timestamp(), true)"
        )

    def open_uploads(self) -> list[str]:
        """Returns the names of unfinished multipart uploads in the buckets."""
        listed = [self.client.s3.list_multipart_uploads(Bucket=name) for name in (COPIED_BUCKET, STREAMED_BUCKET)]
        return [f"{answer['Bucket']}/{upload['Key']}" for answer in listed for upload in answer.get("Uploads", [])]
