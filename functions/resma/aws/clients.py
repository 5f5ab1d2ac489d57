"""Clients of AWS services, made once a process, with time limits that fit inside a function's."""

from __future__ import annotations

import bisect
import json
import logging
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError

from resma.aws.call_counter import metered
from resma.errors import SecretUnavailableError

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

# Lambda's JSON logging turns on INFO for everybody; at that level botocore tells where it found its settings.
logging.getLogger("botocore").setLevel(logging.WARNING)

# A queue, topic or secret answers in milliseconds; a caller that waits longer is better served by the outbox.
QUICK = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})

# The last thing that a worker does: a bus that can't be reached, as from a VPC without an endpoint for it, shall not
# hold up its next report. The outbox tries again.
_ONCE = QUICK.merge(Config(read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}))

# Three parts go up at once (see multipart.py); a part may take long on a slow line, but not for ever.
_OBJECTS = Config(
    connect_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=8,
    # Uploads say themselves which checksum they want; the one that only copies must have none (see segments.py).
    request_checksum_calculation="when_required",
    # Presigning for an endpoint of one's own would fall back to SigV2.
    signature_version="s3v4",
)


@lru_cache
def sqs_client() -> SQSClient:
    """The queue service."""
    return metered(boto3.client("sqs", config=QUICK))


@lru_cache
def sns_client() -> SNSClient:
    """The topic service."""
    return metered(boto3.client("sns", config=QUICK))


@lru_cache
def events_client() -> EventBridgeClient:
    """The bus service."""
    return metered(boto3.client("events", config=_ONCE))


@lru_cache
def secrets_client() -> SecretsManagerClient:
    """The store of secrets."""
    return metered(boto3.client("secretsmanager", config=QUICK))


@lru_cache
def s3_client(
    credentials_secret_arn: str | None = None,
    endpoint_url: str | None = None,
    *,
    asks_once: bool = False,
    answer_seconds: int = 30,
) -> S3Client:
    """The object store: S3, or whatever AWS_ENDPOINT_URL_S3 names. `asks_once` is for what must not be asked twice.

    A store that is not S3 (MinIO) has keys of its own, kept as JSON with accessKeyId and secretAccessKey.
    A presigned address is only good for the host it was signed for: sign with the `endpoint_url` that readers use.
    """
    keys: dict[str, Any] = {}
    if credentials_secret_arn:
        secret = read_secret(credentials_secret_arn)
        # With keys of its own a client takes no session token from the environment, and an empty one would be put
        # into presigned addresses, which MinIO then refuses.
        keys = {"aws_access_key_id": secret["accessKeyId"], "aws_secret_access_key": secret["secretAccessKey"]}
    style: Literal["path", "virtual"] = "path" if endpoint_url or _has_own_endpoint() else "virtual"
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    config = _OBJECTS.merge(Config(read_timeout=answer_seconds, s3={"addressing_style": style}))
    config = config.merge(once) if asks_once else config
    return metered(boto3.client("s3", endpoint_url=endpoint_url, config=config, **keys))


def _has_own_endpoint() -> bool:
    """Whether the store is not S3. MinIO and LocalStack want the bucket in the path, S3 in the host's name
    (virtual-hosted style). By botocore's `auto` presigned addresses would lead to the global endpoint, which redirects.
    """
    return any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))


def presign_seconds(at_most: int, credentials_secret_arn: str | None = None) -> int:
    """Returns how long an address that is presigned now can be valid: it ends with the credentials that sign it.

    `at_most` where they don't end, as those of a secret, or where botocore does not know when: Lambda hands a role's
    session to a function without its end.
    """
    session = boto3.DEFAULT_SESSION
    credentials = session.get_credentials() if session and not credentials_secret_arn else None
    if not isinstance(credentials, RefreshableCredentials):
        return at_most
    credentials.get_frozen_credentials()  # renews them first, where they end soon
    # botocore tells whether they end within so many seconds, and not when.
    end_within = bisect.bisect_left(range(at_most + 1), True, key=lambda s: credentials.refresh_needed(refresh_in=s))
    return max(1, min(at_most, end_within - 1))


def read_secret(arn: str) -> dict[str, Any]:
    """Reads a secret that holds a JSON object. Raises SecretUnavailableError, which shows nothing of it."""
    try:
        secret = json.loads(secrets_client().get_secret_value(SecretId=arn)["SecretString"])
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        raise SecretUnavailableError(
            f"it can't be read ({code}): check that it exists, the function's policy, and that Secrets Manager can be "
            "reached"
        ) from error
    except (KeyError, ValueError):
        raise SecretUnavailableError("its value must be a JSON object: see docs/aws.md") from None
    if not isinstance(secret, dict):
        raise SecretUnavailableError("its value must be a JSON object: see docs/aws.md")
    return secret
