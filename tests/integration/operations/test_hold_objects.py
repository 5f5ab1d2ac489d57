"""The scheduler gives the objects of held reports the legal hold of a bucket with Object Lock."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError
from psycopg import Connection
from psycopg.rows import TupleRow

import scheduler.app
import scheduler.hold_objects
from tests.support.system import System


@pytest.fixture
def locked(system: System) -> System:
    """The system with a bucket that has Object Lock."""
    system.bucket = "locked-reports"
    system.s3.create_bucket(Bucket=system.bucket, ObjectLockEnabledForBucket=True)
    os.environ["BUCKET"] = system.bucket
    return system


def _held(system: System, **request: Any) -> UUID:
    report_id = system.request_report(**{"format": "CSV", **request})
    assert system.work_once()
    _call(system, "PUT", report_id, "/hold", {"reason": "Case 1"})
    return report_id


def _call(system: System, method: str, report_id: UUID, path: str, body: Any = None) -> None:
    status, _, answer = system.call_api(method, f"/api/v1/reports/{report_id}{path}", body)
    assert status == 200, answer


def _legal_holds(system: System) -> set[str]:
    holds = set()
    for key in system.objects():
        try:
            answer = system.s3.get_object_legal_hold(Bucket=system.bucket, Key=key)
        except ClientError:
            holds.add("OFF")
        else:
            holds.add(answer["LegalHold"]["Status"])
    return holds


def test_objects_of_held_reports_have_the_legal_hold_of_the_store(
    locked: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler.hold_objects, "OBJECTS_AT_ONCE", 1)
    report_id = _held(locked, format=None, formats=["CSV", "NDJSON"])
    assert locked.run_scheduler()["holds_changed"] == 1
    assert _legal_holds(locked) == {"ON"}
    assert locked.run_scheduler()["holds_changed"] == 0

    _call(locked, "DELETE", report_id, "/hold")
    status, _, problem = locked.call_api("DELETE", f"/api/v1/reports/{report_id}/files")
    assert (status, problem["type"]) == (409, "urn:resma:problem:report-held"), "its objects still have the hold"
    assert locked.run_scheduler()["holds_changed"] == 1
    assert _legal_holds(locked) == {"OFF"}
    _call(locked, "DELETE", report_id, "/files")


def test_a_hold_that_is_placed_again_before_the_objects_are_released_stays(locked: System) -> None:
    report_id = _held(locked)
    locked.run_scheduler()
    _call(locked, "DELETE", report_id, "/hold")
    _call(locked, "PUT", report_id, "/hold", {"reason": "Case 2"})
    locked.run_scheduler()
    assert _legal_holds(locked) == {"ON"}


@pytest.mark.parametrize(("status", "reports_tried"), [(403, 2), (503, 1)])
def test_objects_that_the_store_refuses_are_tried_again(
    locked: System, monkeypatch: pytest.MonkeyPatch, status: int, reports_tried: int
) -> None:
    """A run continues with other reports after a refusal, and stops if the store cannot serve requests."""
    monkeypatch.setattr(scheduler.hold_objects, "AT_ONCE", 1)
    report_id = _held(locked)
    _held(locked)
    response: Any = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    tried = []

    def refuse(**request: Any) -> None:
        tried.append(request["Key"])
        raise ClientError(response, "PutObjectLegalHold")

    with monkeypatch.context() as patched:
        patched.setattr(scheduler.app._resources().s3, "put_object_legal_hold", refuse)
        assert locked.run_scheduler()["holds_changed"] == 0
    assert len(tried) == reports_tried
    released, _, _ = locked.call_api("DELETE", f"/api/v1/reports/{report_id}/hold")
    assert released == 200
    _call(locked, "PUT", report_id, "/hold", {"reason": "Case 1"})
    assert locked.run_scheduler()["holds_changed"] == 2
    assert _legal_holds(locked) == {"ON"}


def test_a_bucket_without_object_lock_needs_nothing(system: System, admin: Connection[TupleRow]) -> None:
    report_id = _held(system)
    assert system.run_scheduler()["holds_changed"] == 0
    _call(system, "DELETE", report_id, "/hold")
    assert admin.execute("SELECT hold_due, objects_held FROM resma.reports").fetchall() == [(False, False)]
    _call(system, "DELETE", report_id, "/files")
