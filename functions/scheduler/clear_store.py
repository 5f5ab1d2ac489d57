"""Removes a report's leftovers from the object store: open uploads, and objects that are not its files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from resma.storage.object_store import is_store_overloaded

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = Logger(child=True)

AT_ONCE = 8
"""Number of reports swept in parallel, as many as the client has connections: a sweep mostly waits for answers."""

UNFINISHED_SECONDS = 90
"""Pause after a sweep that had no time for all objects of a report, so that the next run sweeps other reports first."""

SweepOutcome = Literal["swept", "unfinished", "refused", "unavailable"]


@dataclass(frozen=True)
class Leftovers:
    """The parts of the keys of a report's objects and uploads, and the keys that must not be removed."""

    tenant_id: str
    report_id: UUID
    attempts: int
    extensions: frozenset[str]
    kept_keys: frozenset[str] = frozenset()
    kept_numbers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Files of a split report that must not be removed: the first and the last number by the folder in their keys."""
    complete_folders: Collection[str] = ()
    """Folders of a split report that have no leftovers, so that they need not be listed to their end."""

    def is_kept(self, key: str) -> bool:
        """Returns whether an object must not be removed."""
        if key in self.kept_keys:
            return True
        folder, _, name = key.removeprefix(self.prefix).partition("/")
        number = name.partition(".")[0]
        if folder not in self.kept_numbers or not number.isdecimal():
            return False
        first, last = self.kept_numbers[folder]
        return first <= int(number) <= last

    def listed_after(self, key: str) -> str:
        """Returns the string after which the list of objects continues after a page that ends with `key`."""
        folder, is_in_folder, _ = key.removeprefix(self.prefix).partition("/")
        # The character 0 follows the slash.
        return f"{self.prefix}{folder}0" if is_in_folder and folder in self.complete_folders else key

    @property
    def prefix(self) -> str:
        """The prefix of the keys of all the report's objects."""
        return f"{self.tenant_id}/{self.report_id}/"


class _TimeIsUpError(Exception):
    """The time of the scheduler's task is up before all objects of a report were listed."""


def clear_store(s3: S3Client, bucket: str, leftovers: Leftovers, is_time_left: Callable[[], bool]) -> SweepOutcome:
    """Removes a report's leftovers. Safe to call twice. Never raises.

    `unavailable` means that the store cannot serve requests, and `unfinished` that the time was up: the next call
    continues, because it finds fewer objects.
    """
    about: dict[str, Any] = {"report_id": str(leftovers.report_id), "tenant_id": leftovers.tenant_id}
    try:
        aborted = _abort_uploads(s3, bucket, leftovers)
        removed = _remove_objects(s3, bucket, leftovers, is_time_left)
    except _TimeIsUpError:
        logger.info("a report has more objects than a run has time for: a later run continues", **about)
        return "unfinished"
    except BotoCoreError as error:
        logger.warning("a report was not swept", **about, error=type(error).__name__)
        return "unavailable"
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if is_store_overloaded(error):
            logger.warning("a report was not swept", **about, error=code)
            return "unavailable"
        logger.warning("the store refused a sweep", **about, error=code)
        return "refused"
    except Exception:
        logger.exception("a report cannot be swept", **about)
        return "refused"
    logger.info("swept", **about, uploads_aborted=aborted, objects_removed=removed)
    return "swept"


def _abort_uploads(s3: S3Client, bucket: str, leftovers: Leftovers) -> int:
    """Aborts the report's open uploads; returns how many.

    Uploads are listed by prefix and by each whole key: MinIO lists uploads by whole keys only.
    """
    keys = [
        f"{leftovers.prefix}{attempt}.{rest}{extension}"
        for attempt in range(1, leftovers.attempts + 1)
        for extension in leftovers.extensions
        for rest in ("", "rest.")
    ]
    aborted = 0
    for prefix in (leftovers.prefix, *keys):
        for upload in s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", []):
            aborted += _abort_upload(s3, bucket, upload["Key"], upload["UploadId"])
    return aborted


def _abort_upload(s3: S3Client, bucket: str, key: str, upload_id: str) -> int:
    try:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload":  # its own worker has just aborted it
            raise
        return 0
    return 1


def _remove_objects(s3: S3Client, bucket: str, leftovers: Leftovers, is_time_left: Callable[[], bool]) -> int:
    """Removes the report's objects except those that are kept; returns how many. Raises _TimeIsUpError."""
    removed, after = 0, ""
    while True:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=leftovers.prefix, StartAfter=after)
        found = [item["Key"] for item in listed.get("Contents", [])]
        keys = [key for key in found if not leftovers.is_kept(key)]
        if keys:
            _delete(s3, bucket, keys)
        removed += len(keys)
        if not (found and listed["IsTruncated"]):
            return removed
        if not is_time_left():
            raise _TimeIsUpError
        after = leftovers.listed_after(found[-1])


def _delete(s3: S3Client, bucket: str, keys: Sequence[str]) -> None:
    """Deletes up to a thousand objects. Raises ClientError also if the store refuses only some of them."""
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    for refused in deleted.get("Errors", []):
        raise ClientError({"Error": {"Code": refused.get("Code", ""), "Message": ""}}, "DeleteObjects")
