"""The objects of a tenant that has a KMS key are encrypted with it, however they are written."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.admin import access
from tests.support.cut_reports import Cuts
from tests.support.system import KMS_KEY, SECOND_KMS_KEY, System


@pytest.fixture(autouse=True)
def _restore_tenants(admin: Connection[TupleRow]) -> Any:
    yield
    admin.execute("UPDATE resma.tenants SET kms_key = NULL")


def use_key(admin: Connection[TupleRow], kms_key: str | None) -> None:
    """Sets the key of the tenant `demo`."""
    admin.execute("UPDATE resma.tenants SET kms_key = %s WHERE tenant_id = 'demo'", (kms_key,))


def keys_of_objects(system: System, report_id: UUID) -> set[str | None]:
    """Returns the keys that the objects of a report are encrypted with."""
    heads = [system.s3.head_object(Bucket=system.bucket, Key=key) for key in system.objects() if str(report_id) in key]
    return {head.get("SSEKMSKeyId") for head in heads}


def work_until_idle(system: System) -> None:
    """Handles all messages of the queue, also those that are sent meanwhile."""
    while records := system.receive():
        for record in records:
            system.work(record)


def test_every_object_of_the_tenant_is_encrypted_with_its_key(system: System, admin: Connection[TupleRow]) -> None:
    use_key(admin, KMS_KEY)
    report_id = system.request_report(formats=["CSV", "PDF"])
    assert system.work_once()
    assert keys_of_objects(system, report_id) == {KMS_KEY}
    assert system.show(report_id)["kmsKey"] == KMS_KEY
    assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 303


def test_small_objects_manifests_and_archives_are_encrypted_too(system: System, admin: Connection[TupleRow]) -> None:
    use_key(admin, KMS_KEY)
    more = {"splitBy": ["account"], "zip": True, "filters": {"from": "2024-01-01"}}
    report_id = system.request_report(type="ACCOUNT_STATEMENT", format="CSV", **more)
    work_until_idle(system)
    assert system.show(report_id)["status"] == "READY"
    assert len(system.objects()) > 10
    assert keys_of_objects(system, report_id) == {KMS_KEY}


def test_a_continued_report_keeps_the_key_that_it_started_with(
    system: System, admin: Connection[TupleRow], cuts: Cuts
) -> None:
    use_key(admin, KMS_KEY)
    report_id = system.request_report(format="CSV")
    cuts.end_invocation = lambda batches: batches == 1
    (record,) = system.receive()
    assert not system.work(record)
    use_key(admin, SECOND_KMS_KEY)
    assert keys_of_objects(system, report_id) == {KMS_KEY}, "the checkpoint"
    assert system.work(record)
    assert keys_of_objects(system, report_id) == {KMS_KEY}
    assert system.show(report_id)["kmsKey"] == KMS_KEY


def test_reports_of_tenants_without_a_key_have_the_encryption_of_the_bucket(
    system: System, admin: Connection[TupleRow]
) -> None:
    use_key(admin, KMS_KEY)
    first = system.request_report(format="CSV")
    assert system.work_once()
    use_key(admin, None)
    second = system.request_report(format="CSV")
    assert system.work_once()
    assert (keys_of_objects(system, first), keys_of_objects(system, second)) == ({KMS_KEY}, {None})
    assert system.show(second)["kmsKey"] is None


def test_a_key_that_is_not_listed_fails_the_report(system: System, admin: Connection[TupleRow]) -> None:
    use_key(admin, KMS_KEY.replace("/first", "/third"))
    report_id = system.request_report(format="CSV")
    system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["error"]["code"]) == ("FAILED", "kms-key-not-allowed")
    assert "KmsKeyArns" in report["error"]["detail"]
    assert system.objects() == []


def test_the_operator_sets_and_removes_the_key(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    database = ("--database", system.database_url)
    assert access.main([*database, "set-kms-key", "demo", KMS_KEY]) == 0
    assert access.main([*database, "list"]) == 0
    assert f"files are encrypted with {KMS_KEY}" in capsys.readouterr().out
    assert access.main([*database, "set-kms-key", "demo", "--none"]) == 0
    for wrong in ((), ("alias/demo",), (KMS_KEY, "--none")):
        assert access.main([*database, "set-kms-key", "demo", *wrong]) == 1
    assert "is not the ARN of a KMS key" in capsys.readouterr().err
    assert access.main([*database, "set-kms-key", "nobody", KMS_KEY]) == 1
