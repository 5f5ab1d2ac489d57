"""Clients of buckets and object stores of others: with an assumed role, with access keys, or in another region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from resma.aws.call_counter import metered
from resma.aws.clients import QUICK, has_own_endpoint

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ROLE_SECONDS = 3600
"""How long the credentials of an assumed role are valid: the maximum for roles that a role assumes."""

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 3},
    request_checksum_calculation="when_required",
    signature_version="s3v4",
)


@dataclass(frozen=True)
class AccessKeys:
    """Keys of an identity. Temporary ones have a token."""

    key_id: str
    secret_key: str
    token: str | None = None


def assume_role(role_arn: str, external_id: str, session_name: str) -> AccessKeys:
    """Returns temporary keys of a role. Raises boto3's errors."""
    sts: Any = metered(boto3.client("sts", config=QUICK))
    answer = sts.assume_role(
        RoleArn=role_arn, ExternalId=external_id, RoleSessionName=session_name, DurationSeconds=ROLE_SECONDS
    )
    keys = answer["Credentials"]
    return AccessKeys(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def foreign_s3_client(
    keys: AccessKeys | None = None, *, region: str | None = None, endpoint_url: str | None = None
) -> S3Client:
    """Returns a client for a bucket of somebody else. Without keys, it has the identity of the function.

    Requests go to the object store of the deployment unless `endpoint_url` names another one.
    """
    style = Config(s3={"addressing_style": "path" if endpoint_url or has_own_endpoint() else "virtual"})
    client = boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=keys.key_id if keys else None,
        aws_secret_access_key=keys.secret_key if keys else None,
        aws_session_token=keys.token if keys else None,
        config=_CONFIG.merge(style),
    )
    return metered(client)
