"""Progress of split reports: their shards and failed files, counted in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from api.reports.split_models import ShardCountsView, SplitObjectView, SplitView
from resma.jobs.download_links import SplitObject
from resma.jobs.report_rows import Report, stored_files
from resma.report.records import ObjectRecord


@dataclass(frozen=True, kw_only=True)
class SplitCounts:
    """Number of shards of a split report by status, and what their workers have stored."""

    total: int = 0
    pending: int = 0
    generating: int = 0
    done: int = 0
    failed: int = 0
    keys_done: int = 0
    files_failed: int = 0


@dataclass(frozen=True, kw_only=True)
class _CountedReport(SplitCounts):
    report_id: UUID


NO_SHARDS = SplitCounts()
"""Counts of a report that has no shards yet."""


def count_splits(
    connection: Connection[TupleRow], tenant_id: str, reports: Iterable[Report]
) -> dict[UUID, SplitCounts]:
    """Returns the counts of the split reports among `reports` that have shards, by report id.

    A shard whose worker has died counts as pending, because it waits for another worker.
    """
    ids = [report.report_id for report in reports if report.split_by]
    if not ids:
        return {}
    with connection.cursor(row_factory=class_row(_CountedReport)) as cursor:
        cursor.execute(
            """
            SELECT s.*, (
                SELECT count(*) FROM resma.report_files AS f
                WHERE f.tenant_id = %(tenant_id)s AND f.report_id = s.report_id AND f.error_code IS NOT NULL
            ) AS files_failed
            FROM (
                SELECT report_id, count(*) AS total,
                       count(*) FILTER (WHERE status = 'GENERATING' AND lease_until > clock_timestamp()) AS generating,
                       count(*) FILTER (WHERE status = 'PENDING'
                           OR (status = 'GENERATING' AND lease_until <= clock_timestamp())) AS pending,
                       count(*) FILTER (WHERE status = 'DONE') AS done,
                       count(*) FILTER (WHERE status = 'FAILED') AS failed,
                       sum(keys_done)::bigint AS keys_done
                FROM resma.shards WHERE tenant_id = %(tenant_id)s AND report_id = ANY (%(ids)s) GROUP BY report_id
            ) AS s
            """,
            {"tenant_id": tenant_id, "ids": ids},
        )
        return {counted.report_id: counted for counted in cursor}


def show_split(report: Report, counts: SplitCounts, url: str) -> SplitView | None:
    """Returns the JSON model of a split report's progress and manifest; None for other reports.

    `url` is the URL of the report.
    """
    if report.split_by is None:
        return None
    # The list of files and the manifest are deleted with the files.
    manifest = report.manifest if report.status == "READY" else None
    keys_done = max(report.keys_done, counts.keys_done)
    return SplitView(
        keys=report.keys_expected,
        keys_done=keys_done,
        files=stored_files(report, keys_done, counts.files_failed),
        files_failed=counts.files_failed,
        shards=ShardCountsView.model_validate(counts, from_attributes=True),
        snapshots=report.snapshots,
        manifest=_show_object(manifest and manifest["manifest"], "manifest", url),
        list=_show_object(manifest and manifest["list"], "list", url),
        zip=_show_object(manifest and manifest["zip"], "zip", url),
    )


def _show_object(stored: ObjectRecord | None, name: SplitObject, url: str) -> SplitObjectView | None:
    if stored is None:
        return None
    return SplitObjectView(bytes=stored["bytes"], sha256=stored["sha256"], download=f"{url}/download?file={name}")
