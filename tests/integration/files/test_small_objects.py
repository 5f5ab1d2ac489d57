"""Uploads of many objects, on a store simulated by moto: concurrency, size limits, failures and stops."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from resma.aws.clients import s3_client
from resma.errors import LeaseLostError, ObjectStoreRefusedError, ObjectStoreUnavailableError
from resma.storage.multipart import MIN_PART_BYTES
from resma.storage.object_store import OWNER, Clients
from resma.storage.small_objects import ObjectUploader, UploadedObject
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "files"
PDF = "application/pdf"


class Store:
    """The simulated store, and what happens to requests before they reach it."""

    def __init__(self, client: S3Client) -> None:
        self.client = client
        self.clients = Clients(client, client)
        client.create_bucket(Bucket=BUCKET)

    def uploader(self, **limits: Any) -> ObjectUploader:
        return ObjectUploader(self.clients, BUCKET, "report/1", **limits)

    def before(self, operation: str, act: Any) -> None:
        """Calls `act` before each request. It returns None, or raises an error instead of a response."""
        self.client.meta.events.register_first(f"before-send.s3.{operation}", act)

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def content(self, key: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def open_uploads(self) -> list[Any]:
        return self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


@pytest.fixture
def store() -> Iterator[Store]:
    with mock_aws():
        s3_client.cache_clear()
        yield Store(s3_client())
        s3_client.cache_clear()


def _refuse(status: int, code: str) -> NoReturn:
    """Ends a request with an error response, before it reaches the simulated store."""
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    raise ClientError(response, "Request")


def _nothing(_: object) -> None:
    """Returns None, which lets a request continue."""


def _upload(uploader: ObjectUploader, key: str, *pieces: bytes) -> UploadedObject:
    file = uploader.open(key, PDF)
    for piece in pieces:
        file.write(piece)
    return file.finish().result()


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (0, 1),
        (1, 1),
        (MIN_PART_BYTES - 1, 1),
        (MIN_PART_BYTES, 1),
        (MIN_PART_BYTES + 1, 2),
        (2 * MIN_PART_BYTES + 3, 3),
    ],
)
def test_checksums_are_those_of_the_stored_object(store: Store, size: int, parts: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    with store.uploader() as uploader:
        stored = _upload(uploader, "a/1.pdf", content[: size // 3], content[size // 3 :])
    expected = UploadedObject("a/1.pdf", size, hashlib.sha256(content).hexdigest(), zlib.crc32(content), parts)
    assert stored == expected
    assert store.content("a/1.pdf") == content
    head = store.client.head_object(Bucket=BUCKET, Key="a/1.pdf")
    assert (head["ContentType"], head["Metadata"][OWNER]) == (PDF, "report/1")
    assert store.open_uploads() == []


def test_a_small_object_is_one_request(store: Store) -> None:
    requests: list[str] = []
    store.client.meta.events.register("before-call.s3", lambda model, **_: requests.append(model.name))
    with store.uploader() as uploader:
        _upload(uploader, "a/1.pdf", b"x" * 20_000)
    assert requests == ["PutObject"]


def test_many_objects_are_in_flight(store: Store) -> None:
    """No request is answered before as many others have been sent."""
    together = threading.Barrier(8)
    store.before("PutObject", lambda **_: _nothing(together.wait(60)))
    with store.uploader(threads=8) as uploader:
        pending = []
        for number in range(40):
            file = uploader.open(f"a/{number}.csv", "text/csv")
            file.write(b"%d" % number)
            pending.append(file.finish())
        assert [item.result().key for item in pending] == [f"a/{number}.csv" for number in range(40)]
    stored = store.keys()
    assert {key: store.content(key) for key in stored} == {f"a/{n}.csv": b"%d" % n for n in range(40)}


@pytest.mark.parametrize(
    ("limits", "size", "expected"),
    [
        ({"threads": 2, "max_bytes_in_flight": 100}, 30, 3),
        ({"threads": 2}, 30, 8),
        ({"max_bytes_in_flight": 100}, 500, 1),
    ],
    ids=["bytes", "objects", "one larger than the limit"],
)
def test_finished_objects_in_memory_are_limited(store: Store, limits: dict[str, int], size: int, expected: int) -> None:
    answer = threading.Event()
    store.before("PutObject", lambda **_: _nothing(answer.wait(60)))
    finished: list[int] = []

    def write_all(uploader: ObjectUploader) -> None:
        for number in range(20):
            file = uploader.open(f"a/{number}", PDF)
            file.write(bytes(size))
            file.finish()
            finished.append(number)

    with store.uploader(**limits) as uploader:
        writing = threading.Thread(target=write_all, args=[uploader])
        writing.start()
        eventually("the limit is reached", lambda: len(finished) == expected)
        writing.join(1)  # more than the interval of its checks
        assert len(finished) == expected
        answer.set()
        writing.join(60)
    assert len(finished) == 20


def test_an_object_of_another_owner_is_not_overwritten(store: Store) -> None:
    store.client.put_object(Bucket=BUCKET, Key="a/1", Body=b"theirs", Metadata={OWNER: "report/2"})
    with store.uploader() as uploader:
        with pytest.raises(ObjectStoreRefusedError, match="PreconditionFailed"):
            _upload(uploader, "a/1", b"oursss")
        with pytest.raises(ObjectStoreRefusedError, match="PreconditionFailed"):
            _upload(uploader, "a/2", b"refused because an earlier one has failed")
    assert store.content("a/1") == b"theirs"


def test_a_lost_response_does_not_fail_the_object(store: Store) -> None:
    """The first request stores the object, and its response is lost; the second finds the object."""
    sent: list[Any] = []

    def lose_first(request: Any, **_: Any) -> None:
        sent.append(request)
        if len(sent) == 1:
            store_it(request)
            raise ConnectTimeoutError(endpoint_url="http://store")

    def store_it(request: Any) -> None:
        other = boto3.client("s3")
        other.put_object(Bucket=BUCKET, Key="a/1", Body=request.body, Metadata={OWNER: "report/1"})

    store.before("PutObject", lose_first)
    with store.uploader() as uploader:
        assert _upload(uploader, "a/1", b"content").bytes == 7
    assert len(sent) == 2


def test_a_conflict_is_retried(store: Store) -> None:
    attempts: list[int] = []

    def refuse_first(**_: Any) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            _refuse(409, "ConditionalRequestConflict")

    store.before("PutObject", refuse_first)
    with store.uploader() as uploader:
        _upload(uploader, "a/1", b"content")
    assert (store.content("a/1"), len(attempts)) == (b"content", 2)


def test_an_outage_is_reported_as_one(store: Store) -> None:
    store.before("PutObject", lambda **_: _refuse(503, "SlowDown"))
    with store.uploader() as uploader, pytest.raises(ObjectStoreUnavailableError, match="SlowDown"):
        _upload(uploader, "a/1", b"content")
    assert store.keys() == []


@pytest.mark.parametrize("act", ["discard", "leave open", "raise"])
def test_an_unfinished_file_leaves_nothing(store: Store, act: str) -> None:
    def write() -> None:
        with store.uploader() as uploader:
            for key in ("a/small", "a/large"):
                file = uploader.open(key, PDF)
                file.write(bytes(MIN_PART_BYTES + 1 if key == "a/large" else 10))
                if act == "discard":
                    file.discard()
            if act == "raise":
                raise ZeroDivisionError

    if act == "raise":
        with pytest.raises(ZeroDivisionError):
            write()
    else:
        write()
    assert (store.keys(), store.open_uploads()) == ([], [])


def test_a_large_file_that_fails_leaves_nothing(store: Store) -> None:
    store.before("CompleteMultipartUpload", lambda **_: _refuse(403, "AccessDenied"))
    with store.uploader() as uploader, pytest.raises(ObjectStoreUnavailableError, match="AccessDenied"):
        _upload(uploader, "a/large", bytes(MIN_PART_BYTES + 1))
    assert (store.keys(), store.open_uploads()) == ([], [])


def test_discarding_a_finished_file_has_no_effect(store: Store) -> None:
    with store.uploader() as uploader:
        for size in (10, MIN_PART_BYTES + 1):
            file = uploader.open(f"a/{size}", PDF)
            file.write(bytes(size))
            pending = file.finish()
            file.discard()
            assert pending.result().bytes == size


@pytest.mark.parametrize("waits_for", ["room", "the result"])
def test_a_stopped_uploader_does_not_wait_for_the_store(store: Store, waits_for: str) -> None:
    stopped, answer = threading.Event(), threading.Event()

    def hang(**_: Any) -> None:
        stopped.set()
        answer.wait(60)
        _refuse(403, "AccessDenied")

    def write_until_stopped(uploader: ObjectUploader) -> None:
        while True:
            file = uploader.open("a/1", PDF)
            file.write(b"content")
            pending = file.finish()
            if waits_for == "the result":
                pending.result()

    store.before("PutObject", hang)
    try:
        with store.uploader(threads=1, stopped=stopped) as uploader, pytest.raises(LeaseLostError):
            write_until_stopped(uploader)
    finally:
        answer.set()
    assert store.keys() == []
