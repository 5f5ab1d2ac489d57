"""Verifies reports, objects, events and webhooks after the workload has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.chaos.fault_injection import InjectedFault
from tests.chaos.plan import ChaosPlan
from tests.chaos.receivers import ACCEPTED, FaultyReceivers
from tests.chaos.split_contents import PROBLEMS
from tests.chaos.workload import Workload, hash_files
from tests.support.client import ENDED, Backlog, Client

Row = dict[str, Any]

AFTERMATH_SECONDS = 60
"""Maximum time after a fault at which an attempt may still fail by it: timeouts, leases and pauses have to expire."""

REASONS: Mapping[str, tuple[str, ...]] = {
    "database-busy": ("database-", "freeze-", "kill-"),
    "worker-died": ("kill-workers", "kill-split-", "freeze-workers", "stretch-leases"),
    "shards-failed": ("kill-", "freeze-", "stretch-", "database-", "lose-snapshot"),
    "lease-lost": ("stretch-leases", "freeze-workers"),
}
"""Faults by which a report may have FAILED, by the code of its error: three attempts can meet three faults.

No report may have FAILED because a dependency was unavailable, no matter for how long: reports wait for it.
"""


SNAPSHOT_LOST = ("database-", "lose-snapshot")
"""Faults that end an exported snapshot although the coordinator lives."""
FAILURES = ("lost", "doubled", "stuck", "open_uploads", "webhooks_missing", "undelivered")
"""Names of the lists of failures of a verdict."""


@dataclass
class DeliveredFigures:
    """Figures of the deliveries to destinations, test files included."""

    deliveries: int = 0
    files: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    """Number of failed attempts by the code of their error; those whose function was killed have the code `killed`."""
    median_seconds: float = 0.0
    """Time from READY until the last file was delivered, of deliveries of reports."""
    worst_seconds: float = 0.0

    @property
    def failed_attempts(self) -> int:
        """Number of failed attempts."""
        return self.errors.total()


@dataclass
class Verdict:
    """The failures of a chaos run, described one by one. A run is valid if all lists are empty."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    open_uploads: list[str] = field(default_factory=list)
    webhooks_missing: list[str] = field(default_factory=list)
    undelivered: list[str] = field(default_factory=list)
    delivered: DeliveredFigures = field(default_factory=DeliveredFigures)
    ends: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    duplicate_webhooks: int = 0

    @property
    def is_valid(self) -> bool:
        """Whether there is no failure."""
        return not any(getattr(self, name) for name in FAILURES)


def verify(
    client: Client, plan: ChaosPlan, workload: Workload, injected: Sequence[InjectedFault], receivers: FaultyReceivers,
    expected: Mapping[int, Mapping[str, str]],
) -> Verdict:  # fmt: skip
    """Verifies every report that was accepted, and that there are no leftovers."""
    verdict = Verdict()
    rows = _rows(client)
    objects = _objects(client)
    verdict.lost += [f"a request was not accepted: {error}" for error in workload.refused]
    verdict.doubled += [f"{report_id} was not requested by any caller" for report_id in _extra(rows, workload)]
    with ThreadPoolExecutor(2) as pool:
        hashed = pool.map(
            lambda report_id: hash_files(client, report_id) if _is_ready(rows, objects, report_id) else None,
            workload.accepted.values(),
        )
        for (number, report_id), hashes in zip(workload.accepted.items(), hashed, strict=True):
            row = rows.get(report_id)
            if row is None:
                verdict.lost.append(f"{report_id}: accepted, but it has no row")
                continue
            verdict.ends[row["status"]] += 1
            verdict.attempts[row["attempt"]] += 1
            _verify_end(verdict, row, injected, hashes, expected[plan.requests[number].content])
            if plan.requests[number].target_of == "kill-split-shards":
                _verify_snapshots(verdict, row, injected)
            _verify_objects(verdict, row, objects)
            if plan.requests[number].behaviors is not None and row["status"] == "READY":
                _verify_webhook(verdict, row, number, receivers)
    _verify_remains(client, verdict, receivers)
    return verdict


