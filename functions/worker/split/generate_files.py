"""Generates the files of a claimed shard: from its snapshot to the last key, or until the invocation's time is up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event

from resma.catalog import ReportType, find_locale, find_report_type
from resma.database.connection import Database
from resma.encryption.sealed_pdf_key import open_pdf_key
from resma.errors import SnapshotGoneError
from resma.jobs.download_links import placeholder_values
from resma.report.decimal_types import DecimalType
from resma.shards.rows import count_snapshot
from resma.snapshot.compose_header import compose_header
from resma.snapshot.query_limits import QueryLimits, limits_of
from resma.snapshot.snapshot import Snapshot, open_snapshot
from resma.snapshot.split.parts import Part
from resma.snapshot.split.shard_plan import ShardDigest
from resma.storage.small_objects import ObjectUploader
from worker.database_retry import write_with_retry
from worker.encryption import find_encryption
from worker.measure import WritingSeconds
from worker.split.key_files import KeyContent, KeyFiles
from worker.split.shard import ClaimedShard
from worker.time_budget import TimeBudget

_WITH_CHARTS = {"PDF", "XLSX"}
"""Formats that show charts and periods."""


@dataclass(frozen=True)
class ShardRun:
    """What one attempt to generate a shard needs besides the shard itself."""

    source: Database
    time_budget: TimeBudget
    stopped: Event
    """Set when the lease is lost."""
    may_continue: Callable[[], bool]
    """Called between batches and keys. Returns False if the attempt must stop, and may raise."""
    needs_exported: bool = False
    """Whether SnapshotGoneError is raised if the exported snapshot no longer exists, instead of opening another."""
    seconds: WritingSeconds = field(default_factory=WritingSeconds)


def generate_files(shard: ClaimedShard, run: ShardRun) -> int:
    """Generates and records the files of a shard; returns the number of its keys whose files are recorded.

    If that is not all, because the time is up, the next attempt continues after the last recorded key. Raises
    LeaseLostError, SourceChangedError if a later snapshot has other rows, SnapshotGoneError, and other ResmaErrors.
    """
    report_type = find_report_type(shard.report.type)
    filters = report_type.check_filters(shard.report.filters, shard.report.split_by or ())
    shard = replace(shard, report=replace(shard.report, filters=filters))
    with _open(shard, run, report_type) as (snapshot, number):
        return _generate(shard, run, report_type, snapshot, number)


def _generate(
    shard: ClaimedShard, run: ShardRun, report_type: ReportType, snapshot: Snapshot, snapshot_number: int
) -> int:
    claim, report, resources = shard.claim, shard.report, shard.resources
    compose = _HeaderComposer(shard, report_type, snapshot.decimal_types())
    encryption = find_encryption(resources, claim.tenant_id, report.encrypt_for, report.signed_by)
    owner = f"{claim.report_id}/{claim.shard}-{claim.attempt}"
    parts = snapshot.parts(
        report.split_by or [],
        claim.first_cells,
        claim.last_cells,
        [column.name for column in report_type.choose_columns(report.columns)],
        claim.done_cells,
        personal_masked=report.personal_masked,
        first_number=claim.first_number + claim.keys_done,
        as_of=report.as_of,
        language=find_locale(report.locale).language,
        with_charts=not _WITH_CHARTS.isdisjoint(report.formats),
    )
    with (
        ObjectUploader(resources.clients, resources.bucket, owner, stopped=run.stopped) as uploader,
        contextlib.closing(parts),
    ):
        files = KeyFiles(shard, uploader, snapshot_number, run.seconds, encryption)
        for part in parts if files.keys < claim.keys else ():
            if not files.write_key(compose(part), part.batches, run.may_continue):
                break
            files.record_if_due()
            if files.written_keys < claim.keys and not run.may_continue():
                break
        files.record_all()
    return files.keys


class _HeaderComposer:
    """Composes the content of each key's files: that of the report with the filters of the key."""

    def __init__(self, shard: ClaimedShard, report_type: ReportType, decimal_types: dict[str, DecimalType]) -> None:
        self._report = shard.report
        self._organization = shard.organization
        self._type = report_type
        self._decimal_types = decimal_types
        self._locale = find_locale(self._report.locale)
        self._pdf_key = open_pdf_key(shard.resources.sealing, self._report.tenant_id, self._report.pdf_key)
        self._names = placeholder_values(self._report, report_type, self._report.report_id, self._report.as_of)

    def __call__(self, part: Part) -> KeyContent:
        report, report_type = self._report, self._type
        header = compose_header(
            report_type,
            report_type.content_of_key(report, part.key, self._locale),
            str(report.report_id),
            part.summary,
            self._organization,
            decimal_types=self._decimal_types,
        )
        header = replace(header, pdf_key=self._pdf_key)
        name = report_type.file_name_of_key(report.split_by or [], part.key, part.number, self._names)
        return KeyContent(part.number, part.key, name, header, part.summary.totals)


@contextlib.contextmanager
def _open(shard: ClaimedShard, run: ShardRun, report_type: ReportType) -> Iterator[tuple[Snapshot, int]]:
    """Opens the exported snapshot, or another one if it no longer exists; yields it and its number, from 1.

    Raises SourceChangedError if the shard does not have the rows that it had in the first snapshot.
    """
    report, claim = shard.report, shard.claim
    limits = limits_of(report_type, shard.resources.max_statement_seconds, run.time_budget.seconds_left())
    with contextlib.ExitStack() as stack:
        snapshot, number = None, report.snapshot_number or 0
        if report.snapshot_id is not None:
            try:
                snapshot = stack.enter_context(_open_snapshot(shard, run, report_type, limits, report.snapshot_id))
            except SnapshotGoneError:
                if run.needs_exported:
                    raise
        if snapshot is None:
            snapshot = stack.enter_context(_open_snapshot(shard, run, report_type, limits, None))
            count = partial(count_snapshot, tenant_id=claim.tenant_id, report_id=claim.report_id)
            number = write_with_retry(shard.resources.system, claim.tenant_id, count)
        if number > 1:
            expected = ShardDigest(claim.keys, claim.rows, claim.digest)
            split_by = report.split_by or []
            snapshot.resume_shard(split_by, claim.first_cells, claim.last_cells, expected, report.as_of)
        yield snapshot, number


def _open_snapshot(
    shard: ClaimedShard, run: ShardRun, report_type: ReportType, limits: QueryLimits, snapshot_id: str | None
) -> contextlib.AbstractContextManager[Snapshot]:
    report = shard.report
    return open_snapshot(
        run.source.connect(),
        report_type,
        report.tenant_id,
        report.filters,
        report.time_zone,
        limits,
        snapshot_id,
    )
