"""The access log: who requested, downloaded, held and deleted a report, and where its files and webhooks went."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import webhook.deliver
from infra.paths import ROOT
from resma.access.caller import SCOPES
from resma.report.content import MASK
from tests.support.destinations import create_bucket, create_destination, deliver_report, deliveries_of, make_due
from tests.support.system import KMS_KEY, ActAs, System
from webhook.post_signed import AttemptResult

REQUEST = {"type": "TRANSACTIONS", "format": "CSV", "callbackUrl": "https://customer.example/hook?token=secret"}
PERSON = "maria@bank.example"
WITHOUT_PERSONAL = SCOPES - {"personal:read"}


@pytest.fixture(autouse=True)
def _receiver(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A receiver that refuses the first webhook and accepts the others."""
    statuses = iter([503])
    monkeypatch.setattr(webhook.deliver, "post_signed", lambda *_: AttemptResult(next(statuses, 204), None, 1))
    yield
    admin.execute("DELETE FROM resma.api_keys")
    admin.execute("DELETE FROM resma.download_links")
    admin.execute("UPDATE resma.tenants SET kms_key = NULL")


def access(system: System, report_id: UUID | str, key: str | None = None, **query: Any) -> Any:
    """Returns the access log of a report."""
    path = f"/api/v1/reports/{report_id}/access"
    send = system.call_api if key is None else (lambda *given, **more: system.call_with(key, *given, **more))
    status, _, body = send("GET", path, query={name: str(value) for name, value in query.items()} or None)
    assert status == 200, body
    return body


def ready(system: System, key: str | None = None) -> str:
    """Generates a report with a callback, makes one attempt at its webhook, and returns the id of the report."""
    send = system.call_api if key is None else (lambda *given, **more: system.call_with(key, *given, **more))
    status, _, made = send("POST", "/api/v1/reports/generate", REQUEST)
    assert status == 202, made
    assert system.work_once()
    for envelope in system.events():
        system.deliver(envelope)
    return str(made["id"])


def test_everything_about_a_report_is_listed_newest_first(system: System, admin: Connection[TupleRow]) -> None:
    key = system.make_key(*SCOPES, name="Nightly export")
    key_id = key.split("_")[1]
    report_id = ready(system, key)
    assert system.call_with(key, "GET", f"/api/v1/reports/{report_id}/download")[0] == 303
    (delivery,) = system.call_with(key, "GET", f"/api/v1/reports/{report_id}/deliveries")[2]["items"]
    replay = f"/api/v1/webhook-deliveries/{delivery['eventId']}/callback/replay"
    assert system.call_with(key, "POST", replay)[0] == 202

    log = access(system, report_id, key)
    assert log["next"] is None
    found = [(entry["action"], entry["subject"], entry["ipAddress"], entry["outcome"]) for entry in log["items"]]
    assert found == [
        ("WEBHOOK_REPLAYED", f"key:{key_id}", "203.0.113.9", "SUCCEEDED"),
        ("LINK_CREATED", f"key:{key_id}", "203.0.113.9", "SUCCEEDED"),
        *sorted(
            [
                ("WEBHOOK_SENT", "webhook:callback", None, "FAILED"),
                ("LINK_CREATED", "webhook:callback", None, "SUCCEEDED"),
            ]
        ),
        ("REQUESTED", f"key:{key_id}", None, "SUCCEEDED"),
    ]
    requested = log["items"][-1]
    assert (requested["keyId"], requested["keyName"], requested["format"]) == (key_id, "Nightly export", "CSV")
    download = log["items"][1]
    assert (download["format"], download["objectKey"]) == ("CSV", system.objects()[0])
    assert download["linkExpiresAt"] > download["occurredAt"]
    (sent,) = [entry for entry in log["items"] if entry["action"] == "WEBHOOK_SENT"]
    assert (sent["endpointId"], sent["secretVersion"], sent["statusCode"]) == ("callback", 1, 503)
    assert sent["url"] == "https://customer.example/hook?…"


def test_cancelled_and_retried_reports_are_listed(system: System, admin: Connection[TupleRow]) -> None:
    report_id = str(system.request_report(format="CSV"))
    assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
    assert [entry["action"] for entry in access(system, report_id)["items"]] == ["CANCELLED", "REQUESTED"]
    status, _, retried = system.call_api("POST", f"/api/v1/reports/{report_id}/retry")
    assert status == 202
    assert [entry["action"] for entry in access(system, retried["id"])["items"]] == ["REQUESTED"]