def _rows(client: Client) -> dict[str, Row]:
    with psycopg.connect(client.stack.up.database_url, row_factory=dict_row) as connection:
        rows = connection.execute(
            "SELECT r.*, (SELECT count(*) FROM resma.events e WHERE e.report_id = r.report_id) AS events,"
            " ARRAY(SELECT f.object_key FROM resma.report_files f WHERE f.report_id = r.report_id"
            "       AND f.object_key IS NOT NULL) AS split_keys"
            " FROM resma.reports r"
        ).fetchall()
    return {str(row["report_id"]): row for row in rows}


def _objects(client: Client) -> dict[str, list[str]]:
    """Returns the keys of all objects in the bucket, by report."""
    keys: dict[str, list[str]] = {}
    pages = client.s3.get_paginator("list_objects_v2").paginate(Bucket=client.stack.up.outputs["BucketName"])
    for page in pages:
        for item in page.get("Contents", []):
            keys.setdefault(item["Key"].split("/")[1], []).append(item["Key"])
    return keys


def _extra(rows: Mapping[str, Row], workload: Workload) -> list[str]:
    """Returns the reports of the workload that no caller has the id of: duplicates, made by a request's retry."""
    accepted = set(workload.accepted.values())
    return [
        report_id
        for report_id, row in rows.items()
        if report_id not in accepted and row["created_at"].timestamp() >= workload.began
    ]


def _is_ready(rows: Mapping[str, Row], objects: Mapping[str, Sequence[str]], report_id: str) -> bool:
    row = rows.get(report_id)
    return row is not None and row["status"] == "READY" and _own_keys(row) <= set(objects.get(report_id, ()))


def _own_keys(row: Row) -> set[str]:
    """Returns the keys of all objects that a READY report, or a FAILED split report, has."""
    described = [item for item in (row["manifest"] or {}).values() if item]
    return {item["object_key"] for item in (*(row["files"] or ()), *described)} | set(row["split_keys"])


def _verify_end(
    verdict: Verdict,
    row: Row,
    injected: Sequence[InjectedFault],
    hashes: Mapping[str, str] | None,
    expected: Mapping[str, str],
) -> None:
    report = f"{row['report_id']} ({row['type']} {'+'.join(row['formats'])}, attempt {row['attempt']})"
    if row["status"] == "READY" and hashes is None:
        verdict.lost.append(f"{report}: READY, but an object is missing")
    elif row["status"] == "READY":
        _verify_content(verdict, report, hashes or {}, expected)
    elif row["status"] == "SKIPPED":
        if expected:
            verdict.lost.append(f"{report}: SKIPPED, unlike the baseline")
    elif row["status"] == "FAILED":
        if not _has_reason(row, injected):
            verdict.lost.append(f"{report}: FAILED with {row['error_code']}, which no fault of the plan explains")
    elif row["status"] in ENDED:
        verdict.lost.append(f"{report}: {row['status']}, which no caller requested")
    else:
        verdict.stuck.append(f"{report}: still {row['status']}, {row['error_code']}")
    if row["status"] in ENDED and row["events"] != 1:
        (verdict.doubled if row["events"] else verdict.lost).append(f"{report}: {row['events']} events")


def _verify_content(verdict: Verdict, report: str, hashes: Mapping[str, str], expected: Mapping[str, str]) -> None:
    if PROBLEMS in hashes:
        verdict.lost.append(f"{report}: {hashes[PROBLEMS]}")
    different = [name for name in expected if hashes.get(name) != expected[name]]
    if different:
        verdict.lost.append(f"{report}: {', '.join(different[:5])} of {len(expected)} differ from the baseline")
    if more := set(hashes) - set(expected) - {PROBLEMS}:
        verdict.doubled.append(f"{report}: {len(more)} files that the baseline does not have, such as {min(more)}")


