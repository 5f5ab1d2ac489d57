"""No response shows other persons to a caller without `personal:read`: subjects, IP addresses and e-mail addresses.

Callers with `destinations:manage` see whole addresses where they work with them: settings, suppressed addresses, and
user ids of certificates.

Persons are written into every column for them, which is found in the database's own catalog, and all GET operations of
the OpenAPI document are called. A route or column that is added without a mask fails this test.
"""

from __future__ import annotations

import json
import re

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.access.caller import SCOPES, Caller, hide_emails
from tests.support.certificates import sample_certificate
from tests.support.dead_letters import kill
from tests.support.destinations import create_bucket, create_destination, deliver_report, deliveries_of
from tests.support.system import ActAs, System
from tests.support.webhook_endpoints import call, register

PERSON, ADDRESS, RECIPIENT = "token:maria@bank.example", "192.0.2.77", "joao@bank.example"

FILES, DEAD_LETTER = "/api/v1/reports/{reportId}/files", "/api/v1/dead-letters/{reportId}"
"""Operations that do not exist for this report, which is not split, and those of another report."""

SHOWING = {
    "/api/v1/api-keys",
    "/api/v1/certificates",
    "/api/v1/dead-letters/{reportId}",
    "/api/v1/destinations",
    "/api/v1/destinations/{destinationId}",
    "/api/v1/destinations/{destinationId}/deliveries",
    "/api/v1/file-deliveries/{deliveryId}",
    "/api/v1/reports",
    "/api/v1/reports/{reportId}",
    "/api/v1/reports/{reportId}/access",
    "/api/v1/reports/{reportId}/deliveries",
    "/api/v1/reports/{reportId}/file-deliveries",
    "/api/v1/reports/{reportId}/holds",
    "/api/v1/schedules",
    "/api/v1/schedules/{scheduleId}",
    "/api/v1/schedules/{scheduleId}/runs",
    "/api/v1/suppressed-addresses",
    "/api/v1/webhook-endpoints/{endpointId}/deliveries",
}
"""Operations whose responses show the planted persons to a caller with the scope."""


def test_no_response_shows_persons_without_the_scope(
    system: System, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    ids = _use_everything(system) | {"deadLetter": _dead_letter(system, admin)}
    _plant(admin)
    document = system.call_api("GET", "/openapi.json")[2]
    paths = [path for path, methods in document["paths"].items() if "get" in methods and path.startswith("/api/")]

    def showing(*hidden: str) -> set[str]:
        found = set()
        for path in paths:
            url = path if path != DEAD_LETTER else path.replace("{reportId}", ids["deadLetter"])
            status, _, body = system.call_api("GET", re.sub(r"{(\w+)}", lambda name: ids[name[1]], url))
            # Downloads of personal data are refused without the scope.
            assert status < 400 or path.startswith(FILES) or (status == 403 and path.endswith("/download")), body
            if any(text in json.dumps(body) for text in hidden):
                found.add(path)
        return found

    as_tenant("demo")
    assert showing(PERSON, ADDRESS, RECIPIENT) == SHOWING
    as_tenant("demo", SCOPES - {"personal:read"})
    assert showing("maria", ADDRESS, "joao") == set()


def test_the_part_of_an_address_before_the_sign_is_hidden_in_texts() -> None:
    caller = Caller("demo", "key:1", SCOPES - {"personal:read"})
    text = "REFUSED: 550 5.1.1 <joao.silva+x@bank.example>: unknown; tried a.o'neil@b, 'ünï@bank.example', and @c"
    hidden = "REFUSED: 550 5.1.1 <****@bank.example>: unknown; tried ****@b, '****@bank.example', and @c"
    assert hide_emails(caller, text) == hidden
    assert hide_emails(caller, "o'neil@bank.example") == "****@bank.example"
    assert hide_emails(caller, None) is None
    assert hide_emails(Caller("demo", "key:1", SCOPES), text) == text


def _use_everything(system: System) -> dict[str, str]:
    """Makes rows in the tables that record persons; returns the parameters of paths."""
    create_bucket(system)
    destination = create_destination(system)
    endpoint = register(system)
    report = deliver_report(system, destination["id"])
    for envelope in system.events():
        system.deliver(envelope)
    path = f"/api/v1/reports/{report['id']}"
    (delivery,) = deliveries_of(system, report["id"])
    call(system, "POST", f"/api/v1/file-deliveries/{delivery['id']}/replay")
    (webhook,) = call(system, "GET", f"{path}/deliveries")["items"]
    call(system, "POST", f"/api/v1/webhook-deliveries/{webhook['eventId']}/{endpoint['id']}/replay")
    call(system, "PUT", f"{path}/hold", {"reason": "Case 7"})
    call(system, "POST", "/api/v1/api-keys", {"name": "x", "scopes": ["reports:read"]})
    call(system, "POST", "/api/v1/certificates", {"name": "x", "certificate": sample_certificate()})
    schedule = {"name": "x", "request": {"type": "TRANSACTIONS", "format": "CSV"}, "when": "daily"}
    schedule_id = call(system, "POST", "/api/v1/schedules", schedule)["id"]
    call(system, "POST", f"/api/v1/schedules/{schedule_id}/run")
    return {
        "reportId": report["id"],
        "number": "1",
        "destinationId": destination["id"],
        "deliveryId": delivery["id"],
        "endpointId": endpoint["id"],
        "scheduleId": schedule_id,
    }


def _dead_letter(system: System, admin: Connection[TupleRow]) -> str:
    """Returns the id of a report whose last attempt failed, was redriven, and failed again."""
    report_id = system.request_report(format="CSV")
    kill(system, admin, report_id)
    call(system, "POST", f"/api/v1/dead-letters/{report_id}/redrive")
    kill(system, admin, report_id)
    return str(report_id)


def _plant(admin: Connection[TupleRow]) -> None:
    """Writes persons into each column of the schema that records one, and into answers of a mail server."""
    columns = admin.execute(
        "SELECT table_name, column_name, column_name ~ '_by$|^owner$|^subject$'"
        " FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'resma' AND table_type = 'BASE TABLE' AND data_type = 'text'"
        "   AND column_name ~ '_by$|^owner$|^subject$|_from$' AND column_name <> ALL (%s)",
        (["signed_by", "replaced_by"],),
    ).fetchall()
    assert len(columns) > 15, columns
    tables = sql.SQL("resma.{}").format
    for table, column, is_subject in columns:
        admin.execute(
            sql.SQL("UPDATE {} SET {} = %s WHERE {} IS NOT NULL").format(
                tables(sql.Identifier(table)), sql.Identifier(column), sql.Identifier(column)
            ),
            (PERSON if is_subject else ADDRESS,),
        )
    admin.execute("UPDATE resma.download_links SET address = %s", (ADDRESS,))
    admin.execute("UPDATE resma.file_delivery_attempts SET error_detail = %s", (f"It refused {RECIPIENT}.",))
    admin.execute(
        "INSERT INTO resma.suppressed_addresses (tenant_id, address, reason, detail)"
        " VALUES ('demo', 'x@bank.example', 'BOUNCE', %s)",
        (f"550 5.1.1 <{RECIPIENT}>: unknown",),
    )
    for table in ("delivery_recipients", "delivery_recipient_log"):
        admin.execute(
            sql.SQL(
                "INSERT INTO {} (tenant_id, delivery_id, address, status, detail)"
                " SELECT tenant_id, delivery_id, %s, 'REFUSED', %s FROM resma.file_deliveries"
            ).format(tables(sql.Identifier(table))),
            (RECIPIENT, f"550 5.1.1 <{RECIPIENT}>: unknown"),
        )
