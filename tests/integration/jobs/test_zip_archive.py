"""The ZIP archive of a split report: read by independent programs, and continued in later invocations."""

from __future__ import annotations

import hashlib
import io
import subprocess
import zipfile
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import ObjectStoreRefusedError
from resma.report.records import ManifestRecord
from tests.support.cut_reports import Cuts
from tests.support.statements import HEADINGS, ManifestRuns, statements
from tests.support.system import System
from tests.support.verify_split import verify

MIB = 1024 * 1024


@pytest.fixture
def runs(system: System, admin: Connection[TupleRow]) -> ManifestRuns:
    """Split reports whose shards are done."""
    return ManifestRuns(system, admin)


def write_to_the_end(runs: ManifestRuns, report_id: UUID) -> tuple[ManifestRecord, int]:
    """Runs invocations until the manifest is written; returns it and their number."""
    for invocation in range(1, 200):
        if (record := runs.write(report_id)) is not None:
            return record, invocation
    raise AssertionError


def archive_of(runs: ManifestRuns, record: ManifestRecord) -> bytes:
    """Returns the archive, and asserts that the record and the manifest describe it."""
    assert record["zip"] is not None
    content = runs.read(record["zip"]["object_key"])
    described = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert {**record["zip"]} == {"object_key": record["zip"]["object_key"], **described}
    assert runs.manifest(record)["zip"] == {"object": record["zip"]["object_key"], **described}
    return content


def test_the_extracted_archive_is_a_verified_report(runs: ManifestRuns, tmp_path: Path) -> None:
    record = runs.write(runs.insert(statements(40, ("CSV", "PDF")), zip_=True))
    assert record is not None
    with zipfile.ZipFile(io.BytesIO(archive_of(runs, record))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [line["name"] for line in runs.lines(record)] + [
            "manifest.ndjson.gz",
            "manifest.json",
        ]
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 30, 23, 59, 58)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        archive.extractall(tmp_path)
    assert verify(tmp_path, HEADINGS) == []


def test_unzip_reads_the_archive(runs: ManifestRuns, tmp_path: Path) -> None:
    record = runs.write(runs.insert(statements(40, ("CSV", "PDF")), zip_=True))
    assert record is not None
    path = tmp_path / "report.zip"
    path.write_bytes(archive_of(runs, record))
    tested = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "No errors detected" in tested.stdout


def test_a_report_without_files_has_an_archive_of_its_manifest(runs: ManifestRuns) -> None:
    report_id = runs.insert(statements(0), zip_=True)
    runs.admin.execute("UPDATE resma.reports SET totals = '[]'")
    record = runs.write(report_id)
    assert record is not None
    with zipfile.ZipFile(io.BytesIO(archive_of(runs, record))) as archive:
        assert archive.namelist() == ["manifest.ndjson.gz", "manifest.json"]


@pytest.mark.parametrize("pieces", [1, 3, 7])
def test_an_archive_of_several_invocations_has_the_same_files(runs: ManifestRuns, cuts: Cuts, pieces: int) -> None:
    """Files of 9 MiB consist of several ranges, so that some invocations end within a file."""
    report_id = runs.insert(statements(3, ("CSV", "PDF"), padding=9 * MIB), zip_=True)
    whole = runs.write(report_id)
    assert whole is not None
    runs.admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp(), attempts_allowed = 5")
    cuts.end_invocation = lambda batches: batches % pieces == 0
    record, invocations = write_to_the_end(runs, report_id)
    assert invocations > 3
    with (
        zipfile.ZipFile(io.BytesIO(archive_of(runs, whole))) as expected,
        zipfile.ZipFile(io.BytesIO(archive_of(runs, record))) as archive,
    ):
        assert archive.namelist() == expected.namelist()
        for name in archive.namelist()[:-1]:  # the manifest has the key of the list, which contains the attempt
            assert archive.read(name) == expected.read(name)
    assert runs.system.open_uploads() == []


def test_an_archive_continues_after_a_crash_from_the_last_checkpoint(runs: ManifestRuns, cuts: Cuts) -> None:
    report_id = runs.insert(statements(2, ("PDF",), padding=9 * MIB), zip_=True)
    cuts.save = lambda batches: batches == 3

    def crash(batches: int) -> bool:
        if batches == 4:
            raise RuntimeError
        return False

    cuts.end_invocation = crash
    with pytest.raises(RuntimeError):
        runs.write(report_id)
    runs.admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp()")
    record = runs.write(report_id)
    assert record is not None
    with zipfile.ZipFile(io.BytesIO(archive_of(runs, record))) as archive:
        assert archive.testzip() is None
    assert runs.system.open_uploads() == []


def test_an_archive_of_other_files_is_not_continued(runs: ManifestRuns, cuts: Cuts) -> None:
    report_id = runs.insert(statements(20), zip_=True)
    cuts.end_invocation = lambda batches: batches == 15
    assert runs.write(report_id) is None
    runs.admin.execute("UPDATE resma.report_files SET name = 'x' || name")
    record = runs.write(report_id)
    assert record is not None
    with zipfile.ZipFile(io.BytesIO(archive_of(runs, record))) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "xstatement-1.csv"


def test_an_object_that_was_changed_is_not_archived(runs: ManifestRuns) -> None:
    split = statements(3)
    report_id = runs.insert(split, zip_=True)
    key = f"demo/{report_id}/1-1/2.csv"
    runs.system.s3.put_object(Bucket=runs.system.bucket, Key=key, Body=runs.read(key).replace(b"1.10", b"1.20"))
    with pytest.raises(ObjectStoreRefusedError, match="CRC-32"):
        runs.write(report_id)
    runs.system.s3.put_object(Bucket=runs.system.bucket, Key=key, Body=b"short")
    runs.admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp()")
    with pytest.raises(ObjectStoreRefusedError, match="shorter than recorded"):
        runs.write(report_id)
    assert runs.system.open_uploads() == []