def _verify_snapshots(verdict: Verdict, row: Row, injected: Sequence[InjectedFault]) -> None:
    """Verifies that shards of dead workers were continued in the same snapshot if the coordinator was not killed."""
    if row["status"] != "READY" or row["attempt"] != 1 or row["snapshots"] == 1:
        return
    if not any(fault.kind.startswith(SNAPSHOT_LOST) for fault in _faults_during(row, injected)):
        verdict.doubled.append(f"{row['report_id']}: {row['snapshots']} snapshots, although its coordinator lived")


def _faults_during(row: Row, injected: Sequence[InjectedFault]) -> list[InjectedFault]:
    """Returns the faults that can have ended an attempt of a report that has ended."""
    first, last = row["created_at"].timestamp(), row["finished_at"].timestamp()
    return [fault for fault in injected if fault.began <= last and fault.ended + AFTERMATH_SECONDS >= first]


def _has_reason(row: Row, injected: Sequence[InjectedFault]) -> bool:
    kinds = REASONS.get(row["error_code"], ())
    return any(fault.kind.startswith(kinds) for fault in _faults_during(row, injected))


def _verify_objects(verdict: Verdict, row: Row, objects: Mapping[str, Sequence[str]]) -> None:
    has_files = row["status"] == "READY" or (row["status"] == "FAILED" and row["split_by"])
    expected = _own_keys(row) if has_files else set()
    for key in set(objects.get(str(row["report_id"]), ())) - expected:
        verdict.doubled.append(f"{key}: an unexpected object; its report is {row['status']}")


def _verify_webhook(verdict: Verdict, row: Row, number: int, receivers: FaultyReceivers) -> None:
    webhooks = receivers.webhooks(number)
    accepted = [webhook for webhook in webhooks if webhook.behavior == ACCEPTED and webhook.message is not None]
    if not accepted:
        verdict.webhooks_missing.append(f"{row['report_id']}: {len(webhooks)} received, none accepted")
    if any(webhook.message is None for webhook in webhooks):
        verdict.webhooks_missing.append(f"{row['report_id']}: a signature was wrong")
    if len({webhook.webhook_id for webhook in webhooks}) > 1:
        verdict.doubled.append(f"{row['report_id']}: webhooks with several ids")
    verdict.duplicate_webhooks += max(0, len(accepted) - 1)
    recorded = {file["format"]: file["sha256"] for file in row["files"] or ()}
    if row["manifest"]:
        recorded["manifest"] = row["manifest"]["manifest"]["sha256"]
    for webhook in accepted:
        assert webhook.message is not None
        data = webhook.message["data"]
        notified = {file["format"]: file["sha256"] for file in data["files"]}
        if data["split"]:
            notified["manifest"] = data["split"]["manifest"]["sha256"]
        if notified != recorded:
            verdict.lost.append(f"{row['report_id']}: the webhook names other files than the report's row")


def _verify_remains(client: Client, verdict: Verdict, receivers: FaultyReceivers) -> None:
    bucket = client.stack.up.outputs["BucketName"]
    pages = client.s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    for upload in (upload for page in pages for upload in page.get("Uploads", [])):
        verdict.open_uploads.append(f"{upload['Key']}, since {upload['Initiated']}")
    for output in ("QueueUrl", "DeadLetterQueueUrl"):
        if (backlog := client.backlog(output)) != Backlog(0, 0):
            verdict.stuck.append(f"{output}: {backlog}")
    unpublished = client.sql(
        "SELECT event_id FROM resma.events WHERE published_at IS NULL OR published_to_bus_at IS NULL"
    )
    verdict.stuck += [f"{row[0]}: not published" for row in unpublished]
    if receivers.followed_redirects:
        verdict.doubled.append(f"{receivers.followed_redirects} webhooks followed a redirect")