def test_a_deleted_report_keeps_its_downloads_and_its_deletion(system: System) -> None:
    report_id = ready(system)
    assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 303
    assert system.call_api("DELETE", f"/api/v1/reports/{report_id}")[0] == 200
    entries = access(system, report_id)["items"]
    assert [(entry["action"], entry["subject"]) for entry in entries] == [
        ("DELETED", "loopback"),
        ("LINK_CREATED", "loopback"),
        ("LINK_CREATED", "webhook:callback"),
        ("REQUESTED", None),
    ]


def deliver_again(system: System, admin: Connection[TupleRow]) -> None:
    """Makes the next attempts of pending deliveries, as the scheduler triggers them."""
    make_due(admin)
    system.run_scheduler()
    system.deliver_files()


def test_holds_and_deleted_files_are_listed_with_their_callers(system: System) -> None:
    key = system.make_key(*SCOPES)
    report_id = str(system.request_report(format="CSV"))
    assert system.work_once()
    path = f"/api/v1/reports/{report_id}"
    assert system.call_with(key, "PUT", f"{path}/hold", {"reason": "Case 7"})[0] == 200
    assert system.call_with(key, "DELETE", f"{path}/files")[0] == 409
    assert system.call_api("DELETE", f"{path}/hold")[0] == 200
    assert system.call_with(key, "DELETE", f"{path}/files")[0] == 200
    subject = f"key:{key.split('_')[1]}"
    held = [
        ("HOLD_RELEASED", "loopback", "127.0.0.1", "Case 7"),
        ("HOLD_PLACED", subject, "203.0.113.9", "Case 7"),
    ]
    entries = access(system, report_id)["items"]
    assert [(entry["action"], entry["subject"], entry["ipAddress"], entry["detail"]) for entry in entries] == [
        ("FILES_DELETED", subject, "203.0.113.9", None),
        *held,
        ("REQUESTED", "loopback", None, None),
    ]
    assert entries[0]["keyName"] == "test"
    # A hold remains on record after its report.
    assert system.call_api("DELETE", path)[0] == 200
    entries = access(system, report_id)["items"]
    assert [entry["action"] for entry in entries] == ["DELETED", "HOLD_RELEASED", "HOLD_PLACED", "REQUESTED"]
    assert {(entry["kmsKey"], entry["pdfEncrypted"]) for entry in entries} == {(None, None)}


@pytest.mark.parametrize(("delete_records", "action"), [(False, "FILES_DELETED"), (True, "DELETED")])
def test_an_erasure_is_listed_for_each_report(
    system: System, admin: Connection[TupleRow], delete_records: bool, action: str
) -> None:
    accounts = admin.execute("SELECT account_id FROM bank.transactions WHERE tenant_id = 'demo' LIMIT 1").fetchall()
    account = accounts[0][0]
    filters = {"from": "2024-01-01", "account": account}
    report_id = system.request_report(type="ACCOUNT_STATEMENT", format="CSV", filters=filters)
    assert system.work_once()
    body = {"type": "ACCOUNT_STATEMENT", "filters": {"account": account}, "dryRun": False}
    assert system.call_api("POST", "/api/v1/erasures", {**body, "deleteRecords": delete_records})[0] == 200
    newest = access(system, report_id)["items"][0]
    assert (newest["action"], newest["subject"], newest["ipAddress"]) == (action, "loopback", "127.0.0.1")


