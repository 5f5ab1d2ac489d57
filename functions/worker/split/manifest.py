"""Writes the manifest of a split report, after proving that its files add up to the report.

`manifest.ndjson.gz` is the list of the files, and `manifest.json` describes the report and has the SHA-256 of the list.
The format is documented in docs/split-reports.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any

import msgspec
from isal import isal_zlib
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.catalog import find_locale, find_report_type
from resma.errors import LeaseLostError, ManifestMismatchError
from resma.jobs.claim import Claim
from resma.jobs.report_rows import FailedFile
from resma.report.records import (
    LIST_NAME,
    MANIFEST_NAME,
    ControlTotalRecord,
    ManifestRecord,
    ObjectRecord,
    TotalRecord,
)
from resma.storage.small_objects import ObjectUploader, UploadedObject
from worker.attempt import ClaimedJob
from worker.checkpoints.store import key_prefix
from worker.database_retry import write_with_retry
from worker.split import file_list
from worker.split.file_list import FileList
from worker.split.file_rows import find_duplicate_name, stored_files
from worker.split.proof import ReportSums
from worker.split.zip_archive import Archive, ArchivedFile, write_archive
from worker.split.zip_format import ZipEntry
from worker.time_budget import TimeBudget

VERSION = 1
"""Version of the manifest's format."""

_UPLOAD_THREADS = 2


@dataclass(frozen=True)
class _ReportRow:
    """The columns of the report's row that the manifest states, and that the files must add up to."""

    keys_expected: int
    rows_expected: int
    as_of: datetime
    totals: list[TotalRecord]
    totals_omitted: int
    further_totals: list[TotalRecord] | None
    control_totals: list[ControlTotalRecord] | None

    @property
    def all_totals(self) -> list[TotalRecord]:
        """All totals that the row has."""
        return [*self.totals, *(self.further_totals or ())]

    @property
    def omitted(self) -> int:
        """Number of currencies that the row has no totals of."""
        return self.totals_omitted - len(self.further_totals or ())

    def sums(self) -> ReportSums:
        """Returns what the files of each format must add up to."""
        return ReportSums(self.keys_expected, self.rows_expected, self.all_totals, self.omitted == 0)


def write_manifest(
    job: ClaimedJob, failed: Sequence[FailedFile], time_budget: TimeBudget, stopped: Event
) -> ManifestRecord | None:
    """Stores list, ZIP archive (if requested) and manifest of a report whose shards are all done.

    `failed` are the formats in which a file could not be made; their files are in none of the three. Returns None if
    the invocation's time is up before the archive is complete: the next attempt continues it. Raises
    ManifestMismatchError if the files do not add up to the report, LeaseLostError, DatabaseUnavailableError,
    ObjectStoreUnavailableError and ObjectStoreRefusedError.
    """
    claim, resources = job.claim, job.resources
    formats = [format_ for format_ in claim.formats if format_ not in {file["format"] for file in failed}]
    report = write_with_retry(resources.system, claim.tenant_id, partial(_find_report, claim, formats))
    list_ = FileList(claim, formats, report.sums())
    with _open_uploader(job, stopped) as uploader:
        stored_list = _store_list(job, list_, formats, uploader)
        manifest = _Manifest(claim, report, formats, failed, list_, _record_of(stored_list))
        archive_record = None
        if claim.zip:
            archive = _archive(job, formats, stored_list, manifest.encode(None), report.as_of)
            archive_record = write_archive(job, archive, report.rows_expected, time_budget, stopped)
            if archive_record is None:
                return None
        file = uploader.open(f"{key_prefix(claim)}.{MANIFEST_NAME}", "application/json")
        file.write(manifest.encode(archive_record))
        stored_manifest = file.finish().result()
    return ManifestRecord(manifest=_record_of(stored_manifest), list=_record_of(stored_list), zip=archive_record)


