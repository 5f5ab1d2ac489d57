"""Runs the whole system in one process: the functions' handlers, a real Postgres, and AWS simulated by moto."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import boto3

import api.app
import api.context
import api.pages.console
import delivery.app
import intake.app
import resma.requests.retention
import scheduler.app
import webhook.app
import worker.app
import worker.dead_letter_app
from infra.admin.tenants import make_key
from infra.paths import TEMPLATE
from infra.servers.postgres import PostgresServer
from infra.template import read_template
from resma.access.caller import SCOPES, Scope
from resma.aws import clients

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient


ROWS = 3000


PASSWORD = "only-for-tests"


WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


KMS_KEY, SECOND_KMS_KEY = (f"arn:aws:kms:us-east-1:123456789012:key/{name}" for name in ("first", "second"))


_API = threading.Lock()
"""Held while the API function handles a request."""


@dataclass(frozen=True)
class FunctionContext:
    """The attributes of the Lambda context that the functions use."""

    function_name: str = "test"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:test"
    aws_request_id: str = "test"

    def get_remaining_time_in_millis(self) -> int:
        """Returns one minute, whatever time has passed."""
        return 60_000


@lru_cache
def _client(service: str) -> Any:
    """Returns a client of AWS, the same one in all tests: to create it takes longer than its requests to moto."""
    return boto3.client(service)  # type: ignore[call-overload]


class System:
    """All functions in this process, invoked with the events that AWS sends, on moto and a real database."""

    def __init__(self, postgres: PostgresServer) -> None:
        self.database_url = postgres.url
        self.sqs: SQSClient = _client("sqs")
        self.s3: S3Client = _client("s3")
        self.sns: SNSClient = _client("sns")
        self.bucket = "reports"
        self.s3.create_bucket(Bucket=self.bucket)
        self.queue_url = self._make_queue("report-jobs")
        self.deliveries_url = self._make_queue("deliveries")
        self.events_url = self._make_queue("events")
        self.topic_arn = self.sns.create_topic(Name="report-events")["TopicArn"]
        self.sns.subscribe(
            TopicArn=self.topic_arn,
            Protocol="sqs",
            Endpoint=self.sqs.get_queue_attributes(QueueUrl=self.events_url, AttributeNames=["QueueArn"])["Attributes"][
                "QueueArn"
            ],
        )
        self.bus: EventBridgeClient = _client("events")
        self.bus_events_url = self._queue_on_bus("bus-events", {"source": ["resma"]})
        self.requests_url = self._queue_on_bus("report-requests", _event_pattern_of_requests())
        _client("dynamodb").create_table(
            TableName="idempotency",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        secrets: SecretsManagerClient = _client("secretsmanager")
        os.environ.update(
            STAGE="local",
            LOOPBACK_TENANT="demo",
            DATABASE_SECRET_ARN=_database_secret(secrets, postgres, "resma_app"),
            SYSTEM_SECRET_ARN=_database_secret(secrets, postgres, "resma_system"),
            SOURCE_SECRET_ARN=_database_secret(secrets, postgres, "resma_reader"),
            WEBHOOK_SECRET_ARN=_secret(secrets, "webhook", {"secret": WEBHOOK_SECRET}),
            SEALING_SECRET_ARN=_secret(secrets, "sealing", {"key": "k" * 64}),
            BUCKET=self.bucket,
            QUEUE_URL=self.queue_url,
            DELIVERY_QUEUE_URL=self.deliveries_url,
            TOPIC_ARN=self.topic_arn,
            EVENT_BUS_NAME="default",
            REQUEST_QUEUE_URL=self.requests_url,
            IDEMPOTENCY_TABLE="idempotency",
            RETENTION_DAYS="30",
            MAX_RETENTION_DAYS="3650",
            KMS_KEY_ARNS=f"{KMS_KEY},{SECOND_KMS_KEY}",
            RECORD_RETENTION_DAYS="400",
            PUBLIC_BASE_URL="https://reports.example",
        )

    def _make_queue(self, name: str) -> str:
        """Creates a queue whose visibility timeout is longer than any test; returns its URL."""
        return self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5400"})["QueueUrl"]

    def _queue_on_bus(self, name: str, pattern: dict[str, Any]) -> str:
        """Creates a queue that receives the events on the bus that match a pattern; returns its URL."""
        url = self._make_queue(name)
        self.bus.put_rule(Name=name, EventPattern=json.dumps(pattern))
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.bus.put_targets(Rule=name, Targets=[{"Id": name, "Arn": arn}])
        return url

    def call_api(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: Any = None,
        address: str = "127.0.0.1",
    ) -> tuple[int, dict[str, str], Any]:
        """Sends a request to the API function; returns status, headers and the decoded body.

        A request from loopback without a key belongs to the tenant `demo`, with all scopes. As in Lambda, the function
        handles one request at a time: powertools keeps the current one in the app.
        """
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        event = {
            "httpMethod": method,
            "path": path,
            "resource": "/{proxy+}",
            "headers": {"Content-Type": "application/json", **(headers or {})},
            "multiValueHeaders": {},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()},
            "requestContext": {
                "path": f"/test{path}",
                "stage": "test",
                "domainName": "api.example",
                "httpMethod": method,
                "identity": {"sourceIp": address},
            },
            "body": text,
            "isBase64Encoded": False,
        }
        assert _API.acquire(blocking=False), "Another thread calls the API. Call its use case with its own connection."
        try:
            answer = api.app.handler(event, FunctionContext())  # type: ignore[arg-type]
        finally:
            _API.release()
        flat = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        content = answer["body"]
        if content and "json" in flat.get("Content-Type", ""):
            content = json.loads(content)
        return int(answer["statusCode"]), flat, content

    def make_key(self, *scopes: str, tenant: str = "demo", days: float = 1, name: str = "test") -> str:
        """Creates a key of a tenant, as an operator does; returns the key itself."""
        return make_key(self.database_url, tenant, name, scopes, timedelta(days=days))

    def call_with(self, key: str, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any, Any]:
        """Sends a request with a key, from an IP address other than loopback."""
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        return self.call_api(method, path, body, headers, address="203.0.113.9", **more)

    def request_report(self, **request: Any) -> UUID:
        """Requests a report and returns its id."""
        status, _, body = self.call_api("POST", "/api/v1/reports/generate", {"type": "TRANSACTIONS", **request})
        assert status == 202, body
        return UUID(body["id"])

    def show(self, report_id: UUID) -> Any:
        """Returns a report as the API returns it."""
        status, _, body = self.call_api("GET", f"/api/v1/reports/{report_id}")
        assert status == 200, body
        return body

    def receive(self, queue_url: str | None = None) -> list[dict[str, Any]]:
        """Receives the messages in the job queue, or in another one; returns them as records of a Lambda event."""
        received = self.sqs.receive_message(
            QueueUrl=queue_url or self.queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:report-jobs",
                "awsRegion": "us-east-1",
            }
            for message in received.get("Messages", [])
        ]

    def work(self, record: dict[str, Any]) -> bool:
        """Invokes the worker with a record; returns whether the record was processed."""
        return not worker.app.handler({"Records": [record]}, FunctionContext())["batchItemFailures"]  # type: ignore[arg-type]

    def work_once(self) -> bool:
        """Invokes the worker with the only message in the job queue; returns whether it was processed."""
        (record,) = self.receive()
        is_done = self.work(record)
        if is_done:  # as the event source does; otherwise it would be delivered again in a slow test
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"])
        return is_done

    def abandon(self, record: dict[str, Any]) -> bool:
        """Invokes the dead-letter function with a record; returns whether the record was processed."""
        return not worker.dead_letter_app.handler({"Records": [record]}, FunctionContext())["batchItemFailures"]  # type: ignore[arg-type]

    def run_scheduler(self) -> dict[str, int]:
        """Runs the scheduler once and returns its counts."""
        return scheduler.app.handler({}, FunctionContext())  # type: ignore[arg-type]

    def take_in(self, record: dict[str, Any]) -> bool:
        """Invokes the intake function with a record of the request queue; returns whether the record was processed."""
        return not intake.app.handler({"Records": [record]}, FunctionContext())["batchItemFailures"]  # type: ignore[arg-type]

    def bus_events(self) -> list[dict[str, Any]]:
        """Receives the events that Resma has put on the bus, as rules get them."""
        received = self.sqs.receive_message(QueueUrl=self.bus_events_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in received.get("Messages", [])]

    def events(self) -> list[dict[str, Any]]:
        """Receives the notifications that the topic has sent to its subscriber."""
        received = self.sqs.receive_message(QueueUrl=self.events_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in received.get("Messages", [])]

    def deliver(self, envelope: dict[str, Any]) -> None:
        """Invokes the webhook function with a notification of the topic."""
        webhook.app.handler({"Records": [{"EventSource": "aws:sns", "Sns": envelope}]}, FunctionContext())  # type: ignore[arg-type]

    def deliver_files(self) -> int:
        """Invokes the delivery function with each message in the queue of deliveries; returns how many there were."""
        records = self.receive(self.deliveries_url)
        for record in records:
            assert not delivery.app.handler({"Records": [record]}, FunctionContext())["batchItemFailures"]  # type: ignore[arg-type]
            self.sqs.delete_message(QueueUrl=self.deliveries_url, ReceiptHandle=record["receiptHandle"])
        return len(records)

    def objects(self) -> list[str]:
        """Returns the keys of all objects in the bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def open_uploads(self) -> list[Any]:
        """Returns the multipart uploads that are neither completed nor aborted."""
        return list(self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []))

    def content(self, report_id: UUID) -> bytes:
        """Returns the content of a report's only file."""
        (key,) = [key for key in self.objects() if str(report_id) in key]
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()