def test_deliveries_are_listed_with_destination_file_and_error(system: System, admin: Connection[TupleRow]) -> None:
    """A replay that fails does not remove the entry of a file that was delivered before."""
    destination = create_destination(system)
    report_id = deliver_report(system, destination["id"])["id"]
    create_bucket(system)
    deliver_again(system, admin)
    (delivery,) = deliveries_of(system, report_id)
    name = delivery["files"][0]["name"]
    system.s3.delete_object(Bucket="partner-reports", Key=f"demo/{name}")
    system.s3.delete_bucket(Bucket="partner-reports")
    replay = f"/api/v1/file-deliveries/{delivery['id']}/replay"
    assert system.call_api("POST", replay)[0] == 202
    deliver_again(system, admin)
    # Tests of destinations deliver files of no report, which are in no log.
    assert system.call_api("POST", f"/api/v1/destinations/{destination['id']}/test")[0] == 202

    entries = access(system, report_id)["items"]
    subject = f"destination:{destination['id']}"
    found = [
        (entry["action"], entry["subject"], entry["outcome"], entry["errorCode"], entry["fileName"])
        for entry in entries
    ]
    assert found == [
        ("DELIVERY_ATTEMPTED", subject, "FAILED", "destination-missing", None),
        ("DELIVERY_REPLAYED", "loopback", "SUCCEEDED", None, None),
        ("FILE_DELIVERED", subject, "SUCCEEDED", None, name),
        ("DELIVERY_ATTEMPTED", subject, "SUCCEEDED", None, None),
        ("DELIVERY_ATTEMPTED", subject, "FAILED", "destination-missing", None),
        ("REQUESTED", "loopback", "SUCCEEDED", None, None),
    ]
    assert {(entry["destinationId"], entry["destinationName"]) for entry in entries[:-1]} == {
        (destination["id"], "Partner")
    }
    assert "partner-reports" in entries[0]["detail"]
    assert entries[1]["ipAddress"] == "127.0.0.1"


def test_an_interrupted_delivery_is_pending_and_a_long_one_continued(
    system: System, admin: Connection[TupleRow]
) -> None:
    create_bucket(system)
    report_id = deliver_report(system, create_destination(system)["id"])["id"]
    shown = {}
    for outcome in ("CONTINUED", None):
        admin.execute("UPDATE resma.file_delivery_attempts SET outcome = %s", (outcome,))
        attempted = [entry for entry in access(system, report_id)["items"] if entry["action"] == "DELIVERY_ATTEMPTED"]
        shown[outcome] = [entry["outcome"] for entry in attempted]
    assert shown == {"CONTINUED": ["CONTINUED"], None: ["PENDING"]}


def test_entries_say_how_the_files_are_encrypted(system: System, admin: Connection[TupleRow]) -> None:
    plain = system.request_report(format="CSV")
    assert system.work_once()
    admin.execute("UPDATE resma.tenants SET kms_key = %s WHERE tenant_id = 'demo'", (KMS_KEY,))
    options = {"pdf": {"password": "umbrella-2024"}}
    encrypted = system.request_report(format="PDF", options=options, filters={"from": "2024-03-01", "to": "2024-03-31"})
    assert system.work_once()
    for report_id, expected in ((plain, (None, False)), (encrypted, (KMS_KEY, True))):
        assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 303
        entries = access(system, report_id)["items"]
        assert [(entry["action"], entry["kmsKey"], entry["pdfEncrypted"]) for entry in entries] == [
            ("LINK_CREATED", *expected),
            ("REQUESTED", *expected),
        ]


