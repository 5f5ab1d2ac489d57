"""Files that several attempts have a share in: an earlier attempt's upload becomes a segment, segments one object.

A dead worker's upload is not taken over but completed, with the parts that its checkpoint names and no others. From
then on the store knows no such upload, so that worker, should it wake up, can neither add to it nor complete it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, pairwise

from botocore.exceptions import ClientError

from resma.errors import CheckpointUnusableError
from resma.storage.multipart import MIB, CompletedUpload, Segment, UploadState
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
"""What a request copies inside the store. It may be 5 GiB, but then the answer takes longer than a client waits."""

_DONE_ALREADY = {"NoSuchUpload", "PreconditionFailed"}
_PARTS_GONE = {"FieldError", "InvalidPartOrder", "EntityTooSmall"}


def close_upload(clients: Clients, bucket: str, saved: UploadState) -> tuple[Segment, ...]:
    """Ends the upload of an earlier attempt; returns the segments that hold all bytes before the saved tail.

    Safe to call twice and at once. Where the earlier worker has completed its whole file, that begins with the same
    parts, and as much of it is the segment. Raises CheckpointUnusableError where the store has not what the checkpoint
    says; ObjectStoreUnavailableError.
    """
    if not saved.parts:
        abort_upload(clients.retrying, bucket, saved.key, saved.upload_id)
        return saved.segments
    size = sum(part.bytes for part in saved.parts)
    with store_errors("ending an earlier attempt's upload"):
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
                raise CheckpointUnusableError("the store no longer has the parts that were sent") from error
            if code not in _DONE_ALREADY:
                raise
            abort_upload(clients.retrying, bucket, saved.key, saved.upload_id)
        found = find_object(clients.retrying, bucket, saved.key, saved.owner)
    if found is None or found.bytes < size:
        raise CheckpointUnusableError("the store has not the beginning of the file as it was saved")
    return (*saved.segments, Segment(saved.key, size, found.etag))


def join_segments(  # noqa: PLR0913  # where to, and what it is
    clients: Clients,
    pool: UploadPool,
    bucket: str,
    key: str,
    segments: Sequence[Segment],
    *,
    media_type: str,
    owner: str,
) -> CompletedUpload:
    """Makes one object of them, copied inside the store; all but the last must be of 5 MiB or more.

    It appears whole or not at all. Raises ObjectStoreUnavailableError.
    """
    with store_errors("joining the file's segments"):
        # No checksum is asked for: MinIO copies into no upload that wants one. Parts were checked as they came.
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


_Piece = tuple[Segment, int, int]
"""Of a segment: its first byte, and the one after its last."""


def _pieces(segments: Sequence[Segment]) -> Iterator[_Piece]:
    """Each segment in equal pieces of COPY_BYTES at most."""
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
