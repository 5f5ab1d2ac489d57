"""Errors of the object store: outages, and failures of single requests."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ParamValidationError

from resma.errors import ObjectStoreRefusedError, ObjectStoreUnavailableError
from resma.storage.object_store import store_errors


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, "InternalError", ObjectStoreUnavailableError),
        (503, "SlowDown", ObjectStoreUnavailableError),
        (403, "AccessDenied", ObjectStoreUnavailableError),
        (403, "InvalidAccessKeyId", ObjectStoreUnavailableError),
        (404, "NoSuchBucket", ObjectStoreUnavailableError),
        (400, "RequestTimeout", ObjectStoreUnavailableError),
        (400, "BadDigest", ObjectStoreRefusedError),
        (404, "NoSuchUpload", ObjectStoreRefusedError),
        (409, "ConditionalRequestConflict", ObjectStoreRefusedError),
        (412, "PreconditionFailed", ObjectStoreRefusedError),
    ],
)
def test_error_responses_are_translated(status: int, code: str, kind: type[Exception]) -> None:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(kind, match=code) as raised, store_errors("Storing"):
        raise ClientError(response, "UploadPart")  # type: ignore[arg-type]  # only the fields that are used
    assert type(raised.value) is kind


@pytest.mark.parametrize("kind", [ConnectTimeoutError, EndpointConnectionError])
def test_a_missing_response_is_an_outage(kind: type[ConnectTimeoutError | EndpointConnectionError]) -> None:
    with pytest.raises(ObjectStoreUnavailableError) as raised, store_errors("Storing"):
        raise kind(endpoint_url="http://store")
    assert raised.value.dependency == "object-store"


def test_invalid_parameters_are_not_translated() -> None:
    with pytest.raises(ParamValidationError), store_errors("Storing"):
        raise ParamValidationError(report="no such parameter")
