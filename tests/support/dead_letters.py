"""Dead-lettered reports."""

from __future__ import annotations

import json
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from tests.support.client import Client
from tests.support.system import System

NONE = {"from": "2030-01-01"}


def abandon(client: Client, report_id: str) -> None:
    """Invokes the dead-letter function with a report's message, as after its last attempt."""
    body = json.dumps({"tenant_id": "demo", "report_id": report_id})
    record = {"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs", "receiptHandle": "1"}
    client.invoke_function("DeadLetterFunction", json.dumps({"Records": [record]}).encode())
    assert client.show(report_id)["status"] == "FAILED"


def kill(system: System, admin: Connection[TupleRow], report_id: UUID) -> None:
    """Dead-letters a report that was just requested, as after its last attempt."""
    record = next(record for record in system.receive() if str(report_id) in record["body"])
    admin.execute(
        "UPDATE resma.reports SET attempt = attempts_allowed, error_code = 'database-busy', error_detail = 'why'"
        " WHERE report_id = %s",
        (report_id,),
    )
    assert system.abandon(record)
    system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=record["receiptHandle"])
