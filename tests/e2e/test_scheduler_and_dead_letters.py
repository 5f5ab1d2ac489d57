"""The scheduler's cleanup and the dead-letter function on the whole stack."""

from __future__ import annotations

from tests.support.client import Client
from tests.support.dead_letters import NONE, abandon
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults
from tests.support.use_permissions import make_expired_report


def test_the_file_and_the_open_upload_of_an_expired_report_are_removed(client: Client) -> None:
    report = make_expired_report(client)
    assert client.show(report["id"])["status"] == "EXPIRED"
    assert client.http("GET", report["links"]["download"]).status == 410


def test_a_dead_lettered_message_is_recorded(client: Client, faults: Faults) -> None:
    client.wait_for_empty_queues()
    with faults.sqs.failing(Fault("refuse")):
        report_id = client.request_report("CSV", NONE)
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", report_id)
    abandon(client, report_id)