def test_callers_of_holds_deletions_and_replays_are_masked_without_personal_read(
    system: System, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    create_bucket(system)
    report_id = deliver_report(system, create_destination(system)["id"])["id"]
    (delivery,) = deliveries_of(system, report_id)
    path = f"/api/v1/reports/{report_id}"
    assert system.call_api("POST", f"/api/v1/file-deliveries/{delivery['id']}/replay")[0] == 202
    assert system.call_api("PUT", f"{path}/hold", {"reason": "Case 7"})[0] == 200
    assert system.call_api("DELETE", f"{path}/hold")[0] == 200
    assert system.call_api("DELETE", f"{path}/files")[0] == 200
    token = f"token:{PERSON}"
    admin.execute("UPDATE resma.file_delivery_replays SET requested_by = %s", (token,))
    admin.execute("UPDATE resma.holds SET placed_by = %s, released_by = %s", (token, token))
    admin.execute("UPDATE resma.reports SET files_deleted_by = %s", (token,))
    actions = {"DELIVERY_REPLAYED", "HOLD_PLACED", "HOLD_RELEASED", "FILES_DELETED"}

    def shown() -> set[tuple[str, str, str]]:
        entries = [entry for entry in access(system, report_id)["items"] if entry["action"] in actions]
        return {(entry["action"], entry["subject"], entry["ipAddress"]) for entry in entries}

    assert shown() == {(action, token, "127.0.0.1") for action in actions}
    as_tenant("demo", WITHOUT_PERSONAL)
    assert shown() == {(action, f"token:{MASK}", MASK) for action in actions}
    as_tenant("other")
    assert system.call_api("GET", f"{path}/access")[0] == 404


def test_pages_show_each_entry_once(system: System, admin: Connection[TupleRow]) -> None:
    """Entries with the same timestamp are in a fixed order."""
    report_id = ready(system)
    for _ in range(5):
        assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 303
    admin.execute("UPDATE resma.download_links SET minted_at = '2026-01-01'")
    whole = access(system, report_id)["items"]
    paged: list[Any] = []
    page = access(system, report_id, limit=2)
    while True:
        assert len(page["items"]) <= 2
        paged += page["items"]
        if page["next"] is None:
            break
        page = access(system, report_id, **dict(parse_qsl(urlsplit(page["next"]).query)))
    assert paged == whole
    assert len(paged) == 8
    status, _, problem = system.call_api("GET", f"/api/v1/reports/{report_id}/access", query={"cursor": "1.x"})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/cursor")


def test_persons_and_addresses_are_masked_without_personal_read(
    system: System, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    """In the access log, the deliveries, the report and lists. Keys, schedules and the caller itself are shown."""
    report_id = ready(system)
    assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 303
    (delivery,) = system.call_api("GET", f"/api/v1/reports/{report_id}/deliveries")[2]["items"]
    assert system.call_api("POST", f"/api/v1/webhook-deliveries/{delivery['eventId']}/callback/replay")[0] == 202
    for column, table in (("requested_by", "reports"), ("requested_by", "webhook_replays")):
        admin.execute(f"UPDATE resma.{table} SET {column} = 'token:{PERSON}'".encode())
    admin.execute(f"UPDATE resma.download_links SET subject = 'token:{PERSON}' WHERE subject = 'loopback'".encode())

    def shown() -> list[Any]:
        report = system.call_api("GET", f"/api/v1/reports/{report_id}")[2]
        (listed,) = system.call_api("GET", "/api/v1/reports")[2]["items"]
        (delivery,) = system.call_api("GET", f"/api/v1/reports/{report_id}/deliveries")[2]["items"]
        (again,) = system.call_api("GET", "/api/v1/webhook-endpoints/callback/deliveries")[2]["items"]
        entries = [entry for entry in access(system, report_id)["items"] if entry["action"] != "WEBHOOK_SENT"]
        people = {entry["subject"] for entry in entries} - {"webhook:callback"}
        addresses = {entry["ipAddress"] for entry in entries} - {None}
        for replay in (delivery["replays"][0], again["replays"][0]):
            people.add(replay["requestedBy"])
            addresses.add(replay["requestedFrom"])
        return [people | {report["requestedBy"], listed["requestedBy"]}, addresses]

    search = {"requestedBy": f"token:{PERSON}"}
    as_tenant("demo", SCOPES)
    assert shown() == [{f"token:{PERSON}"}, {"127.0.0.1"}]
    assert len(system.call_api("GET", "/api/v1/reports", query=search)[2]["items"]) == 1
    as_tenant("demo", WITHOUT_PERSONAL)
    assert shown() == [{f"token:{MASK}"}, {MASK}]
    assert system.call_api("GET", "/api/v1/reports", query=search)[0] == 403
    assert system.call_api("GET", "/api/v1/reports", query={"requestedBy": "key:x"})[0] == 200


def test_the_sql_of_the_page_runs(system: System, admin: Connection[TupleRow]) -> None:
    report_id = ready(system)
    page = (ROOT / "docs" / "access-log.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^    BEGIN;\n(.*?)^    COMMIT;$", page, re.MULTILINE | re.DOTALL)
    configure, select = block.replace("north-bank", "demo").strip().rstrip(";").split(";")
    with admin.transaction():
        admin.execute(configure.encode())
        rows = admin.execute(select.encode()).fetchall()
    assert ("REQUESTED", "TRANSACTIONS", report_id) in [(row[1], row[4], str(row[5])) for row in rows]


def test_another_tenant_has_no_access(system: System, as_tenant: ActAs) -> None:
    report_id = ready(system)
    as_tenant("other")
    status, _, problem = system.call_api("GET", f"/api/v1/reports/{report_id}/access")
    assert (status, problem["type"]) == (404, "urn:resma:problem:report-not-found")
    as_tenant("demo", frozenset({"reports:write"}))
    assert system.call_api("GET", f"/api/v1/reports/{report_id}/access")[0] == 403
