"""Runs the jobs of one split report, by one or several workers, and reads its files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from resma.aws import clients
from resma.errors import ResmaError
from resma.jobs.messages import JobMessage
from resma.jobs.report_rows import Report, find_report
from tests.support.system import System
from worker.attempt import Invocation
from worker.resources import WorkerResources
from worker.run_job import generate_report
from worker.split.shard_job import generate_shard
from worker.time_budget import TimeBudget
from worker.usage import UsageMeter

REPORT_ID = UUID("0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e11")
AS_OF = datetime(2026, 3, 9, 12, tzinfo=UTC)

SPLIT = {"type": "BRANCH_TRANSACTIONS", "splitBy": ["branch", "account"]}
"""A request for a split report of the demo bank: twelve keys."""

FileId = tuple[int, str]
"""Number of a key, and a format."""


def new_resources() -> WorkerResources:
    """Returns resources of their own, as another worker process has."""
    clients.s3_client.cache_clear()
    try:
        return worker.app._resources.__wrapped__()
    finally:
        clients.s3_client.cache_clear()


def close(resources: WorkerResources) -> None:
    """Closes the connections of a worker process."""
    for database in (resources.system, resources.source, resources.shard_source):
        database.close()


def reload_resources() -> None:
    """Closes the worker's connections, and lets it read its settings again."""
    close(worker.app._resources())
    worker.app._settings.cache_clear()
    worker.app._resources.cache_clear()


class SplitReports:
    """Runs one split report again and again with the same id."""

    def __init__(self, system: System, admin: Connection[TupleRow]) -> None:
        self.system = system
        self.admin = admin

    def request_report(self, **request: Any) -> None:
        """Deletes all reports, objects and messages of earlier runs, then requests the report."""
        self.admin.execute("DELETE FROM resma.reports")
        for key in self.system.objects():
            self.system.s3.delete_object(Bucket=self.system.bucket, Key=key)
        self.system.request_report(**{**SPLIT, **request})
        while records := self.system.receive():
            for record in records:
                self.system.sqs.delete_message(QueueUrl=self.system.queue_url, ReceiptHandle=record["receiptHandle"])
        self.admin.execute("UPDATE resma.reports SET report_id = %s", (REPORT_ID,))

    def coordinate(self, resources: WorkerResources | None = None, milliseconds: int = 300_000) -> str:
        """Runs an invocation for the report itself; returns its outcome, or the code of the error that ended it."""
        return _outcome(
            lambda: generate_report(resources or worker.app._resources(), "demo", REPORT_ID, _invocation(milliseconds))
        )

    def work_on(self, shard: int, resources: WorkerResources | None = None, milliseconds: int = 300_000) -> str:
        """Runs an invocation for a shard; returns its outcome, or the code of the error that ended it."""
        return _outcome(
            lambda: generate_shard(
                resources or worker.app._resources(), "demo", REPORT_ID, shard, _invocation(milliseconds)
            )
        )

    def run_with_workers(self, workers: int) -> str:
        """Runs the coordinator, and workers that handle the messages of shards; returns the coordinator's outcome."""
        stopped = threading.Event()
        threads = [threading.Thread(target=self._handle_messages, args=(stopped,)) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            return self.coordinate()
        finally:
            stopped.set()
            for thread in threads:
                thread.join(60)

    def _handle_messages(self, stopped: threading.Event) -> None:
        resources = new_resources()
        while not stopped.is_set():
            for shard in self.receive():
                self.work_on(shard, resources)
            stopped.wait(0.05)
        close(resources)

    def receive(self) -> list[int]:
        """Receives and deletes messages; returns the numbers of their shards."""
        shards = []
        for record in self.system.receive():
            message = JobMessage.model_validate_json(record["body"])
            assert message.report_id == REPORT_ID
            assert message.shard is not None
            shards.append(message.shard)
            self.system.sqs.delete_message(QueueUrl=self.system.queue_url, ReceiptHandle=record["receiptHandle"])
        return shards

    def row(self) -> Report:
        """Returns the report's current row."""
        with worker.app._resources().system.transaction("demo") as connection:
            return find_report(connection, "demo", REPORT_ID)

    def shards(self, columns: str = "shard, status, attempt, keys_done") -> list[tuple[Any, ...]]:
        """Returns columns of the shards."""
        return self.admin.execute(f"SELECT {columns} FROM resma.shards ORDER BY shard".encode()).fetchall()

    def errors(self) -> list[tuple[Any, ...]]:
        """Returns the errors of the report and its shards, for messages of assertions."""
        return self.admin.execute(
            "SELECT error_code, error_detail FROM resma.reports UNION ALL SELECT error_code, error_detail"
            " FROM resma.shards WHERE error_code IS NOT NULL"
        ).fetchall()

    def end_leases(self) -> None:
        """Lets the leases of all workers expire."""
        for table in ("reports", "shards"):
            self.admin.execute(
                f"UPDATE resma.{table} SET lease_until = clock_timestamp() - interval '1 second'"
                " WHERE status = 'GENERATING'".encode()
            )
        self.admin.execute("UPDATE resma.shards SET sent_at = NULL, next_attempt_at = NULL WHERE status = 'PENDING'")

    def contents(self) -> Mapping[FileId, bytes]:
        """Returns the recorded files. Asserts that sizes, hashes and media types match their rows."""
        rows = self.admin.execute(
            "SELECT number, format, object_key, bytes, sha256, media_type FROM resma.report_files"
            " WHERE object_key IS NOT NULL"
        ).fetchall()
        contents = {}
        for number, format_, key, size, sha256, media_type in rows:
            answer = self.system.s3.get_object(Bucket=self.system.bucket, Key=key)
            data = contents[number, format_] = answer["Body"].read()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (size, sha256)
            assert answer["ContentType"] == media_type
        return contents

    def baseline(self, **request: Any) -> Mapping[FileId, bytes]:
        """Returns the files of a run by one worker without errors."""
        self.request_report(**request)
        assert self.coordinate() == "READY", self.errors()
        return self.contents()


def _invocation(milliseconds: int) -> Invocation:
    return Invocation(TimeBudget(milliseconds), lambda: None, UsageMeter(256))


def _outcome(run: Callable[[], str]) -> str:
    try:
        return run()
    except ResmaError as error:
        return error.code
