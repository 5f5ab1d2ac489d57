"""POST /api/v1/erasures finds the reports that contain a person's data, and deletes them unless they are held."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import api.erasures.erase
from resma.access.caller import SCOPES
from tests.support.system import ActAs, System

ERASURES = "/api/v1/erasures"
DAYS = {"from": "2024-01-01"}


def erase(system: System, account: str, **more: Any) -> Any:
    """Sends an erasure of statements of an account; returns the response."""
    body = {"type": "ACCOUNT_STATEMENT", "filters": {"account": account}, **more}
    status, _, answer = system.call_api("POST", ERASURES, body)
    assert status == 200, answer
    return answer


def outcomes(answer: Any) -> dict[UUID, str]:
    """Returns the outcome of each report."""
    return {UUID(item["reportId"]): item["outcome"] for item in answer["items"]}


def accounts(admin: Connection[TupleRow]) -> list[str]:
    """Returns two accounts of the tenant `demo` that have transactions."""
    rows = admin.execute(
        "SELECT account_id FROM bank.transactions WHERE tenant_id = 'demo' GROUP BY account_id ORDER BY 1 LIMIT 2"
    ).fetchall()
    return [account for (account,) in rows]


def statement(system: System, account: str) -> UUID:
    """Generates the statement of an account."""
    report_id = system.request_report(type="ACCOUNT_STATEMENT", format="CSV", filters={**DAYS, "account": account})
    assert system.work_once()
    return report_id


def split(system: System) -> UUID:
    """Generates a report split by account, with a file for each account."""
    report_id = system.request_report(type="ACCOUNT_STATEMENT", format="CSV", filters=DAYS, splitBy=["account"])
    while records := system.receive():
        for record in records:
            system.work(record)
    assert system.show(report_id)["status"] == "READY"
    return report_id


def test_a_dry_run_lists_the_reports_and_deletes_nothing(system: System, admin: Connection[TupleRow]) -> None:
    mine, other = accounts(admin)
    own, _, shared = statement(system, mine), statement(system, other), split(system)
    answer = erase(system, mine)
    assert (answer["dryRun"], answer["hasMore"]) == (True, False)
    assert outcomes(answer) == {own: "FOUND", shared: "FOUND"}
    assert outcomes(erase(system, "no-such-account")) == {}
    assert {system.show(report_id)["status"] for report_id in (own, shared)} == {"READY"}


def test_files_of_the_person_are_deleted_and_held_reports_are_named_and_kept(
    system: System, admin: Connection[TupleRow]
) -> None:
    mine, other = accounts(admin)
    own, held, of_other, shared = (
        statement(system, mine),
        statement(system, mine),
        statement(system, other),
        split(system),
    )
    assert system.call_api("PUT", f"/api/v1/reports/{held}/hold", {"reason": "Case 1"})[0] == 200
    waiting = system.request_report(type="ACCOUNT_STATEMENT", format="CSV", filters={**DAYS, "account": mine})
    answer = erase(system, mine, dryRun=False)
    expected = {own: "FILES_DELETED", shared: "FILES_DELETED", held: "HELD", waiting: "IN_PROGRESS"}
    assert outcomes(answer) == expected
    assert [item["outcome"] for item in answer["items"]][:2] == ["FILES_DELETED"] * 2, "those that are kept are last"
    assert system.show(own)["filesDeletedBy"] == "loopback"
    assert (system.show(held)["status"], system.show(of_other)["status"]) == ("READY", "READY")
    admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour' WHERE status = 'EXPIRED'")
    system.run_scheduler()
    assert {key.split("/")[1] for key in system.objects()} == {str(held), str(of_other)}
    assert outcomes(erase(system, mine, dryRun=False)) == {held: "HELD", waiting: "IN_PROGRESS"}


def test_records_are_deleted_too_if_requested(system: System, admin: Connection[TupleRow]) -> None:
    mine, _ = accounts(admin)
    first, second = statement(system, mine), statement(system, mine)
    assert system.call_api("DELETE", f"/api/v1/reports/{first}/files")[0] == 200
    assert outcomes(erase(system, mine)) == {second: "FOUND"}
    answer = erase(system, mine, dryRun=False, deleteRecords=True)
    assert outcomes(answer) == {first: "REPORT_DELETED", second: "REPORT_DELETED"}
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)
    assert admin.execute("SELECT count(*) FROM resma.deleted_reports").fetchone() == (2,)


def test_many_reports_are_deleted_in_several_requests(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.erasures.erase, "MAX_REPORTS", 2)
    mine, _ = accounts(admin)
    for _ in range(3):
        statement(system, mine)
    first = erase(system, mine, dryRun=False)
    assert (len(first["items"]), first["hasMore"]) == (2, True)
    second = erase(system, mine, dryRun=False)
    assert (len(second["items"]), second["hasMore"]) == (1, False)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"filters": {"account": "1"}}, ["/type"]),
        ({"type": "ACCOUNT_STATEMENT", "filters": {}}, ["/filters"]),
        ({"type": "ACCOUNT_STATEMENT", "filters": {"who": "1", "account": 5}}, ["/filters/account", "/filters/who"]),
        ({"type": "NOPE", "filters": {"account": "1"}}, ["/type"]),
        ({"type": "ACCOUNT_STATEMENT", "filters": {"account": "1"}, "dryRun": "no"}, ["/dryRun"]),
    ],
)
def test_an_erasure_that_is_not_valid_is_rejected_with_all_errors(
    system: System, body: Any, pointers: list[str]
) -> None:
    status, _, problem = system.call_api("POST", ERASURES, body)
    assert (status, sorted(error["pointer"] for error in problem["errors"])) == (422, pointers)


def test_erasures_need_their_scope_and_find_only_reports_of_the_tenant(
    system: System, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    mine, _ = accounts(admin)
    report_id = statement(system, mine)
    as_tenant("other")
    assert outcomes(erase(system, mine, dryRun=False)) == {}
    as_tenant("demo", SCOPES - {"reports:delete"})
    body = {"type": "ACCOUNT_STATEMENT", "filters": {"account": mine}}
    assert system.call_api("POST", ERASURES, body)[0] == 403
    as_tenant("demo")
    assert system.show(report_id)["status"] == "READY"
