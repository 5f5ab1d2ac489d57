"""Clients of AWS services, made once a process, with time limits that fit inside a function's."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from resma.call_meter import metered

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

# Lambda's JSON logging turns on INFO for everybody; at that level botocore tells where it found its settings.
logging.getLogger("botocore").setLevel(logging.WARNING)

# A queue, topic or secret answers in milliseconds; a caller that waits longer is better served by the outbox.
_QUICK = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})

# The last thing that a worker does: a bus that can't be reached, as from a VPC without an endpoint for it, shall not
# hold up its next report. The outbox tries again.
_ONCE = _QUICK.merge(Config(read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}))

# Three parts go up at once (see multipart.py); a part may take long on a slow line, but not for ever.
_OBJECTS = Config(
    connect_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=8,
    # Uploads say themselves which checksum they want; the one that only copies must have none (see segments.py).
    request_checksum_calculation="when_required",
    # Without these two, presigning for an endpoint of one's own falls back to SigV2, and MinIO wants the path style.
    signature_version="s3v4",
    s3={"addressing_style": "path"},
)


@lru_cache
def sqs_client() -> SQSClient:
    """The queue service."""
    return metered(boto3.client("sqs", config=_QUICK))


@lru_cache
def sns_client() -> SNSClient:
    """The topic service."""
    return metered(boto3.client("sns", config=_QUICK))


@lru_cache
def events_client() -> EventBridgeClient:
    """The bus service."""
    return metered(boto3.client("events", config=_ONCE))


@lru_cache
def secrets_client() -> SecretsManagerClient:
    """The store of secrets."""
    return metered(boto3.client("secretsmanager", config=_QUICK))


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
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    config = _OBJECTS.merge(Config(read_timeout=answer_seconds))
    config = config.merge(once) if asks_once else config
    return metered(boto3.client("s3", endpoint_url=endpoint_url, config=config, **keys))


def read_secret(arn: str) -> dict[str, Any]:
    """Reads a secret that holds a JSON object."""
    text = secrets_client().get_secret_value(SecretId=arn)["SecretString"]
    secret: dict[str, Any] = json.loads(text)
    return secret
