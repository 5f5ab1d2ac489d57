"""Clients of AWS services, created once per process, with time limits that are shorter than a function's."""

from __future__ import annotations

import bisect
import json
import logging
import os
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError

from resma.aws.call_counter import metered
from resma.errors import SecretRefusedError, SecretUnavailableError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_ses import SESClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

# Lambda's JSON logging sets the root logger to INFO. At that level botocore logs where it found its credentials.
logging.getLogger("botocore").setLevel(logging.WARNING)

# A queue, topic or secret answers in milliseconds. Rather than wait longer, callers leave the message in the outbox.
QUICK = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})

# Putting an event is the last thing that a worker does. A bus that cannot be reached, for example from a VPC without an
# endpoint for it, must not delay the next report: the outbox retries.
_ONCE = QUICK.merge(Config(read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}))

# Sixteen small objects and three parts are uploaded at once (see storage). The read timeout depends on the caller.
_OBJECTS = Config(
    connect_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=20,
    # botocore composes its own user agent twice for each request, a tenth of the CPU time of storing a small object.
    user_agent=f"Boto3/{boto3.__version__} resma",
    # Uploads name their checksum algorithm themselves; an upload that only copies must have none (see segments.py).
    request_checksum_calculation="when_required",
    # With a custom endpoint, botocore would presign with SigV2 otherwise.
    signature_version="s3v4",
)


_REFUSALS = {
    "AccessDeniedException",
    "DecryptionFailure",
    "InvalidParameterException",
    "InvalidRequestException",
    "ResourceNotFoundException",
}
"""Errors of Secrets Manager that are about one secret, and not about the service."""


@lru_cache
def sqs_client() -> SQSClient:
    """Returns the client of SQS."""
    return metered(boto3.client("sqs", config=QUICK))


@lru_cache
def sns_client() -> SNSClient:
    """Returns the client of SNS."""
    return metered(boto3.client("sns", config=QUICK))


@lru_cache
def events_client() -> EventBridgeClient:
    """Returns the client of EventBridge."""
    return metered(boto3.client("events", config=_ONCE))


@lru_cache
def dynamodb_client() -> DynamoDBClient:
    """Returns the client of DynamoDB, for Powertools' idempotency. A session of Powertools' own would need 7 MB.

    Its calls are not metered, because usage counts the keys of jobs instead.
    """
    return boto3.client("dynamodb", config=QUICK)


@lru_cache
def secrets_client() -> SecretsManagerClient:
    """Returns the client of Secrets Manager."""
    return metered(boto3.client("secretsmanager", config=QUICK))


@lru_cache
def ses_client() -> SESClient:
    """Returns the client of SES. It sends each request once, because a repeated one could send a message twice."""
    return metered(boto3.client("ses", config=_ONCE.merge(Config(connect_timeout=3, read_timeout=20))))


@lru_cache
def s3_client(
    credentials_secret_arn: str | None = None,
    endpoint_url: str | None = None,
    *,
    retries: bool = True,
    answer_seconds: int = 30,
) -> S3Client:
    """Returns a client of the object store: S3, or the store that AWS_ENDPOINT_URL_S3 names.

    With `retries=False` it sends each request only once, and `answer_seconds` is its read timeout. The secret of a
    store other than S3, such as MinIO, is JSON with accessKeyId and secretAccessKey. A presigned URL is valid only for
    the host that it was signed for, so clients that sign need the `endpoint_url` that readers use.
    """
    return _new_s3_client(credentials_secret_arn, endpoint_url, retries=retries, answer_seconds=answer_seconds)


def sealing_s3_client(kms_key: str, credentials_secret_arn: str | None = None, *, retries: bool = True) -> S3Client:
    """Returns a new client, which encrypts every object that it writes with a KMS key (SSE-KMS).

    The other arguments are those of `s3_client`. It is not cached, because a process may meet many keys.
    """
    client = _new_s3_client(credentials_secret_arn, None, retries=retries, answer_seconds=30)
    for operation in ("PutObject", "CreateMultipartUpload"):
        # botocore uses the value that the handler returns, which its type does not say.
        client.meta.events.register(f"provide-client-params.s3.{operation}", partial(_encrypt, kms_key))  # type: ignore[arg-type]
    return client


def _encrypt(kms_key: str, params: dict[str, Any], **_more: Any) -> dict[str, Any]:
    """Returns the parameters of a request that writes an object, with the key that encrypts it.

    The parts of an upload have the encryption that it was started with.
    """
    return {**params, "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key, "BucketKeyEnabled": True}


def _new_s3_client(
    credentials_secret_arn: str | None, endpoint_url: str | None, *, retries: bool, answer_seconds: int
) -> S3Client:
    keys: dict[str, Any] = {}
    if credentials_secret_arn:
        secret = read_secret(credentials_secret_arn)
        # With explicit keys, the client does not read a session token from the environment. An empty token would be
        # part of presigned URLs, which MinIO then refuses.
        keys = {"aws_access_key_id": secret["accessKeyId"], "aws_secret_access_key": secret["secretAccessKey"]}
    style: Literal["path", "virtual"] = "path" if endpoint_url or has_own_endpoint() else "virtual"
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    config = _OBJECTS.merge(Config(read_timeout=answer_seconds, s3={"addressing_style": style}))
    config = config if retries else config.merge(once)
    return metered(boto3.client("s3", endpoint_url=endpoint_url, config=config, **keys))


def has_own_endpoint() -> bool:
    """Returns whether the store is not S3.

    MinIO and LocalStack need the bucket in the path, S3 in the host name (virtual-hosted style). With botocore's
    `auto`, presigned URLs would name the global endpoint of S3, which redirects.
    """
    return any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))


def presign_seconds(at_most: int, credentials_secret_arn: str | None = None) -> int:
    """Returns the number of seconds that a URL presigned now is valid, at most `at_most`.

    It ends with the credentials that sign it. Credentials from a secret do not expire. Those of a Lambda function do,
    but Lambda does not say when; the result is `at_most` in both cases.
    """
    session = boto3.DEFAULT_SESSION
    credentials = session.get_credentials() if session and not credentials_secret_arn else None
    if not isinstance(credentials, RefreshableCredentials):
        return at_most
    credentials.get_frozen_credentials()  # renews credentials that expire soon
    # botocore only says whether credentials expire within a number of seconds.
    end_within = bisect.bisect_left(range(at_most + 1), True, key=lambda s: credentials.refresh_needed(refresh_in=s))
    return max(1, min(at_most, end_within - 1))


def read_secret(arn: str) -> dict[str, Any]:
    """Reads a secret that is a JSON object, by its ARN or its name.

    Raises SecretUnavailableError, which contains no part of the secret; SecretRefusedError if only this secret is
    affected.
    """
    try:
        secret = json.loads(secrets_client().get_secret_value(SecretId=arn)["SecretString"])
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        refused = SecretRefusedError if code in _REFUSALS else SecretUnavailableError
        raise refused(
            f"The secret cannot be read ({code}). Check that it exists, that the function's policy allows it, and that "
            "Secrets Manager can be reached."
        ) from error
    except (KeyError, ValueError):
        raise SecretRefusedError("The value of the secret must be a JSON object. See docs/aws.md.") from None
    if not isinstance(secret, dict):
        raise SecretRefusedError("The value of the secret must be a JSON object. See docs/aws.md.")
    return secret
