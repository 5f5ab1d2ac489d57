"""The files of a report in the order of their delivery, and the manifest of a split report last.

A receiver that waits for the manifest of a split report has all its files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from resma.database.connection import Database
from resma.jobs.download_links import download_of, report_stem
from resma.jobs.report_rows import Report
from resma.report.records import LIST_NAME, MANIFEST_NAME, ManifestRecord

BATCH = 500
"""Number of files of a split report that are read from the database at once."""


@dataclass(frozen=True)
class PlannedFile:
    """A file to deliver, and its position in the delivery, from 1."""

    position: int
    own_name: str
    """Its name, for the placeholder `{file}`. Files of a split report are in a folder."""
    type: str
    day: date
    report: str
    """Id of the report, or of the delivery of a test file."""
    size: int
    """Size in bytes."""
    sha256: str
    media_type: str
    object_key: str | None
    content: bytes | None = None
    """Content of a test file; None if `object_key` names the file."""


def plan_report(system: Database, report: Report, after: int) -> Iterator[PlannedFile]:
    """Yields the files of a READY report whose position is greater than `after`."""
    if report.manifest is not None:
        yield from _plan_split(system, report, report.manifest, after)
        return
    for position, file in enumerate(report.files or (), 1):
        if position > after:
            name = download_of(report, file).name
            yield _planned(
                report, position, name, file["object_key"], file["media_type"], file["bytes"], file["sha256"]
            )


def _plan_split(system: Database, report: Report, manifest: ManifestRecord, after: int) -> Iterator[PlannedFile]:
    folder, formats = report_stem(report), report.formats
    while rows := _read_files(system, report, after):
        for number, format_, name, key, media_type, size, sha256 in rows:
            after = (number - 1) * len(formats) + formats.index(format_) + 1
            yield _planned(report, after, f"{folder}/{name}", key, media_type, size, sha256)
    last = (report.keys_expected or 0) * len(formats)
    objects = (
        (LIST_NAME, "application/gzip", manifest["list"]),
        (f"{folder}.zip", "application/zip", manifest["zip"]),
        (MANIFEST_NAME, "application/json", manifest["manifest"]),
    )
    for position, (name, media_type, stored) in enumerate(objects, last + 1):
        if stored is not None and position > after:
            yield _planned(
                report,
                position,
                f"{folder}/{name}",
                stored["object_key"],
                media_type,
                stored["bytes"],
                stored["sha256"],
            )


def _read_files(system: Database, report: Report, after: int) -> list[tuple[int, str, str, str, str, int, str]]:
    """Returns the next stored files after a position, without those that could not be generated."""
    number, place = divmod(after - 1, len(report.formats))  # of the file at this position
    with system.transaction(report.tenant_id) as connection:
        return connection.execute(
            "SELECT number, format, name, object_key, media_type, bytes, sha256 FROM resma.report_files"
            " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND object_key IS NOT NULL"
            "   AND number >= %(number)s"
            "   AND (number, array_position(%(formats)s::text[], format)) > (%(number)s, %(place)s)"
            " ORDER BY number, array_position(%(formats)s::text[], format) LIMIT %(batch)s",
            {
                "tenant_id": report.tenant_id,
                "report_id": report.report_id,
                "number": number + 1,
                "place": place + 1,
                "formats": report.formats,
                "batch": BATCH,
            },
        ).fetchall()


def _planned(  # noqa: PLR0913, PLR0917  # the properties of a file
    report: Report, position: int, name: str, key: str, media_type: str, size: int, sha256: str
) -> PlannedFile:
    as_of = report.as_of or report.created_at
    return PlannedFile(
        position=position,
        own_name=name,
        type=report.type,
        day=as_of.date(),
        report=str(report.report_id),
        size=size,
        sha256=sha256,
        media_type=media_type,
        object_key=key,
    )
