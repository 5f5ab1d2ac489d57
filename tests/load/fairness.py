"""`make fairness`: requests 300 small reports of one tenant, and then one of another tenant. REPORTS=300.

Prints how long the other tenant's report waited, and which functions sent the messages of jobs: if a function sends
messages to the queue that invokes it, Lambda stops it after about 16 as a recursive loop. The last line is one JSON
object. The exit code is 1 if a report was lost, or if a worker has sent a job.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from datetime import timedelta

import psycopg

from infra.admin.tenants import make_key
from infra.demo.load_demo_bank import load_demo_bank
from infra.local.stack import Options
from infra.paths import ROOT, STATE
from tests.load.post_many import A_DAY, post_many
from tests.support.client import GENERATE, Client, lift_quotas
from tests.support.eventually import eventually
from tests.support.local_stack import running_stack

NAME = os.environ.get("RESMA_LOAD_NAME", "fairness")
CALLS = STATE / NAME / "aws-calls.txt"
RECORDER = ROOT / "tests" / "support" / "recorder"
SECOND = "second-bank"


def main() -> int:
    """Runs the fairness test with the options of the environment; returns the exit code."""
    reports = int(os.environ.get("REPORTS") or 300)
    recorder = {"PYTHONPATH": str(RECORDER), "RESMA_CALLS_FILE": str(CALLS)}
    with running_stack(NAME, Options(front_door_port=None, function_environment=lambda _url: recorder)) as stack:
        url = stack.up.database_url
        load_demo_bank(url, 5_000)
        lift_quotas(url)
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO resma.tenants (tenant_id, name) VALUES (%s, 'Second Bank')", (SECOND,))
        key = make_key(url, SECOND, "load", ("reports:write",), timedelta(hours=1))
        client = Client(stack)
        figures = post_many(client, reports, 20, lambda: _request_report(client, key))
        eventually("the second tenant's report is READY", lambda: _waiting_seconds(client, SECOND, 1.0))
        summary = {
            "reports": reports,
            "lost": figures.lost + len(figures.refused),
            "sent_by": _senders(),
            "second_waited_s": _waiting_seconds(client, SECOND, 1.0),
            "first_waited_median_s": _waiting_seconds(client, "demo", 0.5),
            "first_waited_worst_s": _waiting_seconds(client, "demo", 1.0),
        }
        client.close()
    print(json.dumps(summary))
    return 0 if not summary["lost"] and not any("Worker" in name for name in _names(summary)) else 1


def _request_report(client: Client, key: str) -> None:
    answer = client.http("POST", GENERATE, json=A_DAY, headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 202, answer.data


def _waiting_seconds(client: Client, tenant_id: str, share: float) -> float | None:
    """Returns a percentile of the seconds from request to last attempt of a tenant's READY reports, if it has any."""
    ((seconds,),) = client.sql(
        "SELECT percentile_disc(%s) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at)::float8)"
        " FROM resma.reports WHERE tenant_id = %s AND status = 'READY'",
        share,
        tenant_id,
    )
    return None if seconds is None else round(float(seconds), 1)


def _senders() -> dict[str, int]:
    """Returns the number of messages that each function has sent to a queue, by the function's name."""
    lines = [line.split() for line in CALLS.read_text(encoding="utf-8").splitlines()]
    counted = Counter(name for name, service, operation in lines if (service, operation) == ("sqs", "SendMessage"))
    return dict(counted)


def _names(summary: dict[str, object]) -> list[str]:
    sent_by = summary["sent_by"]
    assert isinstance(sent_by, dict)
    return [str(name) for name in sent_by]


if __name__ == "__main__":
    sys.exit(main())
