"""The baseline, then the workload: callers request reports as planned while faults are injected, until all is quiet."""

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
from tests.chaos.functions import function_name
from tests.chaos.outage_injection import OutageInjector
from tests.chaos.plan import Plan, Request
from tests.chaos.receivers import Receivers
from tests.chaos.recovery import Recovery
from tests.support.client import GENERATE, Backlog, Client
from tests.support.local_stack import Faults

PUMP_SECONDS = 5
"""How often the tick comes: on AWS once a minute."""

VISIBILITY_SECONDS = 60
"""The queue's own, for what dies before it could set it: on AWS 90 minutes."""

PATIENCE_SECONDS = 420
"""How long after the last fault, outage and request all must be quiet; what has not ended by then is stuck.

A report that waits for a dependency is tried again after a pause of some minutes at most.
"""

CALLER_PATIENCE_SECONDS = 120


@dataclass
class Workload:
    """What was requested and accepted: ids by the request's number."""

    caller_patience_seconds: float = CALLER_PATIENCE_SECONDS
    accepted: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    asked_again: int = 0
    began: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Injectors:
    """What makes things fail, and what watches how long reports take to recover."""

    faults: FaultInjector
    outages: OutageInjector
    recovery: Recovery

    def are_done(self) -> bool:
        """Whether the last fault and the last outage are over."""
        return self.faults.is_done() and self.outages.is_done()

    @property
    def count(self) -> int:
        """How many faults and outages there have been."""
        return len(self.faults.injected) + len(self.outages.injected)


def run_baseline(client: Client, plan: Plan) -> dict[int, dict[str, str]]:
    """Asks for every content once, with nothing in the way; returns the SHA-256 of each file by content and format."""
    ids = {}
    for number, content in enumerate(plan.contents):
        ids[number] = _ask(client, {**content}, f"baseline-{plan.seed}-{number}", Workload())
    expected = {}
    for number, report_id in ids.items():
        client.wait_for_status(report_id, "READY", seconds=120)
        expected[number] = hash_files(client, report_id)
    return expected


def hash_files(client: Client, report_id: str) -> dict[str, str]:
    """Returns the SHA-256 of what each of a READY report's objects holds, by format."""
    row = client.row(report_id)
    bucket = client.stack.up.outputs["BucketName"]
    hashes = {}
    for file in row["files"]:
        content = client.s3.get_object(Bucket=bucket, Key=file["object_key"])["Body"].read()
        hashes[file["format"]] = content_sha256(content, file["format"], report_id, row["as_of"])
    return hashes


def run_workload(
    client: Client, faults: Faults, plan: Plan, receivers: Receivers, tell: Callable[[Workload, Injectors], None]
) -> tuple[Workload, Injectors]:
    """Carries out the plan and waits until all is quiet, or patience ends. `tell` is called about once a second."""
    shorten_clocks(client)
    workload, recovery = Workload(CALLER_PATIENCE_SECONDS + plan.longest_outage_seconds), Recovery(client)
    injectors = Injectors(FaultInjector(client, faults, recovery), OutageInjector(client, faults), recovery)
    stop = threading.Event()
    pumps = [
        threading.Thread(target=_pump, args=(client, function, stop), name=f"pump-{function}", daemon=True)
        for function in ("SchedulerFunction", "WebhookFunction")
    ]
    for pump in pumps:
        pump.start()
    started = time.monotonic()
    injectors.faults.start(plan.faults, started)
    injectors.outages.start(plan.outages, started)
    with ThreadPoolExecutor(16, thread_name_prefix="caller") as callers:
        asked = [callers.submit(_ask_as_planned, client, plan, request, receivers, workload, started)
                 for request in plan.requests]  # fmt: skip
        while not (injectors.are_done() and all(future.done() for future in asked)):
            tell(workload, injectors)
            time.sleep(1)
        for future in asked:
            future.result()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_quiet(client) and time.monotonic() < deadline:
        tell(workload, injectors)
        time.sleep(1)
    stop.set()
    for pump in pumps:
        pump.join()
    recovery.close()
    return workload, injectors


