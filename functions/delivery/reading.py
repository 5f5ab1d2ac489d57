"""Reads the files to deliver from the object store of Resma."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from delivery.errors import ReportGoneError, SourceUnavailableError
from delivery.outgoing import OutgoingFile, ReportStore, StoredSource
from delivery.planned_files import PlannedFile


def outgoing_file(store: ReportStore, file: PlannedFile, name: str) -> OutgoingFile:
    """Returns a file to deliver under a name. Its `read` raises ReportGoneError and SourceUnavailableError."""
    source = None if file.object_key is None else StoredSource(store.bucket, file.object_key)

    def read(start: int, end: int) -> bytes:
        if file.content is not None:
            return file.content[start:end]
        assert file.object_key is not None
        return _read_range(store, file.object_key, start, end)

    return OutgoingFile(
        name=name,
        bytes=file.size,
        sha256=file.sha256,
        media_type=file.media_type,
        report=file.report,
        read=read,
        source=source,
    )


def _read_range(store: ReportStore, key: str, start: int, end: int) -> bytes:
    """Reads a part of a file from the store of reports. Raises ReportGoneError and SourceUnavailableError."""
    try:
        answer = store.s3.get_object(Bucket=store.bucket, Key=key, Range=f"bytes={start}-{end - 1}")
        content: bytes = answer["Body"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchKey":
            raise ReportGoneError("The file no longer exists. Request the report again.") from error
        raise SourceUnavailableError(f"The object store of Resma returned {code}. It is tried again.") from error
    except (BotoCoreError, OSError) as error:
        raise SourceUnavailableError(
            f"The object store of Resma does not answer ({type(error).__name__}). It is tried again."
        ) from error
    if len(content) != end - start:
        raise SourceUnavailableError("The object store of Resma returned too few bytes. It is tried again.")
    return content
