"""The calm run, then the storm: callers ask as planned while faults strike, until all is quiet again."""

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
from tests.chaos.functions import function_name
from tests.chaos.plan import Plan, Request
from tests.chaos.receivers import Receivers
from tests.chaos.recovery import Recovery
from tests.chaos.strikes import Striker
from tests.e2e.client import GENERATE, Backlog, Client
from tests.e2e.conftest import Faults

PUMP_SECONDS = 5
"""How often the tick comes: on AWS once a minute."""

VISIBILITY_SECONDS = 60
"""The queue's own, for what dies before it could set it: on AWS 90 minutes."""

PATIENCE_SECONDS = 240
"""How long after the last fault and request all must be quiet; what has not ended by then is stuck."""

CALLER_PATIENCE_SECONDS = 120


@dataclass
class Storm:
    """What was asked for and accepted: ids by the request's number."""

    accepted: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    asked_again: int = 0
    began: float = field(default_factory=time.time)


def run_calm(client: Client, plan: Plan) -> dict[int, dict[str, str]]:
    """Asks for every content once, with nothing in the way; returns the SHA-256 of each file by content and format."""
    ids = {}
    for number, content in enumerate(plan.contents):
        ids[number] = _ask(client, {**content}, f"calm-{plan.seed}-{number}", Storm())
    expected = {}
    for number, report_id in ids.items():
        client.await_status(report_id, "READY", seconds=120)
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


def run_storm(
    client: Client, faults: Faults, plan: Plan, receivers: Receivers, tell: Callable[[Storm, Striker], None]
) -> tuple[Storm, Striker, Recovery]:
    """Carries out the plan and waits until all is quiet, or patience ends. `tell` is called about once a second."""
    shorten_clocks(client)
    storm, recovery = Storm(), Recovery(client)
    striker = Striker(client, faults, recovery)
    stop = threading.Event()
    pumps = [
        threading.Thread(target=_pump, args=(client, function, stop), name=f"pump-{function}", daemon=True)
        for function in ("SchedulerFunction", "WebhookFunction")
    ]
    for pump in pumps:
        pump.start()
    started = time.monotonic()
    striker.start(plan.strikes, started)
    with ThreadPoolExecutor(16, thread_name_prefix="caller") as callers:
        asked = [callers.submit(_ask_as_planned, client, plan, request, receivers, storm, started)
                 for request in plan.requests]  # fmt: skip
        while not (striker.is_done() and all(future.done() for future in asked)):
            tell(storm, striker)
            time.sleep(1)
        for future in asked:
            future.result()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_quiet(client) and time.monotonic() < deadline:
        tell(storm, striker)
        time.sleep(1)
    stop.set()
    for pump in pumps:
        pump.join()
    recovery.close()
    return storm, striker, recovery


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
            " UNION ALL SELECT 1 FROM resma.events WHERE published_at IS NULL OR put_on_bus_at IS NULL"
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
    client: Client, plan: Plan, request: Request, receivers: Receivers, storm: Storm, started: float
) -> None:
    time.sleep(max(0.0, started + request.at_seconds - time.monotonic()))
    body = dict(plan.contents[request.content])
    if request.manners is not None:
        body["callbackUrl"] = receivers.address(request.number, request.manners)
    try:
        storm.accepted[request.number] = _ask(client, body, f"storm-{plan.seed}-{request.number}", storm)
    except AssertionError as error:
        storm.refused.append(str(error))


def _ask(client: Client, body: dict[str, Any], key: str, storm: Storm) -> str:
    """Asks until it is accepted, always with the same Idempotency-Key, as a careful caller does."""
    deadline = time.monotonic() + CALLER_PATIENCE_SECONDS
    while True:
        try:
            answer = client.http("POST", GENERATE, json=body, headers={"Idempotency-Key": key})
            if answer.status == 202:
                return str(answer.json()["id"])
            said = f"{answer.status}: {answer.data[:300]!r}"
            assert answer.status >= 500 or answer.status in {409, 429}, said
        except urllib3.exceptions.HTTPError as error:
            said = type(error).__name__
        assert time.monotonic() < deadline, f"not accepted within {CALLER_PATIENCE_SECONDS} s: {said}"
        storm.asked_again += 1
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
