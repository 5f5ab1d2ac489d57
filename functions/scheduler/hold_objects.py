"""Scheduler task: gives the objects of held reports the legal hold of the object store, and removes it after a release.

It needs a bucket with S3 Object Lock. Without it, the rows of the reports alone prevent deletion by Resma, and nothing
prevents deletion by others.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.storage.object_store import is_store_overloaded
from scheduler.clear_store import AT_ONCE
from scheduler.resources import IsTimeLeft, SchedulerResources

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = Logger(child=True)

_NO_OBJECT_LOCK = {"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed"}
"""Error codes of stores and buckets without Object Lock. The last two are those of stores other than S3."""

OBJECTS_AT_ONCE = 200
"""Maximum number of objects of a report that are changed in a transaction, which locks the row of the report."""

_Outcome = Literal["done", "more", "refused", "unavailable"]


@dataclass(frozen=True, kw_only=True)
class _Changed:
    """A report whose hold was placed or released since its objects were last changed."""

    tenant_id: str
    report_id: UUID
    held: bool
    hold_cursor: str | None
    """Key of the last object that was changed."""


def hold_objects(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Makes the legal holds of objects equal to those of their reports; returns the number of reports.

    Safe to call twice: a legal hold can be set again. A report whose objects the store refuses is tried again by the
    next run. Stops when the store is unavailable.
    """
    if not _is_any_due(resources) or not _has_object_lock(resources.s3, resources.bucket):
        return 0
    _expect_holds(resources)
    done = 0
    refused: list[UUID] = []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hold") as threads:
        while is_time_left():
            outcomes = _hold_batch(resources, threads, refused)
            done += outcomes.count("done")
            if not outcomes or "unavailable" in outcomes:
                break
    return done


def _is_any_due(resources: SchedulerResources) -> bool:
    with resources.system.transaction(None) as connection:
        return connection.execute("SELECT FROM resma.reports WHERE hold_due LIMIT 1").fetchone() is not None


def _has_object_lock(s3: S3Client, bucket: str) -> bool:
    """Returns whether objects of the bucket can have legal holds. False if the store does not answer."""
    try:
        s3.get_object_lock_configuration(Bucket=bucket)
    except ClientError as error:
        if (code := error.response["Error"]["Code"]) not in _NO_OBJECT_LOCK:
            logger.warning("the store does not say whether it has Object Lock", error=code)
        return False
    except BotoCoreError as error:
        logger.warning("the store does not say whether it has Object Lock", error=type(error).__name__)
        return False
    return True


def _expect_holds(resources: SchedulerResources) -> None:
    """Records that objects may have legal holds, before the first one has: a release then removes all of them."""
    with resources.system.transaction(None) as connection:
        connection.execute("UPDATE resma.reports SET objects_held = true WHERE hold_due AND held AND NOT objects_held")


def _hold_batch(resources: SchedulerResources, threads: Executor, refused: list[UUID]) -> list[_Outcome]:
    """Changes some objects of a batch of reports in one transaction. Skips reports that another run has locked.

    The locked rows cannot be held or released at the same time. Adds reports that the store refuses to `refused`.
    """
    with resources.system.transaction(None) as connection:
        reports = _find_due(connection, refused)
        results = list(threads.map(lambda report: _change(resources, report), reports))
        for report, (outcome, cursor) in zip(reports, results, strict=True):
            if outcome == "refused":
                refused.append(report.report_id)
            elif outcome in {"done", "more"}:
                _record(connection, report, cursor, is_done=outcome == "done")
    return [outcome for outcome, _ in results]


def _find_due(connection: Connection[TupleRow], refused: Sequence[UUID]) -> list[_Changed]:
    """Returns the next reports. One that is held during this run waits for the next one."""
    with connection.cursor(row_factory=class_row(_Changed)) as cursor:
        cursor.execute(
            "SELECT tenant_id, report_id, held, hold_cursor FROM resma.reports WHERE hold_due AND objects_held"
            " AND report_id <> ALL (%s) ORDER BY finished_at LIMIT %s FOR UPDATE SKIP LOCKED",
            (list(refused), AT_ONCE),
        )
        return cursor.fetchall()


def _record(connection: Connection[TupleRow], report: _Changed, cursor: str | None, *, is_done: bool) -> None:
    connection.execute(
        "UPDATE resma.reports SET hold_due = %(is_more)s, hold_cursor = %(cursor)s, objects_held = held OR %(is_more)s"
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s",
        {
            "is_more": not is_done,
            "cursor": None if is_done else cursor,
            "tenant_id": report.tenant_id,
            "report_id": report.report_id,
        },
    )


def _change(resources: SchedulerResources, report: _Changed) -> tuple[_Outcome, str | None]:
    """Sets or removes the legal hold of the next objects of a report; returns the key of the last one. Never raises."""
    about: dict[str, Any] = {"report_id": str(report.report_id), "tenant_id": report.tenant_id, "held": report.held}
    status: Literal["ON", "OFF"] = "ON" if report.held else "OFF"
    s3, bucket, after = resources.s3, resources.bucket, report.hold_cursor or ""
    try:
        prefix = f"{report.tenant_id}/{report.report_id}/"
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after, MaxKeys=OBJECTS_AT_ONCE)
        found = [item["Key"] for item in listed.get("Contents", [])]
        for key in found:
            s3.put_object_legal_hold(Bucket=bucket, Key=key, LegalHold={"Status": status})
    except BotoCoreError as error:
        logger.warning("the legal hold of a report's objects was not changed", **about, error=type(error).__name__)
        return "unavailable", None
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if is_store_overloaded(error):
            logger.warning("the legal hold of a report's objects was not changed", **about, error=code)
            return "unavailable", None
        logger.warning("the store refused to change the legal hold of a report's objects", **about, error=code)
        return "refused", None
    if found and listed["IsTruncated"]:
        return "more", found[-1]
    logger.info("the legal hold of a report's objects was changed", **about)
    return "done", None