@lru_cache
def _event_pattern_of_requests() -> dict[str, Any]:
    """Returns the pattern of the template's rule. Reading the template takes a third of a second."""
    pattern: dict[str, Any] = read_template(TEMPLATE)["Resources"]["RequestRule"]["Properties"]["EventPattern"]
    return pattern


def _database_secret(secrets: SecretsManagerClient, postgres: PostgresServer, login: str) -> str:
    address = {"host": "127.0.0.1", "port": postgres.port, "dbname": "postgres"}
    return _secret(secrets, login, {**address, "sslmode": "prefer", "username": login, "password": PASSWORD})


def _secret(secrets: SecretsManagerClient, name: str, value: dict[str, Any]) -> str:
    return secrets.create_secret(Name=name, SecretString=json.dumps(value))["ARN"]


_CACHED: tuple[Callable[..., Any], ...] = (
    clients.sqs_client,
    clients.sns_client,
    clients.events_client,
    clients.secrets_client,
    clients.ses_client,
    clients.s3_client,
    api.context.settings,
    api.context.database,
    api.context.sealing,
    api.context.source,
    api.context.records,
    api.context.gate,
    api.context.rules,
    api.context.console_sign_in,
    api.context.delivery_queue,
    delivery.app._resources,
    intake.app._settings,
    intake.app._resources,
    api.pages.console._files,
    worker.app._settings,
    worker.app._resources,
    worker.app._persistence,
    worker.app._sealed_clients,
    resma.requests.retention.retention_settings,
    worker.dead_letter_app._announcer,
    webhook.app._resources,
    scheduler.app._resources,
)


def clear_caches() -> None:
    """Clears everything that the functions cache between invocations."""
    for cached in _CACHED:
        cached.cache_clear()  # type: ignore[attr-defined]


def close_connections() -> None:
    """Closes the database connections that the functions keep open between invocations."""
    for database in (api.context.database, api.context.source, api.context.records):
        if database.cache_info().currsize:
            database().close()
    for resources in (
        worker.app._resources,
        worker.dead_letter_app._announcer,
        webhook.app._resources,
        scheduler.app._resources,
        intake.app._resources,
        delivery.app._resources,
    ):
        if resources.cache_info().currsize:
            resources().system.close()
    if worker.app._resources.cache_info().currsize:
        worker.app._resources().source.close()
        worker.app._resources().records.close()
        worker.app._resources().shard_source.close()


class ActAs(Protocol):
    """A function that makes all later requests come from a tenant."""

    def __call__(self, tenant_id: str, scopes: frozenset[Scope] = SCOPES) -> None: ...
