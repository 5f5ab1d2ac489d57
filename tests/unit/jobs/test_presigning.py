"""Presigned URLs: their form for S3 and other stores, and how long they are valid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import boto3
import pytest

from resma.aws import clients


@pytest.fixture(autouse=True)
def _clear_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clears the clients and the session that are cached in the process."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    clients.s3_client.cache_clear()
    yield
    clients.s3_client.cache_clear()


def _presign(bucket: str, endpoint_url: str | None = None) -> str:
    client = clients.s3_client(endpoint_url=endpoint_url)
    return client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "demo/1.csv"}, ExpiresIn=60)


def test_s3_urls_have_the_bucket_in_the_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    parts = urlsplit(_presign("reports-of-the-bank"))
    assert (parts.netloc, parts.path) == ("reports-of-the-bank.s3.sa-east-1.amazonaws.com", "/demo/1.csv")
    assert "X-Amz-Signature=" in parts.query


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", None])
def test_urls_of_other_stores_have_the_bucket_in_the_path(
    monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    endpoint_url = "http://store.example:9000"
    if variable:
        monkeypatch.setenv(variable, endpoint_url)
    parts = urlsplit(_presign("reports", None if variable else endpoint_url))
    assert (parts.netloc, parts.path) == ("store.example:9000", "/reports/demo/1.csv")
    assert "X-Amz-Signature=" in parts.query


@pytest.mark.parametrize(("minutes", "seconds"), [(30, 1800), (90, 3600)])
def test_a_url_expires_with_the_session(monkeypatch: pytest.MonkeyPatch, minutes: int, seconds: int) -> None:
    ends_at = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", ends_at.isoformat())
    clients.s3_client()
    valid = clients.presign_seconds(3600)
    assert 0 < valid <= seconds
    assert datetime.now(UTC) + timedelta(seconds=valid) <= ends_at
    assert valid > seconds // 2, "the session has just started"


def test_without_expiration_a_url_is_valid_for_the_requested_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clients.presign_seconds(3600) == 3600, "there is no session"
    clients.s3_client()
    assert clients.presign_seconds(3600) == 3600, "the credentials do not expire"
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", (datetime.now(UTC) + timedelta(minutes=30)).isoformat())
    clients.s3_client.cache_clear()
    clients.s3_client()
    assert clients.presign_seconds(3600, "arn:of-a-secret") == 3600, "the credentials come from a secret"
