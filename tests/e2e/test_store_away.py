"""The object store fails in mid-report: the report comes late, but whole, and nothing half is ever to be seen."""

from __future__ import annotations

from tests.support.client import Client, require_no_file, require_one_whole_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults

ALL = {"from": "2024-01-01"}
PART = b"partNumber="
"""What the address of every upload of a part contains."""


def test_refused_parts_are_tried_again_and_nothing_is_seen_in_between(client: Client, faults: Faults) -> None:
    with faults.s3.failing(Fault("refuse", when=PART)) as fault:
        report_id = client.ask("CSV", ALL)
        fault.wait_for_fault()
        report = eventually(
            "the first attempt has failed",
            lambda: found if (found := client.show(report_id))["error"] else None,
        )
        assert report is not None
        assert (report["error"]["code"], report["links"]["download"]) == ("object-store-unavailable", None)
        assert report["waitingFor"]["dependency"] == "object-store"
        require_no_file(client, report_id)
        assert client.http("GET", f"/api/v1/reports/{report_id}/download").status == 409
    report = client.await_status(report_id, "READY")
    assert report["attempt"] > 1
    assert (report["error"], report["waitingFor"]) == (None, None)
    require_one_whole_file(client, report)


def test_a_store_that_goes_away_for_good_leaves_an_upload_that_the_next_attempt_ends(
    client: Client, faults: Faults
) -> None:
    with faults.s3.failing(Fault("refuse", when=PART, everywhere=True)) as fault:
        report_id = client.ask("CSV", ALL)
        fault.wait_for_fault()
        eventually("the first attempt has failed", lambda: client.show(report_id)["error"])
        assert client.objects(report_id) == []
        assert len(client.open_uploads(report_id)) == 1, "it could not be aborted: the store was away"
    report = client.await_status(report_id, "READY")
    assert report["attempt"] > 1
    require_one_whole_file(client, report)


def test_a_line_that_breaks_in_mid_part_is_mended_without_another_attempt(client: Client, faults: Faults) -> None:
    with faults.s3.failing(Fault("cut", when=PART, after_bytes=500_000)) as fault:
        report_id = client.ask("CSV", ALL)
        fault.wait_for_fault()
    report = client.await_status(report_id, "READY")
    assert report["attempt"] == 1
    require_one_whole_file(client, report)


def test_a_lost_answer_to_the_completion_is_no_failure(client: Client, faults: Faults) -> None:
    # The request that completes is the only POST with an upload's id; it goes through, its answer does not.
    with faults.s3.failing(Fault("cut", when=b"<CompleteMultipartUpload")) as fault:
        report_id = client.ask("CSV", ALL)
        fault.wait_for_fault()
    report = client.await_status(report_id, "READY")
    require_one_whole_file(client, report)
