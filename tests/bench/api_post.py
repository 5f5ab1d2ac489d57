"""The child process that calls the API function: `python -m tests.bench.api_post {}`.

DATABASE_URL and APP_PASSWORD say where reports are kept, AWS_ENDPOINT_URL where AWS is. Prints one line of JSON.
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
class Context:
    """As much of the Lambda context as the function asks for."""

    function_name: str = "bench"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """A minute, always."""
        return 60_000


class QueueClock:
    """Adds up what the function waits for the queue: from a request's last byte made to its answer understood."""

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
    """Makes the queue and the secret, and tells the function of them as template.yaml would."""
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
        # Of no use to this request.
        SOURCE_SECRET_ARN="source",
        WEBHOOK_SECRET_ARN="webhook",
        TOPIC_ARN="topic",
        EVENT_BUS_NAME="bus",
        BUCKET="reports",
        PUBLIC_BASE_URL="https://reports.example",
    )


def post_event() -> dict[str, Any]:
    """What API Gateway hands on of the README's curl line."""
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
    """Calls the function again and again; its own seconds of each call after the first few."""
    import api.app
    from resma.aws.clients import sqs_client

    clock = QueueClock(sqs_client())
    own = []
    for _ in range(WARMING + MEASURED):
        before = clock.seconds
        started = time.perf_counter()
        answer = api.app.handler(post_event(), Context())  # type: ignore[arg-type]  # all that it asks for
        own.append(time.perf_counter() - started - (clock.seconds - before))
        if answer["statusCode"] != 202:
            raise RuntimeError(f"the function answered {answer['statusCode']}: {answer['body']}")
    return {"own_seconds": own[WARMING:], "peak_rss_mb": peak_rss_mb()}


if __name__ == "__main__":
    prepare()
    sys.stdout.write(json.dumps(measure()) + "\n")
