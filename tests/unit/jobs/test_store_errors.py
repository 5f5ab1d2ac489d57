"""What is the object store's outage, and what is one request's own failure."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ParamValidationError

from resma.errors import ObjectStoreRefusedError, ObjectStoreUnavailable
from resma.storage.object_store import store_errors


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, "InternalError", ObjectStoreUnavailable),
        (503, "SlowDown", ObjectStoreUnavailable),
        (403, "AccessDenied", ObjectStoreUnavailable),
        (403, "InvalidAccessKeyId", ObjectStoreUnavailable),
        (404, "NoSuchBucket", ObjectStoreUnavailable),
        (400, "RequestTimeout", ObjectStoreUnavailable),
        (400, "BadDigest", ObjectStoreRefusedError),
        (404, "NoSuchUpload", ObjectStoreRefusedError),
        (409, "ConditionalRequestConflict", ObjectStoreRefusedError),
        (412, "PreconditionFailed", ObjectStoreRefusedError),
    ],
)
def test_answers(status: int, code: str, kind: type[Exception]) -> None:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(kind, match=code) as raised, store_errors("storing"):
        raise ClientError(response, "UploadPart")  # type: ignore[arg-type]  # as much as is looked at
    assert type(raised.value) is kind


@pytest.mark.parametrize("kind", [ConnectTimeoutError, EndpointConnectionError])
def test_no_answer_is_an_outage(kind: type[ConnectTimeoutError | EndpointConnectionError]) -> None:
    with pytest.raises(ObjectStoreUnavailable) as raised, store_errors("storing"):
        raise kind(endpoint_url="http://store")
    assert raised.value.dependency == "object-store"


def test_a_mistake_of_ours_is_none() -> None:
    with pytest.raises(ParamValidationError), store_errors("storing"):
        raise ParamValidationError(report="no such parameter")
