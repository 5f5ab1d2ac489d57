"""Runs the baseline, and then the workload: callers request reports while faults are injected, until all have ended."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.content import content_sha256
from tests.chaos.fault_injection import FaultInjector
from tests.chaos.outage_injection import OutageInjector
from tests.chaos.plan import ChaosPlan, PlannedRequest
from tests.chaos.receivers import FaultyReceivers
from tests.chaos.recipients import Recipients
from tests.chaos.recovery import Recovery
from tests.chaos.split_contents import PROBLEMS, hash_split_report
from tests.support.client import GENERATE, Backlog, Client
from tests.support.local_stack import Faults

INVOKE_SECONDS = 5
"""Interval at which the scheduler and the webhook function are invoked. On AWS it is a minute."""

VISIBILITY_SECONDS = 60
"""The queue's visibility timeout, for workers that die before they could set it. On AWS it is 90 minutes."""

QUIET_TIMEOUT_SECONDS = 420
"""Time after the last fault, outage and request within which all reports must end. Others count as stuck.

A report that waits for a dependency is tried again after a pause of at most some minutes.
"""

CALLER_TIMEOUT_SECONDS = 120

BASELINE_SECONDS = 300
"""Maximum time until all reports of the baseline have ended."""


@dataclass
class Workload:
    """The results of the callers' requests. `accepted` has report ids by the request's number."""

    caller_timeout_seconds: float = CALLER_TIMEOUT_SECONDS
    accepted: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    retries: int = 0
    began: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Injectors:
    """The injectors of faults and outages, and the measurement of the recovery."""

    faults: FaultInjector
    outages: OutageInjector
    recovery: Recovery

    def are_done(self) -> bool:
        """Returns whether the last fault and the last outage are over."""
        return self.faults.is_done() and self.outages.is_done()

    @property
    def count(self) -> int:
        """Number of faults and outages so far."""
        return len(self.faults.injected) + len(self.outages.injected)


def run_baseline(client: Client, plan: ChaosPlan) -> dict[int, dict[str, str]]:
    """Requests each content once, without faults; returns the SHA-256 of each file by content and format."""
    ids = {}
    for number, content in enumerate(plan.contents):
        ids[number] = _request_report(client, {**content}, f"baseline-{plan.seed}-{number}", Workload())
    expected = {}
    for number, report_id in ids.items():
        client.wait_for_status(report_id, "READY", "SKIPPED", seconds=BASELINE_SECONDS)
        expected[number] = hash_files(client, report_id)
        assert PROBLEMS not in expected[number], expected[number][PROBLEMS]
    return expected


def hash_files(client: Client, report_id: str) -> dict[str, str]:
    """Returns the SHA-256 of the content of a READY report's files, by format; none for a SKIPPED report."""
    row = client.row(report_id)
    if row["status"] == "SKIPPED":
        return {}
    if row["split_by"]:
        return hash_split_report(client, report_id, row)
    bucket = client.stack.up.outputs["BucketName"]
    hashes = {}
    for file in row["files"]:
        content = client.s3.get_object(Bucket=bucket, Key=file["object_key"])["Body"].read()
        hashes[file["format"]] = content_sha256(content, file["format"], report_id, row["as_of"])
    return hashes


def run_workload(
    client: Client,
    faults: Faults,
    plan: ChaosPlan,
    receivers: FaultyReceivers,
    recipients: Recipients,
    show: Callable[[Workload, Injectors], None],
) -> tuple[Workload, Injectors]:
    """Runs the plan and waits until all reports have ended, up to QUIET_TIMEOUT_SECONDS.

    `show` is called about once a second.
    """
    shorten_clocks(client)
    workload, recovery = Workload(CALLER_TIMEOUT_SECONDS + plan.longest_outage_seconds), Recovery(client)
    injectors = Injectors(FaultInjector(client, faults, recovery, recipients), OutageInjector(client, faults), recovery)
    stop = threading.Event()
    invokers = [
        threading.Thread(
            target=_invoke_repeatedly, args=(client, recipients, function, stop), name=f"invoke-{function}", daemon=True
        )
        for function in ("SchedulerFunction", "WebhookFunction")
    ]
    for invoker in invokers:
        invoker.start()
    started = time.monotonic()
    injectors.faults.start(plan.faults, started)
    injectors.outages.start(plan.outages, started)
    # The callers of reports that a fault is aimed at are always waiting for it.
    ordered = sorted(plan.requests, key=lambda request: (request.target_of is None, request.at_seconds))
    aimed = sum(request.target_of is not None for request in ordered)
    with ThreadPoolExecutor(16 + aimed, thread_name_prefix="caller") as callers:
        requests = [
            callers.submit(
                _request_as_planned, client, plan, request, receivers, recipients, workload, injectors, started
            )
            for request in ordered
        ]
        while not (injectors.are_done() and all(future.done() for future in requests)):
            show(workload, injectors)
            time.sleep(1)
        for future in requests:
            future.result()
    deadline = time.monotonic() + QUIET_TIMEOUT_SECONDS
    while not is_quiet(client) and time.monotonic() < deadline:
        show(workload, injectors)
        time.sleep(1)
    stop.set()
    for invoker in invokers:
        invoker.join()
    recovery.close()
    return workload, injectors


