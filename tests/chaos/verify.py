"""Verifies what is left when the workload is over against what was promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.chaos.fault_injection import InjectedFault
from tests.chaos.plan import Plan
from tests.chaos.receivers import TAKEN, Receivers
from tests.chaos.workload import Workload, hash_files
from tests.support.client import ENDED, Backlog, Client

Row = dict[str, Any]

AFTERMATH_SECONDS = 60
"""How long after a fault an attempt may still fail for it: time limits, leases and pauses run out."""

REASONS: Mapping[str, tuple[str, ...]] = {
    "database-busy": ("database-", "freeze-", "kill-"),
    "worker-died": ("kill-workers", "freeze-workers", "stretch-leases"),
    "lease-lost": ("stretch-leases", "freeze-workers"),
}
"""For which faults of the plan a report may have FAILED, by its error's code. Three attempts, and three faults.

No report may have FAILED because a dependency was unavailable, for a second or for ten minutes: it waits.
"""


@dataclass
class Verdict:
    """What is wrong, a sentence for each; all lists empty is as it should be."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    open_uploads: list[str] = field(default_factory=list)
    webhooks_missing: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    webhooks_twice: int = 0

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.stuck or self.open_uploads or self.webhooks_missing)


def verify(
    client: Client, plan: Plan, workload: Workload, injected: Sequence[InjectedFault], receivers: Receivers,
    expected: Mapping[int, Mapping[str, str]],
) -> Verdict:  # fmt: skip
    """Looks at every report that was accepted, and at what should not be there."""
    verdict = Verdict()
    rows = _rows(client)
    objects = _objects(client)
    verdict.lost += [f"a caller gave up: {said}" for said in workload.refused]
    verdict.doubled += [f"{extra} was asked for by nobody" for extra in _extra(rows, workload)]
    with ThreadPoolExecutor(2) as pool:
        hashed = pool.map(
            lambda report_id: hash_files(client, report_id) if _is_ready(rows, objects, report_id) else None,
            workload.accepted.values(),
        )
        for (number, report_id), hashes in zip(workload.accepted.items(), hashed, strict=True):
            row = rows.get(report_id)
            if row is None:
                verdict.lost.append(f"{report_id}: accepted, and there is no row")
                continue
            verdict.ends[row["status"]] += 1
            verdict.attempts[row["attempt"]] += 1
            _verify_end(verdict, row, injected, hashes, expected[plan.requests[number].content])
            _verify_objects(verdict, row, objects)
            if plan.requests[number].manners is not None and row["status"] == "READY":
                _verify_webhook(verdict, row, number, receivers)
    _verify_remains(client, verdict, receivers)
    return verdict


def _rows(client: Client) -> dict[str, Row]:
    with psycopg.connect(client.stack.up.database_url, row_factory=dict_row) as connection:
        found = connection.execute(
            "SELECT r.*, (SELECT count(*) FROM resma.events e WHERE e.report_id = r.report_id) AS events"
            " FROM resma.reports r"
        ).fetchall()
    return {str(row["report_id"]): row for row in found}


def _objects(client: Client) -> dict[str, list[str]]:
    """Keys by report, of everything in the bucket."""
    found: dict[str, list[str]] = {}
    pages = client.s3.get_paginator("list_objects_v2").paginate(Bucket=client.stack.up.outputs["BucketName"])
    for page in pages:
        for item in page.get("Contents", []):
            found.setdefault(item["Key"].split("/")[1], []).append(item["Key"])
    return found


def _extra(rows: Mapping[str, Row], workload: Workload) -> list[str]:
    """Reports made during the workload that no caller knows of: a request that was sent again has made a second one."""
    accepted = set(workload.accepted.values())
    return [
        report_id
        for report_id, row in rows.items()
        if report_id not in accepted and row["created_at"].timestamp() >= workload.began
    ]


def _is_ready(rows: Mapping[str, Row], objects: Mapping[str, Sequence[str]], report_id: str) -> bool:
    row = rows.get(report_id)
    return (
        row is not None
        and row["status"] == "READY"
        and {file["object_key"] for file in row["files"]} <= set(objects.get(report_id, ()))
    )


def _verify_end(
    verdict: Verdict,
    row: Row,
    injected: Sequence[InjectedFault],
    hashes: Mapping[str, str] | None,
    expected: Mapping[str, str],
) -> None:
    report = f"{row['report_id']} ({row['type']} {'+'.join(row['formats'])}, attempt {row['attempt']})"
    if row["status"] == "READY" and hashes is None:
        verdict.lost.append(f"{report}: READY, and an object is missing")
    elif row["status"] == "READY":
        wrong = [format_ for format_ in expected if (hashes or {}).get(format_) != expected[format_]]
        if wrong:
            verdict.lost.append(f"{report}: other rows than the baseline's in {', '.join(wrong)}")
    elif row["status"] == "FAILED":
        if not _has_reason(row, injected):
            verdict.lost.append(f"{report}: FAILED as {row['error_code']}, for no fault of the plan")
    elif row["status"] in ENDED:
        verdict.lost.append(f"{report}: {row['status']}, and nobody asked for that")
    else:
        verdict.stuck.append(f"{report}: still {row['status']}, {row['error_code']}")
    if row["status"] in ENDED and row["events"] != 1:
        (verdict.doubled if row["events"] else verdict.lost).append(f"{report}: {row['events']} events")


def _has_reason(row: Row, injected: Sequence[InjectedFault]) -> bool:
    begins = REASONS.get(row["error_code"], ())
    first, last = row["created_at"].timestamp(), row["finished_at"].timestamp()
    return any(
        one.kind.startswith(tuple(begins)) and one.began <= last and one.ended + AFTERMATH_SECONDS >= first
        for one in injected
        if begins
    )


def _verify_objects(verdict: Verdict, row: Row, objects: Mapping[str, Sequence[str]]) -> None:
    wanted = {file["object_key"] for file in row["files"] or ()} if row["status"] == "READY" else set()
    for key in set(objects.get(str(row["report_id"]), ())) - wanted:
        verdict.doubled.append(f"{key}: an object too many, its report is {row['status']}")


def _verify_webhook(verdict: Verdict, row: Row, number: int, receivers: Receivers) -> None:
    arrivals = receivers.arrivals(number)
    taken = [arrival for arrival in arrivals if arrival.treated == TAKEN and arrival.message is not None]
    if not taken:
        verdict.webhooks_missing.append(f"{row['report_id']}: {len(arrivals)} came, none was taken")
    if any(arrival.message is None for arrival in arrivals):
        verdict.webhooks_missing.append(f"{row['report_id']}: a signature was wrong")
    if len({arrival.webhook_id for arrival in arrivals}) > 1:
        verdict.doubled.append(f"{row['report_id']}: webhooks with several ids")
    verdict.webhooks_twice += max(0, len(taken) - 1)
    promised = {file["format"]: file["sha256"] for file in row["files"]}
    for arrival in taken:
        assert arrival.message is not None
        told = {file["format"]: file["sha256"] for file in arrival.message["data"]["files"]}
        if told != promised:
            verdict.lost.append(f"{row['report_id']}: the webhook promises another file")


def _verify_remains(client: Client, verdict: Verdict, receivers: Receivers) -> None:
    bucket = client.stack.up.outputs["BucketName"]
    for upload in client.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
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
