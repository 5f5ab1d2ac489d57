"""Webhook deliveries over real sockets: receivers, attempts, order and records."""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from standardwebhooks import Webhook, WebhookVerificationError

import webhook.app
from api.webhooks.make_due import replay_delivery
from infra.postgres.migrate import SYSTEM_TABLES, Migrations, migrate
from infra.servers.postgres import PostgresServer
from resma.errors import SecretUnavailableError
from resma.jobs.outcome import abandon_job
from resma.retry_pauses import BACKOFF
from tests.support.http_receivers import receiver, status
from tests.support.system import ActAs, FunctionContext, System
from tests.support.webhook_endpoints import ENDPOINTS, call, refused, register
from webhook.attempts import Delivery, claim_due_attempts, claim_first_attempts, record_result
from webhook.deliver import MAX_PARALLEL, MAX_PARALLEL_PER_TENANT
from webhook.post_signed import AttemptResult


@pytest.fixture(autouse=True)
def _loopback(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allows receivers on this machine, as in local development."""
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")


def make_report(system: System, callback: str | None = None, **request: Any) -> UUID:
    """Generates a report, and passes its event from the topic to the webhook function."""
    report_id = system.request_report(format="CSV", **({"callbackUrl": callback} if callback else {}), **request)
    assert system.work_once()
    for envelope in system.events():
        system.deliver(envelope)
    return report_id


def test_a_secret_that_can_not_be_read_uses_up_no_attempt(system: System, admin: Connection[TupleRow]) -> None:
    secrets, arn = boto3.client("secretsmanager"), os.environ["WEBHOOK_SECRET_ARN"]
    before = secrets.get_secret_value(SecretId=arn)["SecretString"]
    with receiver(status(200)) as got:
        secrets.put_secret_value(SecretId=arn, SecretString="no JSON")
        report_id = system.request_report(format="CSV", callbackUrl=got.url)
        assert system.work_once()
        (envelope,) = system.events()
        with pytest.raises(SecretUnavailableError):
            system.deliver(envelope)
        with pytest.raises(SecretUnavailableError):
            run_scheduler(admin)
        assert admin.execute("SELECT status, attempts FROM resma.webhook_deliveries").fetchall() == [("PENDING", 0)]
        secrets.put_secret_value(SecretId=arn, SecretString=before)
        assert run_scheduler(admin) == 1
        assert codes(deliveries(system, report_id)["callback"]) == [200]
        secrets.put_secret_value(SecretId=arn, SecretString="no JSON")
        webhook.app._resources().secret._read_at = -1000.0
        make_report(system, got.url)
        assert len(got.requests) == 2, "a secret that was read is used while it cannot be read again"


def run_scheduler(admin: Connection[TupleRow]) -> int:
    """Makes all pending deliveries due, and runs the function as scheduled. Returns the number of attempts."""
    admin.execute("UPDATE resma.webhook_deliveries SET next_attempt_at = clock_timestamp() WHERE status = 'PENDING'")
    return webhook.app.handler({}, FunctionContext())["attempts"]  # type: ignore[arg-type]


def deliveries(system: System, report_id: UUID) -> dict[str, Any]:
    """Returns a report's deliveries by endpoint id."""
    return {
        item["endpointId"]: item for item in call(system, "GET", f"/api/v1/reports/{report_id}/deliveries")["items"]
    }


def codes(delivery: Any) -> list[int | None]:
    """Returns the status codes of a delivery's attempts."""
    return [attempt["statusCode"] for attempt in delivery["attempts"]]


# ---------------------------------------------------------------- receivers


def test_callback_and_endpoints_are_notified_each_with_its_own_secret(system: System) -> None:
    with receiver(status(204)) as own, receiver(status(204)) as first, receiver(status(204)) as second:
        endpoints = [register(system, url=server.url) for server in (first, second)]
        report_id = make_report(system, own.url)
    secrets = [call(system, "GET", f"{ENDPOINTS}/callback/secret")["secret"]] + [each["secret"] for each in endpoints]
    assert len(set(secrets)) == 3
    for server, secret in zip((own, first, second), secrets, strict=True):
        (request,) = server.requests
        message = Webhook(secret).verify(request.body, request.headers)
        assert message["data"]["reportId"] == str(report_id)
        # The report shows personal columns, so only the callback of the requester gets the URL of its file.
        assert ("downloadUrl" in message["data"]) == (server is own)
        for others in set(secrets) - {secret}:
            with pytest.raises(WebhookVerificationError):
                Webhook(others).verify(request.body, request.headers)
    ids = {server.requests[0].headers["webhook-id"] for server in (own, first, second)}
    assert ids == {f"evt_{report_id.hex}"}, "all receivers get the same event id"
    delivery = deliveries(system, report_id)
    assert delivery.keys() == {"callback", *(each["id"] for each in endpoints)}
    assert {item["status"] for item in delivery.values()} == {"DELIVERED"}


def test_endpoints_receive_only_matching_events(system: System, admin: Connection[TupleRow]) -> None:
    url = "https://hooks.example.com/"
    wanted = {
        "all": {},
        "ready": {"events": ["report.ready", "report.cancelled"]},
        "failed": {"events": ["report.failed"]},
        "transactions": {"reportTypes": ["TRANSACTIONS"]},
        "audit": {"reportTypes": ["AUDIT_TRAIL"]},
        "off": {},
    }
    ids = {register(system, url=url, **wants)["id"]: name for name, wants in wanted.items()}
    (off,) = [endpoint_id for endpoint_id, name in ids.items() if name == "off"]
    call(system, "PATCH", f"{ENDPOINTS}/{off}", {"enabled": False})
    ready = system.request_report(format="CSV")
    assert system.work_once()
    failed = system.request_report(format="CSV")
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as connection:
        assert abandon_job(connection, "demo", failed)
    assert {ids[each] for each in deliveries(system, ready)} == {"all", "ready", "transactions"}
    assert {ids[each] for each in deliveries(system, failed)} == {"all", "failed", "transactions"}


def test_the_latest_event_is_sent_as_a_test_and_a_failing_endpoint_says_so(
    system: System, admin: Connection[TupleRow]
) -> None:
    with receiver(status(500)) as server:
        endpoint = register(system, url=server.url, events=["report.cancelled"])
        path = f"{ENDPOINTS}/{endpoint['id']}"
        assert refused(system, "POST", f"{path}/test") == (409, "webhook-event-missing", [])
        report_id = make_report(system)
        assert server.requests == []
        sent = call(system, "POST", f"{path}/test")
        assert (sent["reportId"], sent["status"], len(sent["replays"])) == (str(report_id), "PENDING", 1)
        assert (call(system, "GET", path)["failing"], call(system, "GET", path)["lastAttempt"]) == (False, None)
        assert run_scheduler(admin) == 1
        assert len(server.requests) == 1
        shown = call(system, "GET", path)
        assert (shown["failing"], shown["lastAttempt"]["statusCode"]) == (True, 500)
        call(system, "POST", f"{path}/test")  # once more, although it has a delivery already
        assert run_scheduler(admin) == 1
    listed = call(system, "GET", ENDPOINTS)["items"]
    assert [(each["id"], each["failing"]) for each in listed] == [("callback", False), (endpoint["id"], True)]
    assert refused(system, "POST", f"{ENDPOINTS}/callback/test") == (409, "webhook-endpoint-read-only", [])
    call(system, "PATCH", path, {"enabled": False})
    assert refused(system, "POST", f"{path}/test") == (409, "webhook-endpoint-disabled", [])


def test_other_tenants_are_not_notified(system: System, as_tenant: ActAs) -> None:
    as_tenant("other")
    with receiver(status(204)) as theirs:
        register(system, url=theirs.url)
        as_tenant("demo")
        report_id = make_report(system)
    assert deliveries(system, report_id) == {}
    assert theirs.requests == []
    as_tenant("other")
    assert refused(system, "GET", f"/api/v1/reports/{report_id}/deliveries")[:2] == (404, "report-not-found")


def test_during_a_rotation_both_secrets_verify(system: System, admin: Connection[TupleRow]) -> None:
    with receiver(status(204)) as server:
        endpoint = register(system, url=server.url)
        new = call(system, "POST", f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", {})["secret"]
        make_report(system)
        for secret in (endpoint["secret"], new):
            assert Webhook(secret).verify(server.requests[0].body, server.requests[0].headers)
        admin.execute("UPDATE resma.webhook_endpoints SET previous_version_until = clock_timestamp()")
        make_report(system)
    last = server.requests[1]
    assert Webhook(new).verify(last.body, last.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint["secret"]).verify(last.body, last.headers)


# ---------------------------------------------------------------- recorded attempts


def _by_turns(server_answers: list[int]) -> Any:
    def answer(connection: socket.socket) -> None:
        status(server_answers.pop(0))(connection)

    return answer


def test_all_attempts_are_recorded(system: System, admin: Connection[TupleRow]) -> None:
    with receiver(_by_turns([500, 302, 204])) as server:
        endpoint = register(system, url=server.url)
        report_id = make_report(system)
        pending = deliveries(system, report_id)[endpoint["id"]]
        assert (pending["status"], codes(pending), pending["deliveredAt"]) == ("PENDING", [500], None)
        assert pending["nextAttemptAt"] is not None
        assert [run_scheduler(admin), run_scheduler(admin), run_scheduler(admin)] == [1, 1, 0]
    delivered = deliveries(system, report_id)[endpoint["id"]]
    assert (delivered["status"], codes(delivered), delivered["nextAttemptAt"]) == ("DELIVERED", [500, 302, 204], None)
    assert [attempt["url"] for attempt in delivered["attempts"]] == [server.url] * 3
    assert {request.headers["webhook-id"] for request in server.requests} == {delivered["eventId"]}


def test_the_last_attempt_ends_the_delivery(system: System, admin: Connection[TupleRow]) -> None:
    with receiver(status(503)) as server:
        report_id = make_report(system, server.url)
        made = [run_scheduler(admin) for _ in range(len(BACKOFF) + 1)]
    assert made == [1] * len(BACKOFF) + [0]
    ended = deliveries(system, report_id)["callback"]
    assert (ended["status"], ended["endedReason"]) == ("FAILED", "attempts-exhausted")
    assert codes(ended) == [503] * (len(BACKOFF) + 1)


def test_410_disables_the_endpoint_and_ends_its_pending_deliveries(system: System, admin: Connection[TupleRow]) -> None:
    with receiver(_by_turns([500, 410])) as server:
        endpoint = register(system, url=server.url)
        path = f"{ENDPOINTS}/{endpoint['id']}"
        first = make_report(system)
        second = make_report(system)
        shown = call(system, "GET", path)
        assert (shown["enabled"], shown["disabledReason"]) == (False, "gone")
        assert shown["disabledAt"]
        ends = [deliveries(system, each)[endpoint["id"]]["endedReason"] for each in (first, second)]
        assert ends == ["endpoint-disabled", "gone"]
        assert deliveries(system, make_report(system)) == {}
        assert run_scheduler(admin) == 0
        assert len(server.requests) == 2
        call(system, "PATCH", path, {"enabled": True})
        assert run_scheduler(admin) == 0, "ended deliveries are not sent automatically"
        assert deliveries(system, system_report(system)).keys() == {endpoint["id"]}


def system_report(system: System) -> UUID:
    """Generates a report without passing its event to the webhook function."""
    report_id = system.request_report(format="CSV")
    assert system.work_once()
    return report_id


def test_a_410_of_the_previous_url_does_not_count(system: System, admin: Connection[TupleRow]) -> None:
    with receiver(status(204)) as new:
        endpoint = register(system)
        report_id = system_report(system)
        delivery = _claim_first(admin, report_id)
        call(system, "PATCH", f"{ENDPOINTS}/{endpoint['id']}", {"url": new.url})
        record_result(admin, delivery, AttemptResult(410, None, 1))
        assert call(system, "GET", f"{ENDPOINTS}/{endpoint['id']}")["enabled"]
        assert run_scheduler(admin) == 1
    delivery = deliveries(system, report_id)[endpoint["id"]]
    assert (delivery["status"], codes(delivery)) == ("DELIVERED", [410, 204])
    assert [attempt["url"] for attempt in delivery["attempts"]] == [endpoint["url"], new.url]


def test_410_of_a_callback_ends_that_delivery(system: System, admin: Connection[TupleRow]) -> None:
    with receiver(status(410)) as gone, receiver(status(204)) as server:
        report_id = make_report(system, gone.url)
        make_report(system, server.url)
    ended = deliveries(system, report_id)["callback"]
    assert (ended["status"], ended["endedReason"]) == ("FAILED", "gone")
    assert len(server.requests) == 1


def _claim_first(admin: Connection[TupleRow], report_id: UUID) -> Delivery:
    (delivery,) = claim_first_attempts(admin, "demo", f"evt_{report_id.hex}", 8)
    return delivery


@pytest.mark.parametrize(
    ("code", "header", "at_least", "at_most"),
    [
        (429, "Retry-After: 600", 600, 720),
        (503, "Retry-After: 600", 600, 720),
        (503, "retry-after: Fri, 31 Dec 2100 00:00:00 GMT", 86_400, 103_680),
        (503, "Retry-After: 1", 30, 36),
        (503, "Retry-After: soon", 30, 36),
        (500, "Retry-After: 600", 30, 36),
    ],
)
def test_retry_after_of_a_receiver_is_respected(
    system: System, admin: Connection[TupleRow], code: int, header: str, at_least: int, at_most: int
) -> None:
    """With status 429 and 503; never earlier than the usual pause, and at most a day later."""
    with receiver(status(code, header)) as server:
        make_report(system, server.url)
        ((seconds,),) = admin.execute(
            "SELECT extract(epoch FROM d.next_attempt_at - a.started_at) FROM resma.webhook_deliveries AS d"
            " JOIN resma.webhook_attempts AS a USING (tenant_id, event_id, endpoint_id)"
        ).fetchall()
        assert at_least <= seconds <= at_most + 60
        # The scheduled function makes no attempt before.
        assert webhook.app.handler({}, FunctionContext()) == {"attempts": 0}  # type: ignore[arg-type]
    assert len(server.requests) == 1


@pytest.mark.parametrize(("change", "reason"), [("PATCH", "endpoint-disabled"), ("DELETE", "endpoint-deleted")])
def test_pending_deliveries_end_with_their_endpoint(
    system: System, admin: Connection[TupleRow], change: str, reason: str
) -> None:
    with receiver(status(204)) as server:
        endpoint = register(system, url=server.url)
        report_id = system_report(system)
        status_, _, _ = system.call_api(
            change, f"{ENDPOINTS}/{endpoint['id']}", {"enabled": False} if change == "PATCH" else None
        )
        assert status_ < 300
        assert run_scheduler(admin) == 0
    ended = deliveries(system, report_id)[endpoint["id"]]
    assert (ended["status"], ended["endedReason"], ended["attempts"]) == ("FAILED", reason, [])
    assert server.requests == []
    assert refused(system, "POST", replay_path(ended))[:2] == (409, "webhook-endpoint-disabled")


def test_an_endpoint_that_is_deleted_during_an_event_gets_no_delivery(
    system: System, admin: Connection[TupleRow], postgres: PostgresServer
) -> None:
    """The deletion waits for the transaction that ends the report, and then ends the delivery."""
    endpoint = register(system)
    report_id = system.request_report(format="CSV")
    deleted: list[int] = []
    with psycopg.connect(postgres.url) as connection:
        assert abandon_job(connection, "demo", report_id)
        path = f"{ENDPOINTS}/{endpoint['id']}"
        thread = threading.Thread(target=lambda: deleted.append(system.call_api("DELETE", path)[0]))
        thread.start()
        _await_lock(admin, "DELETE", thread)
    thread.join()
    assert deleted == [204]
    assert deliveries(system, report_id)[endpoint["id"]]["endedReason"] == "endpoint-deleted"


# ---------------------------------------------------------------- replay


def replay_path(delivery: Any) -> str:
    """Returns the path for a replay of a delivery."""
    path = delivery["links"]["replay"].removeprefix("https://reports.example")
    assert path == f"/api/v1/webhook-deliveries/{delivery['eventId']}/{delivery['endpointId']}/replay"
    return str(path)


def test_a_replay_sends_the_same_webhook_again_and_is_recorded(
    system: System, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    as_tenant("demo")
    with receiver(_by_turns([204, 500, 204])) as server:
        endpoint = register(system, url=server.url)
        report_id = make_report(system)
        delivered = deliveries(system, report_id)[endpoint["id"]]
        asked, _, answer = system.call_api("POST", replay_path(delivered))
        assert (asked, answer["status"], answer["deliveredAt"]) == (202, "PENDING", None)
        # It is due at once; after a failure it is repeated as usual.
        assert webhook.app.handler({}, FunctionContext()) == {"attempts": 1}  # type: ignore[arg-type]
        assert run_scheduler(admin) == 1
    again = deliveries(system, report_id)[endpoint["id"]]
    assert (again["status"], codes(again)) == ("DELIVERED", [204, 500, 204])
    assert [(each["requestedBy"], each["requestedFrom"]) for each in again["replays"]] == [("key-2", "198.51.100.7")]
    assert {request.headers["webhook-id"] for request in server.requests} == {delivered["eventId"]}
    bodies = [Webhook(endpoint["secret"]).verify(each.body, each.headers)["id"] for each in server.requests]
    assert set(bodies) == {delivered["eventId"]}


def test_a_replay_restarts_the_pauses(system: System, admin: Connection[TupleRow]) -> None:
    with receiver(status(503)) as server:
        report_id = make_report(system, server.url)
        while run_scheduler(admin):
            pass
        ended = deliveries(system, report_id)["callback"]
        assert ended["status"] == "FAILED"
        assert call(system, "POST", replay_path(ended))["endedReason"] is None
        assert sum(run_scheduler(admin) for _ in range(2 * len(BACKOFF))) == len(BACKOFF) + 1
    assert len(server.requests) == 2 * (len(BACKOFF) + 1)


def test_a_replay_is_refused_during_an_attempt(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV", callbackUrl="https://hooks.example.com/")
    assert system.work_once()
    delivery = _claim_first(admin, report_id)
    shown = deliveries(system, report_id)["callback"]
    assert codes(shown) == [None]
    assert refused(system, "POST", replay_path(shown))[:2] == (409, "webhook-delivery-in-progress")
    record_result(admin, delivery, AttemptResult(500, None, 1))
    assert call(system, "POST", replay_path(shown))["status"] == "PENDING"
    unknown = f"/api/v1/webhook-deliveries/{shown['eventId']}/whe_{'0' * 32}/replay"
    assert refused(system, "POST", unknown)[:2] == (404, "webhook-delivery-not-found")
    nonsense = "/api/v1/webhook-deliveries/evt_-/callback/replay"
    assert refused(system, "POST", nonsense)[:2] == (404, "webhook-delivery-not-found")


def test_an_endpoint_that_is_deleted_during_a_replay_gets_no_delivery(
    system: System, admin: Connection[TupleRow], postgres: PostgresServer
) -> None:
    with receiver(status(204)) as server:
        endpoint = register(system, url=server.url)
        report_id = make_report(system)
        event_id = deliveries(system, report_id)[endpoint["id"]]["eventId"]
        with psycopg.connect(postgres.url) as connection:
            replay_delivery(connection, "demo", event_id, endpoint["id"], ("key-1", None))
            thread = threading.Thread(target=lambda: system.call_api("DELETE", f"{ENDPOINTS}/{endpoint['id']}"))
            thread.start()
            _await_lock(admin, "DELETE", thread)
        thread.join()
        assert run_scheduler(admin) == 0
    assert deliveries(system, report_id)[endpoint["id"]]["endedReason"] == "endpoint-deleted"


def _await_lock(admin: Connection[TupleRow], statement: str, thread: threading.Thread) -> None:
    """Waits until the statement of a thread is blocked by another transaction."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    while admin.execute(waiting, (f"{statement}%",)).fetchone() != (1,):
        assert thread.is_alive(), "it did not wait"


def test_deliveries_of_an_endpoint_are_paginated(system: System, admin: Connection[TupleRow]) -> None:
    endpoint = register(system)
    made = [f"evt_{system_report(system).hex}" for _ in range(5)]
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries"
    page = call(system, "GET", path, limit="2")
    seen = [item["eventId"] for item in page["items"]]
    while page["next"]:
        query = dict(pair.split("=", 1) for pair in page["next"].partition("?")[2].split("&"))
        page = call(system, "GET", path, **query)
        seen += [item["eventId"] for item in page["items"]]
    assert seen == made[::-1]
    assert call(system, "GET", path, status="DELIVERED")["items"] == []
    for cursor in ("x", "", "AAAA"):
        code, _, _ = system.call_api("GET", path, query={"cursor": cursor} if cursor else None)
        assert code == (422 if cursor else 200)


# ---------------------------------------------------------------- fairness and concurrency


def _insert_due(admin: Connection[TupleRow], tenant_id: str, url: str, count: int, age_seconds: int = 0) -> None:
    """Inserts due deliveries, like those of reports that have failed."""
    for _ in range(count):
        report_id = uuid4()
        key = (tenant_id, f"evt_{report_id.hex}", report_id)
        admin.execute(
            "INSERT INTO resma.reports (tenant_id, report_id, type, formats, filters, request_sha256, status)"
            " VALUES (%s, %s, 'TRANSACTIONS', '{CSV}', '{}', '', 'FAILED')",
            (tenant_id, report_id),
        )
        admin.execute(
            "INSERT INTO resma.events (tenant_id, event_id, report_id, type) VALUES (%s, %s, %s, 'report.failed')", key
        )
        admin.execute(
            "INSERT INTO resma.webhook_deliveries"
            " (tenant_id, event_id, report_id, endpoint_id, url, next_attempt_at)"
            " VALUES (%s, %s, %s, 'callback', %s, clock_timestamp() - make_interval(secs => %s))",
            (*key, url, age_seconds),
        )


@pytest.mark.usefixtures("as_tenant")
def test_tenants_take_turns(admin: Connection[TupleRow]) -> None:
    url = "https://hooks.example.com/"
    _insert_due(admin, "demo", url, 30, age_seconds=3600)
    _insert_due(admin, "other", url, 3)
    first = claim_due_attempts(admin, {}, 2, MAX_PARALLEL_PER_TENANT)
    assert Counter(each.tenant_id for each in first) == {"demo": 1, "other": 1}, "not the two that waited longest"
    # The first tenant has its maximum of concurrent attempts, so the other tenant gets the remaining ones.
    second = claim_due_attempts(
        admin, {"demo": MAX_PARALLEL_PER_TENANT}, MAX_PARALLEL - MAX_PARALLEL_PER_TENANT, MAX_PARALLEL_PER_TENANT
    )
    assert Counter(each.tenant_id for each in second) == {"other": 2}
    third = claim_due_attempts(admin, {"demo": 1, "other": 0}, MAX_PARALLEL, MAX_PARALLEL_PER_TENANT)
    assert Counter(each.tenant_id for each in third) == {"demo": MAX_PARALLEL_PER_TENANT - 1}
    taken = [each.event_id for each in (*first, *second, *third)]
    assert len(set(taken)) == len(taken), "each is claimed once"


def test_concurrent_scheduler_runs_claim_different_deliveries(
    admin: Connection[TupleRow], postgres: PostgresServer
) -> None:
    _insert_due(admin, "demo", "https://hooks.example.com/", 4)
    later: list[Delivery] = []

    def take() -> None:
        with psycopg.connect(postgres.url) as connection:
            later.extend(claim_due_attempts(connection, {}, 2, MAX_PARALLEL_PER_TENANT))

    with psycopg.connect(postgres.url) as connection:
        first = claim_due_attempts(connection, {}, 2, MAX_PARALLEL_PER_TENANT)
        thread = threading.Thread(target=take)
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while admin.execute(waiting).fetchone() != (1,):
            assert thread.is_alive(), "it did not wait"
    thread.join()
    assert len({each.event_id for each in (*first, *later)}) == 4


@pytest.mark.usefixtures("as_tenant")
def test_receivers_that_hang_do_not_delay_other_tenants(system: System, admin: Connection[TupleRow]) -> None:
    """Receivers of one tenant respond only after the other tenant was notified, so a delay would fail the test."""
    notified = threading.Event()

    def hang(connection: socket.socket) -> None:
        status(204 if notified.wait(120) else 500)(connection)

    def take(connection: socket.socket) -> None:
        notified.set()
        status(204)(connection)

    with receiver(hang) as hanging, receiver(take) as good:
        _insert_due(admin, "demo", hanging.url, 3 * MAX_PARALLEL, age_seconds=3600)
        _insert_due(admin, "other", good.url, 1)
        assert webhook.app.handler({}, FunctionContext()) == {"attempts": 3 * MAX_PARALLEL + 1}  # type: ignore[arg-type]
    assert admin.execute("SELECT DISTINCT status_code FROM resma.webhook_attempts").fetchall() == [(204,)]
    assert admin.execute("SELECT DISTINCT status FROM resma.webhook_deliveries").fetchall() == [("DELIVERED",)]


def test_first_attempts_of_an_event_run_concurrently(system: System) -> None:
    """Each receiver responds only after all have been called."""
    together = threading.Barrier(3)

    def meet(connection: socket.socket) -> None:
        together.wait(120)
        status(204)(connection)

    with receiver(meet) as server:
        for _ in range(2):
            register(system, url=server.url)
        report_id = make_report(system, server.url)
    assert [codes(each) for each in deliveries(system, report_id).values()] == [[204]] * 3


def test_without_time_left_attempts_are_left_to_the_scheduler(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver(status(204)) as server:
        monkeypatch.setattr(FunctionContext, "get_remaining_time_in_millis", lambda _self: 20_000)
        make_report(system, server.url)
        assert server.requests == []
        monkeypatch.undo()
        monkeypatch.setenv("STAGE", "local")
        assert run_scheduler(admin) == 1
    assert len(server.requests) == 1


def test_loopback_is_refused_unless_the_setting_allows_it(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL was accepted while loopback was allowed. The check of the connection refuses it."""
    with receiver(status(204)) as server:
        report_id = system.request_report(format="CSV", callbackUrl=server.url.replace("http:", "https:"))
        assert system.work_once()
        monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "")
        system.deliver(system.events()[0])
        assert server.requests == []
    (attempt,) = deliveries(system, report_id)["callback"]["attempts"]
    assert attempt["statusCode"] is None
    assert "public" in attempt["error"]


# ---------------------------------------------------------------- rows of earlier versions


def test_the_migration_keeps_earlier_rows(postgres: PostgresServer, tmp_path: Path) -> None:
    name = f"before_{uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = postgres.url.rpartition("/")[0] + f"/{name}"
    for earlier in SYSTEM_TABLES.names:
        if earlier < "0008":
            (tmp_path / f"{earlier}.sql").write_text(SYSTEM_TABLES.read(earlier), encoding="utf-8")
    migrate(url, Migrations(tmp_path, "resma"))
    states = {"ended": ("FAILED", 500), "gone": ("FAILED", 410), "owed": ("PENDING", 500), "done": ("DELIVERED", 200)}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO resma.tenants VALUES ('demo', 'Banco Aurora') ON CONFLICT DO NOTHING")
        for url_, (state, code) in states.items():
            report_id = uuid4()
            key = ("demo", f"evt_{report_id.hex}", report_id)
            connection.execute(
                "INSERT INTO resma.reports (tenant_id, report_id, type, formats, filters, request_sha256)"
                " VALUES ('demo', %s, 'X', '{CSV}', '{}', '')",
                (report_id,),
            )
            connection.execute(
                "INSERT INTO resma.events (tenant_id, event_id, report_id, type) VALUES (%s, %s, %s, 'x')", key
            )
            connection.execute(
                "INSERT INTO resma.webhook_deliveries (tenant_id, event_id, report_id, url, status, attempts)"
                " VALUES (%s, %s, %s, %s, %s, 1)",
                (*key, url_, state),
            )
            connection.execute(
                "INSERT INTO resma.webhook_attempts (tenant_id, event_id, attempt, status_code) VALUES (%s, %s, 1, %s)",
                (*key[:2], code),
            )
    migrate(url)
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT d.url, d.status, d.ended_reason, a.status_code, d.endpoint_id, a.url"
            " FROM resma.webhook_deliveries AS d"
            " JOIN resma.webhook_attempts AS a USING (tenant_id, event_id, endpoint_id)"
        ).fetchall()
    reasons = {"ended": "attempts-exhausted", "gone": "gone"}
    assert sorted(rows) == sorted(
        (name, state, reasons.get(name), code, "callback", name) for name, (state, code) in states.items()
    )