def shorten_clocks(client: Client) -> None:
    """Shortens the queue's visibility timeout.

    A worker that dies before it has changed a message's visibility leaves it hidden for the queue's 90 minutes.
    """
    client.aws("sqs").set_queue_attributes(
        QueueUrl=client.stack.up.outputs["QueueUrl"], Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    )


def is_quiet(client: Client) -> bool:
    """Returns whether all reports have ended, were announced, delivered and swept, and no message is left."""
    try:
        waiting = client.sql(
            "SELECT 1 FROM resma.reports WHERE status NOT IN ('READY', 'FAILED', 'CANCELLED', 'EXPIRED', 'SKIPPED')"
            " UNION ALL SELECT 1 FROM resma.events WHERE published_at IS NULL OR published_to_bus_at IS NULL"
            " UNION ALL SELECT 1 FROM resma.webhook_deliveries WHERE status = 'PENDING'"
            " UNION ALL SELECT 1 FROM resma.file_deliveries WHERE status = 'PENDING'"
            # The scheduler sweeps each report once after its end.
            " UNION ALL SELECT 1 FROM resma.reports WHERE swept_at IS NULL AND sweep_after IS NULL LIMIT 1"
        )
    except psycopg.Error:
        return False
    return not waiting and all(client.backlog(output) == Backlog(0, 0) for output in ("QueueUrl", "DeadLetterQueueUrl"))


def ended_counts(client: Client) -> dict[str, int]:
    """Returns the number of reports by status; an empty dict while the database is unavailable."""
    try:
        return dict(client.sql("SELECT status, count(*)::int FROM resma.reports GROUP BY 1"))
    except psycopg.Error:
        return {}


def _request_as_planned(
    client: Client,
    plan: ChaosPlan,
    request: PlannedRequest,
    receivers: FaultyReceivers,
    recipients: Recipients,
    workload: Workload,
    injectors: Injectors,
    started: float,
) -> None:
    time.sleep(max(0.0, started + request.at_seconds - time.monotonic()))
    if request.target_of is not None:
        injectors.faults.wait_for(request.target_of, request.at_seconds)
    body = dict(plan.contents[request.content])
    if destinations := recipients.choose(request.deliver_to):
        body["deliverTo"] = destinations
    if request.behaviors is not None:
        body["callbackUrl"] = receivers.callback_url(request.number, request.behaviors)
    try:
        workload.accepted[request.number] = _request_report(
            client, body, f"workload-{plan.seed}-{request.number}", workload
        )
    except AssertionError as error:
        workload.refused.append(str(error))


def _request_report(client: Client, body: dict[str, Any], key: str, workload: Workload) -> str:
    """Requests a report, and retries with the same Idempotency-Key until it is accepted; returns its id."""
    deadline = time.monotonic() + workload.caller_timeout_seconds
    while True:
        try:
            answer = client.http("POST", GENERATE, json=body, headers={"Idempotency-Key": key})
            if answer.status == 202:
                return str(answer.json()["id"])
            problem = f"{answer.status}: {answer.data[:300]!r}"
            assert answer.status >= 500 or answer.status in {409, 429}, problem
        except urllib3.exceptions.HTTPError as error:
            problem = type(error).__name__
        assert time.monotonic() < deadline, f"not accepted within {workload.caller_timeout_seconds:.0f} s: {problem}"
        workload.retries += 1
        time.sleep(1)


def _invoke_repeatedly(client: Client, recipients: Recipients, function: str, stop: threading.Event) -> None:
    """Invokes a function more often than EventBridge does, without overlaps."""
    name = client.function_name(function)
    while not stop.wait(INVOKE_SECONDS):
        with contextlib.suppress(psycopg.Error, ClientError, BotoCoreError):
            if function == "WebhookFunction":
                _make_webhooks_due(client)
            else:
                recipients.make_due()
            client.aws("lambda").invoke(FunctionName=name, Payload=b"{}")


def _make_webhooks_due(client: Client) -> None:
    """Makes deliveries due that wait for their next attempt, other than those with an attempt in flight."""
    client.sql(
        "UPDATE resma.webhook_deliveries d SET next_attempt_at = clock_timestamp()"
        " WHERE status = 'PENDING' AND EXISTS (SELECT 1 FROM resma.webhook_attempts a"
        "  WHERE a.tenant_id = d.tenant_id AND a.event_id = d.event_id AND a.endpoint_id = d.endpoint_id"
        "  AND a.attempt = d.attempts"
        "  AND (a.status_code IS NOT NULL OR a.error IS NOT NULL))"
    )
