"""Prepares a split report: counts it, divides its keys into shards and exports the snapshot; or continues it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.quotas import count_files, count_rows
from resma.catalog import ReportType, find_locale, organization_of
from resma.errors import CheckpointUnusableError, LeaseLostError, RowCountMismatchError
from resma.jobs.claim import record_summary
from resma.jobs.conditions import ReportSkippedError, SkippedReason, skip_reason
from resma.jobs.fence import fenced_update
from resma.jobs.outages import close_outages
from resma.jobs.report_rows import tenant_name
from resma.report.summary import Summary
from resma.shards.reports import ShardPlan, record_plan, record_snapshot
from resma.shards.rows import ShardCounts, ShardedReport, count_shards, find_sharded_report
from resma.snapshot.summary_warnings import summary_warnings
from worker.attempt import ClaimedJob, dependencies_used_so_far
from worker.checkpoints.serialization import stamp_of
from worker.database_retry import write_with_retry
from worker.encryption import find_encryption
from worker.split.exported_snapshot import ExportedSnapshot

MAX_SHARDS = 64
"""Maximum number of shards of a report."""

SHARD_COST = 25_000
"""Minimum cost of a shard, in rows; the files of a key cost 250 more. A worker needs about a second for it."""


@dataclass(frozen=True)
class PreparedReport:
    """A report whose shards exist."""

    report: ShardedReport
    organization: str
    before: ShardCounts
    """The shards at the start of this attempt."""


def prepare(job: ClaimedJob, exported: ExportedSnapshot, report_type: ReportType) -> PreparedReport:
    """Divides the keys of the report into shards, unless an earlier attempt has, and exports a snapshot.

    Raises CheckpointUnusableError if other code or another report type has divided them, LeaseLostError, and
    RowsQuotaExceededError.
    """
    prepared = _find(job)
    if prepared is None:
        _plan(job, exported, report_type)
    else:
        if prepared.report.shards_stamp != stamp_of(report_type):
            raise CheckpointUnusableError("The report type or the code has changed since the report was started.")
        if not prepared.before.unfinished:
            return prepared
        export_again(job, exported)
    prepared = _find(job)
    if prepared is None:
        raise LeaseLostError(f"The shards of report {job.claim.report_id} no longer exist.")
    return prepared


def export_again(job: ClaimedJob, exported: ExportedSnapshot) -> None:
    """Exports a new snapshot, in which each shard is compared with the first one. Raises LeaseLostError."""
    snapshot_id = exported.open().export()

    def record(connection: Connection[TupleRow]) -> None:
        record_snapshot(connection, job.claim, snapshot_id)
        close_outages(connection, dependencies_used_so_far(job))

    write_with_retry(job.resources.system, job.claim.tenant_id, record)


def find_prepared(job: ClaimedJob, connection: Connection[TupleRow]) -> PreparedReport | None:
    """Returns the report with its exported snapshot, or None if it has no shards. Raises RowsQuotaExceededError."""
    claim = job.claim
    report = find_sharded_report(connection, claim.tenant_id, claim.report_id)
    if report is None:
        return None
    rows, keys = fenced_update(connection, claim, "keys_done = keys_done", {}, "rows_expected, keys_expected")
    # Rows and files that were not made are subtracted when a report fails. They are counted again when it is retried.
    count_rows(connection, claim, rows)
    count_files(connection, claim, keys * len(claim.formats))
    organization = organization_of(tenant_name(connection, claim.tenant_id))
    return PreparedReport(report, organization, count_shards(connection, claim))


def _find(job: ClaimedJob) -> PreparedReport | None:
    return write_with_retry(job.resources.system, job.claim.tenant_id, partial(find_prepared, job))


def _plan(job: ClaimedJob, exported: ExportedSnapshot, report_type: ReportType) -> None:
    """Records the summary of the snapshot and its shards.

    Raises ReportSkippedError if `onlyIf` is not met, CertificateUnusableError and SigningKeyUnusableError: the
    report then fails as a whole.
    """
    claim, snapshot, system = job.claim, exported.open(), job.resources.system
    find_encryption(job.resources, claim.tenant_id, claim.encrypt_for, claim.signed_by)
    summary = snapshot.summarize(find_locale(claim.locale).language)
    if skipped := write_with_retry(system, claim.tenant_id, partial(_record_summary, job, summary)):
        raise ReportSkippedError(skipped)
    planned = snapshot.plan_shards(claim.split_by or (), MAX_SHARDS, SHARD_COST)
    if (rows := sum(shard.rows for shard in planned.shards)) != summary.rows:
        raise RowCountMismatchError(rows, summary.rows, "its keys have")
    plan = ShardPlan(planned.keys, planned.shards, stamp_of(report_type))
    write_with_retry(system, claim.tenant_id, partial(_record_plan, job, plan, summary, snapshot.export()))


def _record_summary(job: ClaimedJob, summary: Summary, connection: Connection[TupleRow]) -> SkippedReason | None:
    record_summary(connection, job.claim, summary)
    close_outages(connection, dependencies_used_so_far(job))
    return skip_reason(connection, job.claim, summary)


def _record_plan(
    job: ClaimedJob, plan: ShardPlan, summary: Summary, snapshot_id: str, connection: Connection[TupleRow]
) -> None:
    claim = job.claim
    record_plan(connection, claim, plan, snapshot_id, summary_warnings(summary, claim.filters))
    count_rows(connection, claim, summary.rows)
    count_files(connection, claim, plan.keys * len(claim.formats))
