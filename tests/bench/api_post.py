"""The child process that calls the API function: `python -m tests.bench.api_post {}`.

DATABASE_URL and APP_PASSWORD are those of the database of reports, AWS_ENDPOINT_URL is that of AWS. Prints one line of
JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3

from infra.postgres.migrate import APP
from worker.peak_memory import peak_rss_mb

WARMING, MEASURED = 30, 300


@dataclass(frozen=True)
class BenchLambdaContext:
    """The part of the Lambda context that the function uses."""

    function_name: str = "bench"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Returns a minute."""
        return 60_000


class QueueClock:
    """Adds up the time that the function waits for the queue: from each finished request to its parsed answer."""

    def __init__(self, client: Any) -> None:
        self.seconds = 0.0
        self._sent = 0.0
        client.meta.events.register("before-send.sqs.*", self._start)
        client.meta.events.register("response-received.sqs.*", self._stop)

    def _start(self, **_: Any) -> None:
        self._sent = time.perf_counter()

    def _stop(self, **_: Any) -> None:
        self.seconds += time.perf_counter() - self._sent


def prepare() -> None:
    """Creates the queue and the secret, and sets the function's environment as template.yaml does."""
    url = urlsplit(os.environ["DATABASE_URL"])
    secret = {
        "host": url.hostname,
        "port": url.port,
        "dbname": url.path[1:],
        "sslmode": "prefer",
        "username": APP,
        "password": os.environ["APP_PASSWORD"],
    }
    made = boto3.client("secretsmanager").create_secret(Name="database", SecretString=json.dumps(secret))
    queue = boto3.client("sqs").create_queue(QueueName="report-jobs")
    os.environ.update(
        STAGE="local",
        LOOPBACK_TENANT="demo",
        DATABASE_SECRET_ARN=made["ARN"],
        QUEUE_URL=queue["QueueUrl"],
        DELIVERY_QUEUE_URL=queue["QueueUrl"],
        # This request does not use these.
        SOURCE_SECRET_ARN="source",
        WEBHOOK_SECRET_ARN="webhook",
        TOPIC_ARN="topic",
        EVENT_BUS_NAME="bus",
        BUCKET="reports",
        PUBLIC_BASE_URL="https://reports.example",
    )


def post_event() -> dict[str, Any]:
    """Returns the event that API Gateway sends for the README's curl command."""
    path = "/api/v1/reports/generate"
    return {
        "httpMethod": "POST",
        "path": path,
        "resource": "/{proxy+}",
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": {},
        "requestContext": {
            "path": path,
            "stage": "local",
            "domainName": "api.example",
            "httpMethod": "POST",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": json.dumps({"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01"}}),
        "isBase64Encoded": False,
    }


def measure() -> dict[str, Any]:
    """Calls the function repeatedly; returns its own seconds per call, without the first calls, and its peak memory."""
    import api.app
    from resma.aws.clients import sqs_client

    clock = QueueClock(sqs_client())
    own = []
    for _ in range(WARMING + MEASURED):
        before = clock.seconds
        started = time.perf_counter()
        answer = api.app.handler(post_event(), BenchLambdaContext())  # type: ignore[arg-type]  # the part that it uses
        own.append(time.perf_counter() - started - (clock.seconds - before))
        if answer["statusCode"] != 202:
            raise RuntimeError(f"The function answered with status {answer['statusCode']}: {answer['body']}")
    return {"own_seconds": own[WARMING:], "peak_rss_mb": peak_rss_mb()}


if __name__ == "__main__":
    prepare()
    sys.stdout.write(json.dumps(measure()) + "\n")
