"""Files that several attempts write: the upload of each attempt is a segment of the final object.

The upload of a crashed worker is not continued, but completed with exactly the parts that its checkpoint names. After
that the upload does not exist any longer, so that the worker, if it is still running, can neither add parts to it nor
complete it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, pairwise

from botocore.exceptions import ClientError

from resma.errors import CheckpointUnusableError
from resma.storage.multipart import MIB, CompletedUpload, MultipartUpload, Segment, UploadState
from resma.storage.object_store import (
    OWNER,
    Clients,
    Part,
    UploadTarget,
    abort_upload,
    complete_once,
    find_object,
    store_errors,
)
from resma.storage.upload_pool import UploadPool

COPY_BYTES = 256 * MIB
"""Maximum size of a copy request inside the store. S3 allows 5 GiB, but then clients time out before the response."""

_DONE_ALREADY = {"NoSuchUpload", "PreconditionFailed"}
_PARTS_GONE = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}


def close_upload(clients: Clients, bucket: str, saved: UploadState) -> tuple[Segment, ...]:
    """Completes the upload of an earlier attempt, and returns the segments that contain all bytes before the saved
    tail.

    Safe to call twice and concurrently. If the earlier worker has completed its whole file, the file starts with the
    same parts, and the segment is this start of it. Raises CheckpointUnusableError if the store does not have what the
    checkpoint says, and ObjectStoreUnavailableError.
    """
    if not saved.parts:
        abort_upload(clients.retrying, bucket, saved.key, saved.upload_id)
        return saved.segments
    size = sum(part.bytes for part in saved.parts)
    with store_errors("Completing the upload of an earlier attempt"):
        try:
            clients.retrying.complete_multipart_upload(
                Bucket=bucket,
                Key=saved.key,
                UploadId=saved.upload_id,
                MultipartUpload={"Parts": [part.completed() for part in saved.parts]},
                IfNoneMatch="*",
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _PARTS_GONE:
                raise CheckpointUnusableError("The object store no longer has the parts of the checkpoint.") from error
            if code not in _DONE_ALREADY:
                raise
            abort_upload(clients.retrying, bucket, saved.key, saved.upload_id)
        stored = find_object(clients.retrying, bucket, saved.key, saved.owner)
    if stored is None or stored.bytes < size:
        raise CheckpointUnusableError(
            "The object store does not have the file's segment as the checkpoint describes it."
        )
    return (*saved.segments, Segment(saved.key, size, stored.etag))


def join_segments(  # noqa: PLR0913  # the destination, and properties of the object
    clients: Clients,
    pool: UploadPool,
    bucket: str,
    key: str,
    segments: Sequence[Segment],
    *,
    media_type: str,
    owner: str,
) -> CompletedUpload:
    """Joins segments to one object with copies inside the store. All but the last must have 5 MiB or more.

    The object becomes visible as a whole or not at all. Raises ObjectStoreUnavailableError.
    """
    with store_errors("Joining the segments of the file"):
        # Without a checksum, because MinIO cannot copy into an upload that has one. Parts were verified when uploaded.
        created = clients.retrying.create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=media_type, Metadata={OWNER: owner}
        )
        target: UploadTarget = {"Bucket": bucket, "Key": key, "UploadId": created["UploadId"]}
        try:
            copies = [
                pool.sending.submit(_copy, clients, target, number, piece)
                for number, piece in zip(count(1), _pieces(segments), strict=False)
            ]
            parts = tuple([pool.result_of(copy) for copy in copies])
            size = sum(segment.bytes for segment in segments)
            etag = complete_once(clients, target, parts, size, owner)
        except BaseException:
            abort_upload(clients.retrying, bucket, key, created["UploadId"])
            raise
    return CompletedUpload(key, size, etag, len(parts))


def complete_file(  # noqa: PLR0913  # the destination, and properties of the object
    clients: Clients,
    pool: UploadPool,
    bucket: str,
    key: str,
    upload: MultipartUpload,
    *,
    media_type: str,
    owner: str,
) -> int:
    """Completes an upload whose key is `key`, or joins its bytes to the segments that it resumes, as the object `key`.

    Returns the number of parts of the object. Raises ObjectStoreUnavailableError.
    """
    segments = upload.segments
    if not segments:
        return upload.complete().parts
    if not upload.is_empty():
        rest = upload.complete()
        segments = (*segments, Segment(rest.key, rest.bytes, rest.etag))
    return join_segments(clients, pool, bucket, key, segments, media_type=media_type, owner=owner).parts


_Piece = tuple[Segment, int, int]
"""A piece of a segment: the segment, the offset of its first byte, and the offset after its last byte."""


def _pieces(segments: Sequence[Segment]) -> Iterator[_Piece]:
    """Divides each segment into equal pieces of at most COPY_BYTES."""
    for segment in segments:
        pieces = -(-segment.bytes // COPY_BYTES)
        cuts = [segment.bytes * i // pieces for i in range(pieces + 1)]
        yield from ((segment, start, end) for start, end in pairwise(cuts))


def _copy(clients: Clients, target: UploadTarget, number: int, piece: _Piece) -> Part:
    segment, start, end = piece
    answer = clients.retrying.upload_part_copy(
        **target,
        PartNumber=number,
        CopySource={"Bucket": target["Bucket"], "Key": segment.key},
        CopySourceRange=f"bytes={start}-{end - 1}",
        CopySourceIfMatch=segment.etag,
    )
    return Part(number, answer["CopyPartResult"]["ETag"], None, end - start)
