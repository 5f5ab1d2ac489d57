"""Verifies deliveries: each report of the plan is at its destinations, once, whole, and with nothing beside it."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping

from tests.chaos.plan import ChaosPlan
from tests.chaos.recipients import Recipients
from tests.chaos.verify import Verdict
from tests.chaos.workload import Workload
from tests.support.client import Client


def verify_deliveries(
    client: Client, plan: ChaosPlan, workload: Workload, recipients: Recipients, verdict: Verdict
) -> None:
    """Adds what is wrong with deliveries, and their figures, to the verdict.

    A delivery of a READY report must be DELIVERED to each of its destinations, with the files that the report's row
    names. A recipient must have exactly the files of the deliveries to it, each with its SHA-256.
    """
    wanted = _wanted(client, plan, workload, recipients)
    found = client.sql(
        "SELECT d.report_id::text, d.destination_id, d.status, coalesce(d.ended_reason, ''),"
        " array_remove(array_agg(f.sha256 ORDER BY f.sha256), NULL)"
        " FROM resma.file_deliveries d LEFT JOIN resma.delivered_files f USING (tenant_id, delivery_id)"
        " GROUP BY d.tenant_id, d.delivery_id"
    )
    counted: Counter[tuple[str, str]] = Counter()
    for report_id, destination_id, status, reason, hashes in found:
        about = f"{report_id or 'test file'} to {destination_id}"
        if status != "DELIVERED":
            verdict.undelivered.append(f"{about}: {status} {reason}")
        if report_id is not None:
            counted[report_id, destination_id] += 1
            if status == "DELIVERED" and hashes != wanted.get((report_id, destination_id)):
                verdict.lost.append(f"{about}: the delivered files are not those of the report")
    verdict.undelivered += [f"{report} to {to}: no delivery" for report, to in wanted.keys() - counted.keys()]
    verdict.doubled += [f"{key}: {count} deliveries" for key, count in counted.items() if count > 1]
    verdict.doubled += [f"{key}: delivered, but not requested" for key in counted.keys() - wanted.keys()]
    _verify_recipients(client, recipients, verdict)
    _measure(client, verdict)


def _wanted(
    client: Client, plan: ChaosPlan, workload: Workload, recipients: Recipients
) -> Mapping[tuple[str, str], list[str]]:
    """Returns the sorted SHA-256 of the files of READY reports, by report and destination."""
    rows = client.sql(
        "SELECT r.report_id::text, array(SELECT x.sha256 FROM ("
        "  SELECT file->>'sha256' AS sha256 FROM jsonb_array_elements(coalesce(r.files, '[]')) AS file"
        "  UNION ALL SELECT item.value->>'sha256' FROM jsonb_each(coalesce(r.manifest, '{}')) AS item"
        "            WHERE jsonb_typeof(item.value) = 'object'"
        "  UNION ALL SELECT f.sha256 FROM resma.report_files f WHERE f.tenant_id = r.tenant_id"
        "            AND f.report_id = r.report_id AND f.object_key IS NOT NULL) AS x ORDER BY x.sha256)"
        " FROM resma.reports r WHERE r.status = 'READY'"
    )
    hashes: dict[str, list[str]] = dict(rows)
    return {
        (report_id, destination_id): hashes[report_id]
        for number, report_id in workload.accepted.items()
        if report_id in hashes
        for destination_id in recipients.choose(plan.requests[number].deliver_to)
    }


def _verify_recipients(client: Client, recipients: Recipients, verdict: Verdict) -> None:
    """Compares the files of each recipient with those that the deliveries record. Temporary files are extra ones."""
    recorded: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for destination_id, name, sha256 in client.sql(
        "SELECT d.destination_id, f.name, f.sha256 FROM resma.delivered_files f"
        " JOIN resma.file_deliveries d USING (tenant_id, delivery_id) WHERE f.delivered_at IS NOT NULL"
    ):
        recorded[destination_id][name] = sha256
    for name, receiver in recipients.receivers.items():
        expected, arrived = recorded[recipients.ids[name]], receiver.files()
        verdict.undelivered += [f"{name}: {file} is missing" for file in expected.keys() - arrived.keys()]
        verdict.doubled += [f"{name}: {file} belongs to no delivery" for file in arrived.keys() - expected.keys()]
        verdict.lost += [
            f"{name}: {file} has another SHA-256"
            for file in expected.keys() & arrived.keys()
            if expected[file] != arrived[file]
        ]
        verdict.delivered.files += len(arrived)
    verdict.open_uploads += recipients.open_uploads()


def _measure(client: Client, verdict: Verdict) -> None:
    figures = verdict.delivered
    seconds = [
        float(row[0])
        for row in client.sql(
            "SELECT extract(epoch FROM d.delivered_at - r.finished_at)::float8 FROM resma.file_deliveries d"
            " JOIN resma.reports r USING (tenant_id, report_id) WHERE d.status = 'DELIVERED'"
        )
    ]
    figures.deliveries = int(client.sql("SELECT count(*) FROM resma.file_deliveries WHERE status = 'DELIVERED'")[0][0])
    figures.median_seconds = round(statistics.median(seconds), 1) if seconds else 0.0
    figures.worst_seconds = round(max(seconds, default=0.0), 1)
    failed = client.sql(
        "SELECT coalesce(error_code, 'killed'), count(*)::int FROM resma.file_delivery_attempts"
        " WHERE outcome IS DISTINCT FROM 'DELIVERED' AND outcome IS DISTINCT FROM 'CONTINUED' GROUP BY 1"
    )
    figures.errors.update(dict(failed))
