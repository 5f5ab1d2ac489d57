"""A split report of CSV statements whose files a worker would have made, and a worker's claim of it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

import worker.app
from resma.jobs.claim import claim_job
from resma.jobs.report_rows import FailedFile
from resma.report.records import ManifestRecord
from tests.support.split_files import SplitReport, insert_split, store_split
from tests.support.system import System
from tests.support.verify_split import Headings
from worker.attempt import ClaimedJob
from worker.checkpoints.rows import continue_in_next_attempt
from worker.checkpoints.store import Checkpoints
from worker.split.manifest import write_manifest
from worker.time_budget import TimeBudget

HEADINGS = Headings({"account": "Account"}, {"amount": "Amount"}, "Currency")
AS_OF = "2026-11-30T23:59:58+00:00"


@dataclass(frozen=True, kw_only=True)
class Statements(SplitReport):
    """Statements of accounts in CSV, whose records add up to their totals. `padding` bytes make other files larger."""

    padding: int = 0

    def content_of(self, number: int, format_: str) -> bytes:
        """Returns a file: in CSV, records of 1.10 BRL each."""
        if format_ != "CSV":
            return f"%{format_} of number {number}\n".encode() + b"x" * self.padding
        account = self.keys[number - 1][0] or ""
        return ("Account,Currency,Amount\r\n" + f"{account},BRL,1.10\r\n" * self.rows_of(number)).encode()

    def totals(self) -> list[dict[str, Any]]:
        """Returns the totals of the report."""
        return [{"currency": "BRL", "rows": self.rows, "amounts": {"amount": str(self.rows * Decimal("1.10"))}}]


def statements(keys: int, formats: tuple[str, ...] = ("CSV",), **more: Any) -> Statements:
    """Returns statements of `keys` accounts."""
    return Statements(keys=[(f"BR{number:06}",) for number in range(1, keys + 1)], formats=formats, **more)


class ManifestRuns:
    """Inserts a split report whose shards are done, and writes its manifest as the worker that coordinates it does."""

    def __init__(self, system: System, admin: Connection[TupleRow]) -> None:
        self.system = system
        self.admin = admin

    def insert(self, split: Statements, *, zip_: bool = False) -> UUID:
        """Inserts the PENDING report with its shards and files, and stores the files; returns its id."""
        report_id = self.system.request_report(format="CSV")
        insert_split(self.admin, report_id, split)
        self.admin.execute(
            "UPDATE resma.reports SET totals = %s, as_of = %s, zip = %s, rows_done = rows_expected,"
            " shards_stamp = 'stamp'"
            " WHERE report_id = %s",
            (Jsonb(split.totals()), AS_OF, zip_, report_id),
        )
        store_split(self.system.s3, self.system.bucket, report_id, split)
        return report_id

    def write(self, report_id: UUID, failed: tuple[FailedFile, ...] = ()) -> ManifestRecord | None:
        """Claims the report and writes its manifest in one invocation. If time is up, releases it for the next."""
        resources = worker.app._resources()
        with resources.system.transaction("demo") as connection:
            claim = claim_job(connection, "demo", report_id)
        assert claim is not None
        job = ClaimedJob(resources, claim, Checkpoints(resources, claim))
        record = write_manifest(job, failed, TimeBudget(60_000), Event())
        if record is None:
            with resources.system.transaction("demo") as connection:
                continue_in_next_attempt(connection, claim)
        return record

    def read(self, key: str) -> bytes:
        """Returns an object."""
        return self.system.s3.get_object(Bucket=self.system.bucket, Key=key)["Body"].read()

    def manifest(self, record: ManifestRecord) -> Any:
        """Returns the manifest as JSON."""
        return json.loads(self.read(record["manifest"]["object_key"]))

    def lines(self, record: ManifestRecord) -> list[Any]:
        """Returns the lines of the list as JSON."""
        return [json.loads(line) for line in gzip.decompress(self.read(record["list"]["object_key"])).splitlines()]

    def download(self, record: ManifestRecord, directory: Path) -> None:
        """Downloads manifest, list and files."""
        (directory / "manifest.json").write_bytes(self.read(record["manifest"]["object_key"]))
        (directory / "manifest.ndjson.gz").write_bytes(self.read(record["list"]["object_key"]))
        for line in self.lines(record):
            (directory / line["name"]).write_bytes(self.read(line["object"]))
