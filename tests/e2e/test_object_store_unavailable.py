"""The object store fails during a report: the report is late but complete, and no partial file is visible."""

from __future__ import annotations

from tests.support.client import Client, require_no_file, require_one_whole_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults

ALL = {"from": "2024-01-01"}
PART = b"partNumber="
"""Part of the URL of every UploadPart request."""


def test_refused_parts_are_retried_and_no_partial_file_is_visible(client: Client, faults: Faults) -> None:
    report_id = client.request_unsent_report(faults.sqs, "CSV", ALL)
    with faults.s3.failing(Fault("refuse", when=report_id.encode(), then=PART)) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
        report = eventually(
            "the first attempt has failed",
            lambda: report if (report := client.show(report_id))["error"] else None,
        )
        assert report is not None
        assert (report["error"]["code"], report["links"]["download"]) == ("object-store-unavailable", None)
        assert report["waitingFor"]["dependency"] == "object-store"
        require_no_file(client, report_id)
        assert client.http("GET", f"/api/v1/reports/{report_id}/download").status == 409
    report = client.wait_for_status(report_id, "READY")
    assert report["attempt"] > 1
    assert (report["error"], report["waitingFor"]) == (None, None)
    require_one_whole_file(client, report)


def test_an_upload_left_open_by_an_unavailable_store_is_aborted_by_the_next_attempt(
    client: Client, faults: Faults
) -> None:
    report_id = client.request_unsent_report(faults.sqs, "CSV", ALL)
    with faults.s3.failing(Fault("refuse", when=report_id.encode(), then=PART, everywhere=True)) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
        eventually("the first attempt has failed", lambda: client.show(report_id)["error"])
        assert client.objects(report_id) == []
        assert len(client.open_uploads(report_id)) == 1, "it could not be aborted, since the store was unavailable"
    report = client.wait_for_status(report_id, "READY")
    assert report["attempt"] > 1
    require_one_whole_file(client, report)


def test_a_connection_that_breaks_during_a_part_costs_no_attempt(client: Client, faults: Faults) -> None:
    report_id = client.request_unsent_report(faults.sqs, "CSV", ALL)
    with faults.s3.failing(Fault("cut", when=report_id.encode(), then=PART, after_bytes=500_000)) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
    report = client.wait_for_status(report_id, "READY")
    assert report["attempt"] == 1
    require_one_whole_file(client, report)


def test_a_lost_response_to_the_completion_is_not_a_failure(client: Client, faults: Faults) -> None:
    # The store gets the request that completes the upload, but its response is lost.
    report_id = client.request_unsent_report(faults.sqs, "CSV", ALL)
    with faults.s3.failing(Fault("cut", when=report_id.encode(), then=b"<CompleteMultipartUpload")) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
    report = client.wait_for_status(report_id, "READY")
    require_one_whole_file(client, report)