def shorten_clocks(client: Client) -> None:
    """What dies with a message it has not yet hidden leaves it hidden for the queue's own time: an hour and a half."""
    client.aws("sqs").set_queue_attributes(
        QueueUrl=client.stack.up.outputs["QueueUrl"], Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    )


def is_quiet(client: Client) -> bool:
    """Whether every report has ended, is told and swept after, and no message is left."""
    try:
        waiting = client.sql(
            "SELECT 1 FROM resma.reports WHERE status NOT IN ('READY', 'FAILED', 'CANCELLED', 'EXPIRED')"
            " UNION ALL SELECT 1 FROM resma.events WHERE published_at IS NULL OR published_to_bus_at IS NULL"
            " UNION ALL SELECT 1 FROM resma.webhook_deliveries WHERE status = 'PENDING'"
            # The tick looks once after each report, for what its workers may have left.
            " UNION ALL SELECT 1 FROM resma.reports WHERE swept_at IS NULL AND sweep_after IS NULL LIMIT 1"
        )
    except psycopg.Error:
        return False
    return not waiting and all(client.backlog(output) == Backlog(0, 0) for output in ("QueueUrl", "DeadLetterQueueUrl"))


def ended_counts(client: Client) -> dict[str, int]:
    """How many reports there are by status; nothing while the database is away."""
    try:
        return dict(client.sql("SELECT status, count(*)::int FROM resma.reports GROUP BY 1"))
    except psycopg.Error:
        return {}


def _ask_as_planned(
    client: Client, plan: Plan, request: Request, receivers: Receivers, workload: Workload, started: float
) -> None:
    time.sleep(max(0.0, started + request.at_seconds - time.monotonic()))
    body = dict(plan.contents[request.content])
    if request.manners is not None:
        body["callbackUrl"] = receivers.address(request.number, request.manners)
    try:
        workload.accepted[request.number] = _ask(client, body, f"workload-{plan.seed}-{request.number}", workload)
    except AssertionError as error:
        workload.refused.append(str(error))


def _ask(client: Client, body: dict[str, Any], key: str, workload: Workload) -> str:
    """Asks until it is accepted, always with the same Idempotency-Key, as a careful caller does."""
    deadline = time.monotonic() + workload.caller_patience_seconds
    while True:
        try:
            answer = client.http("POST", GENERATE, json=body, headers={"Idempotency-Key": key})
            if answer.status == 202:
                return str(answer.json()["id"])
            said = f"{answer.status}: {answer.data[:300]!r}"
            assert answer.status >= 500 or answer.status in {409, 429}, said
        except urllib3.exceptions.HTTPError as error:
            said = type(error).__name__
        assert time.monotonic() < deadline, f"not accepted within {workload.caller_patience_seconds:.0f} s: {said}"
        workload.asked_again += 1
        time.sleep(1)


def _pump(client: Client, function: str, stop: threading.Event) -> None:
    """Ticks more often than EventBridge does, one tick after the other."""
    name = function_name(client, function)
    while not stop.wait(PUMP_SECONDS):
        with contextlib.suppress(psycopg.Error, ClientError, BotoCoreError):
            if function == "WebhookFunction":
                _make_webhooks_due(client)
            client.aws("lambda").invoke(FunctionName=name, Payload=b"{}")


def _make_webhooks_due(client: Client) -> None:
    """Those that wait for their next attempt; an attempt that is on its way is left alone."""
    client.sql(
        "UPDATE resma.webhook_deliveries d SET next_attempt_at = clock_timestamp()"
        " WHERE status = 'PENDING' AND EXISTS (SELECT 1 FROM resma.webhook_attempts a"
        "  WHERE a.tenant_id = d.tenant_id AND a.event_id = d.event_id AND a.endpoint_id = d.endpoint_id"
        "  AND a.attempt = d.attempts"
        "  AND (a.status_code IS NOT NULL OR a.error IS NOT NULL))"
    )
