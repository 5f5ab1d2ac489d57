"""A test's access to a stack: its API over HTTP, its AWS services through localstack-client, its rows with SQL."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
import urllib3
from localstack_client.session import Session

from infra.local.stack import Stack
from resma.jobs.claim import MAX_ATTEMPTS
from resma.writers import EXTENSIONS
from tests.support.eventually import PATIENCE_SECONDS, POLL_SECONDS, eventually
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.http import PATIENT

GENERATE = "/api/v1/reports/generate"
ENDED = ("READY", "FAILED", "CANCELLED", "EXPIRED", "SKIPPED")
Json = dict[str, Any]


@dataclass(frozen=True)
class Download:
    """A downloaded file, with the name from its Content-Disposition header."""

    name: str
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """SHA-256 of the content in hexadecimal, as in a report's status."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Backlog:
    """Number of messages in a queue: waiting for delivery, and in flight (received but not deleted)."""

    waiting: int
    in_flight: int


class Client:
    """A caller of the API that can also inspect the stack as an operator. `s3` is a client of the object store."""

    def __init__(self, stack: Stack, s3: Any = None) -> None:
        self.stack = stack
        self._http = urllib3.PoolManager(retries=False, timeout=PATIENT)
        self._session = Session(localstack_host=urlsplit(stack.up.aws_url).netloc)
        self._clients: dict[str, Any] = {}
        self.s3 = s3 or self.aws("s3")

    def close(self) -> None:
        """Closes all connections."""
        self._http.clear()
        for client in (self.s3, *self._clients.values()):
            client.close()

    # ------------------------------------------------------------------ as a caller

    def http(self, method: str, path: str, **arguments: Any) -> urllib3.BaseHTTPResponse:
        """Sends a request to the API and returns the response; `path` may also be a full URL. Follows no redirects."""
        url = path if path.startswith("http") else self.stack.up.api_url + path
        return self._http.request(method, url, redirect=False, **arguments)

    def request_report(self, format_: str, filters: Mapping[str, Any] | None = None, **more: Any) -> str:
        """Requests a report and returns its id."""
        body = {"type": "TRANSACTIONS", "format": format_, "filters": dict(filters or {}), **more}
        answer = self.http("POST", GENERATE, json=body, headers={"Idempotency-Key": secrets.token_hex(8)})
        assert answer.status == 202, answer.data
        return str(answer.json()["id"])

    def request_unsent_report(self, queue: FaultProxy, format_: str, filters: Mapping[str, Any], **more: Any) -> str:
        """Requests a report while the API cannot send its message, and returns its id.

        A fault can then wait for this report, and `send_job_again` starts it.
        """
        with queue.failing(Fault("refuse")):
            return self.request_report(format_, filters, **more)

    def show(self, report_id: str) -> Json:
        """Returns a report's status."""
        answer = self.http("GET", f"/api/v1/reports/{report_id}")
        assert answer.status == 200, answer.data
        view: Json = answer.json()
        return view

    def wait_for_status(self, report_id: str, *statuses: str, seconds: float = PATIENCE_SECONDS) -> Json:
        """Polls a report until it has one of the statuses, and returns it. Fails at once if it ends with another."""
        deadline = time.monotonic() + seconds
        while (view := self.show(report_id))["status"] not in statuses:
            assert view["status"] not in ENDED, view
            assert time.monotonic() < deadline, (f"not within {seconds} s", view, self.backlog())
            time.sleep(POLL_SECONDS)
        return view

    def download(self, report: Json) -> Download:
        """Downloads a report's file as a browser does: follows the download link to the presigned URL."""
        redirect = self.http("GET", report["links"]["download"])
        assert redirect.status == 303, redirect.data
        return self.fetch(redirect.headers["Location"])

    def fetch(self, url: str) -> Download:
        """Downloads a file from a presigned URL."""
        answer = self.http("GET", url)
        assert answer.status == 200, answer.data[:500]
        named = re.fullmatch(r'attachment; filename="([\w.-]+)"', answer.headers["Content-Disposition"])
        assert named is not None, answer.headers["Content-Disposition"]
        return Download(named[1], answer.headers["Content-Type"], answer.data)

    # ------------------------------------------------------------------ as an operator

    def aws(self, service: str) -> Any:
        """Returns a client of an AWS service in the stack's LocalStack, not through the fault proxies."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Runs SQL as the superuser, not through the fault proxies; returns the rows, if the statement has any."""
        with psycopg.connect(self.stack.up.database_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def row(self, report_id: str) -> Json:
        """Returns a report's row as a dictionary, with the column names as keys."""
        with psycopg.connect(self.stack.up.database_url, autocommit=True) as connection:
            cursor = connection.execute("SELECT * FROM resma.reports WHERE report_id = %s", (report_id,))
            names = [column.name for column in cursor.description or ()]
            values = cursor.fetchone()
        assert values is not None
        return dict(zip(names, values, strict=True))

    def count_reports(self) -> int:
        """Returns the number of reports, of any status."""
        return int(self.sql("SELECT count(*) FROM resma.reports")[0][0])

    def objects(self, report_id: str) -> list[str]:
        """Returns the keys of a report's objects in the object store."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.up.outputs["BucketName"])
        return [item["Key"] for page in pages for item in page.get("Contents", []) if report_id in item["Key"]]

    def wait_for_objects(self, report_id: str, count: int) -> None:
        """Waits until a report has only so many objects.

        A worker removes its leftovers after it has ended the report; those of one that dies there, the scheduler.
        """
        eventually(f"{count} objects are left", lambda: len(self.objects(report_id)) == count)

    def open_uploads(self, report_id: str, format_: str = "csv") -> list[str]:
        """Returns the ids of a report's multipart uploads that are neither completed nor aborted."""
        # Lists the uploads of each attempt's exact key, since MinIO does not list uploads by prefix.
        keys = [f"demo/{report_id}/{attempt}.{format_}" for attempt in range(1, MAX_ATTEMPTS + 1)]
        bucket = self.stack.up.outputs["BucketName"]
        listed = [self.s3.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", []) for key in keys]
        return [upload["UploadId"] for uploads in listed for upload in uploads]

    def wait_for_no_open_upload(self, report_id: str, format_: str) -> None:
        """Waits until a report has no open upload of a format; see `wait_for_objects`."""
        eventually("no upload is open", lambda: self.open_uploads(report_id, format_) == [])

    def backlog(self, output: str = "QueueUrl") -> Backlog:
        """Returns the number of messages in the queue whose URL is the given output of the stack."""
        counted = self.aws("sqs").get_queue_attributes(
            QueueUrl=self.stack.up.outputs[output],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return Backlog(
            int(counted["ApproximateNumberOfMessages"]), int(counted["ApproximateNumberOfMessagesNotVisible"])
        )

    def wait_for_empty_queues(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Waits until the job queue and its dead-letter queue hold no messages, waiting or in flight."""
        for output in ("QueueUrl", "DeadLetterQueueUrl"):
            eventually(f"{output} is empty", lambda name=output: self.backlog(name) == Backlog(0, 0), seconds)  # type: ignore[misc]

    def wait_for_handled_events(self) -> None:
        """Waits until no event that requests a report is in its queue, waiting or in flight."""
        eventually("all events are handled", lambda: self.backlog("RequestQueueUrl") == Backlog(0, 0))

    def send_job_again(self, report_id: str, times: int = 1, shard: int | None = None) -> None:
        """Sends a job's message to the queue, as in a duplicate delivery."""
        of_shard = "" if shard is None else f',"shard":{shard}'
        body = f'{{"tenant_id":"demo","report_id":"{report_id}"{of_shard}}}'
        self.aws("sqs").send_message_batch(
            QueueUrl=self.stack.up.outputs["QueueUrl"],
            Entries=[{"Id": str(number), "MessageBody": body} for number in range(times)],
        )

    def workers(self) -> list[int]:
        """Returns the process ids of the worker function's execution environments."""
        return self.stack.function_processes(self.stack.up.outputs["WorkerFunctionName"])

    def function_name(self, logical_name: str) -> str:
        """Returns the full name of a function of the template."""
        pages = self.aws("lambda").get_paginator("list_functions").paginate()
        names = (str(item["FunctionName"]) for page in pages for item in page["Functions"])
        return next(name for name in names if f"-{logical_name}-" in name)

    def invoke_function(self, logical_name: str, payload: bytes = b"{}") -> Any:
        """Invokes a function of the template by its logical name and returns the response of Lambda."""
        name = self.function_name(logical_name)
        return self.aws("lambda").invoke(FunctionName=name, Payload=payload)


def lift_quotas(database_url: str) -> None:
    """Raises the quotas of the demo tenant so far that tests of other subjects do not reach them."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE resma.tenants SET requests_per_second = 10000, requests_burst = 10000, live_reports = 10000,"
            " rows_per_day = 1000000000000, files_per_day = 1000000000000 WHERE tenant_id = 'demo'"
        )


def require_one_whole_file(client: Client, report: Json) -> Download:
    """Asserts that a READY report has one object, no open upload, one event, and a file of the recorded size and hash.

    Returns the downloaded file.
    """
    report_id, format_ = report["id"], report["format"].lower()
    assert report["status"] == "READY", report
    client.wait_for_objects(report_id, 1)
    assert client.objects(report_id) == [f"demo/{report_id}/{report['attempt']}.{format_}"]
    client.wait_for_no_open_upload(report_id, format_)
    assert client.sql("SELECT event_id FROM resma.events WHERE report_id = %s", report_id) == [
        (f"evt_{report_id.replace('-', '')}",)
    ]
    file = client.download(report)
    assert (len(file.content), file.sha256) == (report["bytes"], report["sha256"])
    return file


def require_no_file(client: Client, report_id: str) -> None:
    """Asserts that a report has neither objects nor open uploads in the object store."""
    client.wait_for_objects(report_id, 0)
    for extension in EXTENSIONS.values():
        client.wait_for_no_open_upload(report_id, extension)