def _find_report(claim: Claim, formats: Sequence[str], connection: Connection[TupleRow]) -> _ReportRow:
    """Returns the report's row. Raises LeaseLostError, and ManifestMismatchError if files have equal names."""
    with connection.cursor(row_factory=class_row(_ReportRow)) as cursor:
        report = cursor.execute(
            "SELECT keys_expected, rows_expected, as_of, totals, totals_omitted, further_totals, control_totals"
            " FROM resma.reports"
            " WHERE tenant_id = %s AND report_id = %s AND attempt = %s AND status = 'GENERATING'",
            (claim.tenant_id, claim.report_id, claim.attempt),
        ).fetchone()
    if report is None:
        raise LeaseLostError(f"This worker has lost the lease of report {claim.report_id} (attempt {claim.attempt}).")
    if name := find_duplicate_name(connection, claim, formats, (MANIFEST_NAME, LIST_NAME)):
        raise ManifestMismatchError(f"Two files of the report have the name {name}, if case is ignored.")
    return report


def _open_uploader(job: ClaimedJob, stopped: Event) -> ObjectUploader:
    owner = f"{job.claim.report_id}/{job.claim.attempt}"
    return ObjectUploader(job.resources.clients, job.resources.bucket, owner, threads=_UPLOAD_THREADS, stopped=stopped)


def _store_list(job: ClaimedJob, list_: FileList, formats: Sequence[str], uploader: ObjectUploader) -> UploadedObject:
    target = uploader.open(f"{key_prefix(job.claim)}.{LIST_NAME}", file_list.MEDIA_TYPE)
    try:
        list_.write(stored_files(job.resources.system, job.claim, formats), target)
        return target.finish().result()
    finally:
        target.discard()


@dataclass(frozen=True)
class _Manifest:
    """The content of `manifest.json`."""

    claim: Claim
    report: _ReportRow
    formats: Sequence[str]
    failed: Sequence[FailedFile]
    files: FileList
    list_: ObjectRecord

    def encode(self, archive: ObjectRecord | None) -> bytes:
        """Returns the manifest. The order of the properties is part of the format."""
        claim, report = self.claim, self.report
        title = claim.title or find_report_type(claim.type).title.in_language(find_locale(claim.locale).language)
        content = {
            "version": VERSION,
            "reportId": str(claim.report_id),
            "type": claim.type,
            "title": title,
            "formats": self.formats,
            "splitBy": claim.split_by,
            "filters": claim.filters,
            "asOf": report.as_of.astimezone(UTC).isoformat(),
            "snapshots": len(self.files.snapshots),
            "keys": report.keys_expected,
            "files": self.files.files,
            "rows": report.rows_expected,
            "totals": report.all_totals,
            "totalsOmitted": report.omitted,
            "controlTotals": report.control_totals,
            "list": _reference(self.list_),
            "zip": _reference(archive) if archive else None,
            "failedFormats": self.failed,
        }
        return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _record_of(stored: UploadedObject) -> ObjectRecord:
    return ObjectRecord(object_key=stored.key, bytes=stored.bytes, sha256=stored.sha256)


def _reference(record: ObjectRecord) -> dict[str, Any]:
    return {"object": record["object_key"], "bytes": record["bytes"], "sha256": record["sha256"]}


def _archive(
    job: ClaimedJob, formats: Sequence[str], list_: UploadedObject, manifest: bytes, as_of: datetime
) -> Archive:
    """Returns the archive of the files, with list and manifest at its end."""

    def files() -> Iterator[ArchivedFile]:
        for file in stored_files(job.resources.system, job.claim, formats):
            yield ArchivedFile(ZipEntry(file.name, file.bytes, file.crc32), file.object_key)
        yield ArchivedFile(ZipEntry(LIST_NAME, list_.bytes, list_.crc32), list_.key)
        yield ArchivedFile(ZipEntry(MANIFEST_NAME, len(manifest), isal_zlib.crc32(manifest)), manifest)

    return Archive(files, as_of, content_id=list_.sha256)
