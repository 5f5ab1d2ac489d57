"""Dead-lettered reports."""

from __future__ import annotations

import json

from tests.support.client import Client

NONE = {"from": "2030-01-01"}


def abandon(client: Client, report_id: str) -> None:
    """Invokes the dead-letter function with a report's message, as after its last attempt."""
    body = json.dumps({"tenant_id": "demo", "report_id": report_id})
    record = {"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs", "receiptHandle": "1"}
    client.invoke_function("DeadLetterFunction", json.dumps({"Records": [record]}).encode())
    assert client.show(report_id)["status"] == "FAILED"
