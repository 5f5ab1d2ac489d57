"""Each command of the command line `resma`, run once on the whole stack as a user runs it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.admin.tenants import make_key
from infra.local.count_rows import FORMATS, count_rows
from infra.local.stack import Stack
from infra.paths import STATE
from infra.servers.ports import free_port
from tests.support.client import Client
from tests.support.command_line import CommandLine
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import ROWS, Faults

ALL = ("TRANSACTIONS", "--filter", "from=2024-01-01")
NONE = ("TRANSACTIONS", "--filter", "from=2030-01-01")


@pytest.fixture
def resma(client: Client, tmp_path: Path) -> CommandLine:
    """The command line on the machine of the stack, which it finds by itself."""
    return CommandLine(client.stack.folder.name, tmp_path)


@pytest.fixture
def elsewhere(client: Client, tmp_path: Path) -> CommandLine:
    """The command line as on another machine, with a URL and a read-only key."""
    key = make_key(client.stack.up.database_url, "demo", "cli", ("reports:read",), timedelta(hours=1))
    return CommandLine("no-stack", tmp_path, {"RESMA_URL": client.stack.up.api_url, "RESMA_KEY": key})


@contextlib.contextmanager
def unsent_report(client: Client, faults: Faults) -> Iterator[str]:
    """Yields the id of a report that stays queued, since its message cannot be sent."""
    with faults.sqs.failing(Fault("refuse")) as fault:
        report_id = client.request_report("CSV", {"from": "2030-01-01"})
        fault.wait_for_fault()
        yield report_id


@pytest.fixture
def dead(client: Client, faults: Faults) -> Iterator[str]:
    """The id of a dead-lettered report."""
    with unsent_report(client, faults) as report_id:
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", report_id)
    body = json.dumps({"tenant_id": "demo", "report_id": report_id})
    record = {"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs", "receiptHandle": "1"}
    client.invoke_function("DeadLetterFunction", json.dumps({"Records": [record]}).encode())
    assert client.show(report_id)["status"] == "FAILED"
    yield report_id
    client.sql("DELETE FROM resma.reports WHERE report_id = %s", report_id)


# ---------------------------------------------------------------------- profiles


def test_login_saves_a_profile_that_other_commands_use(client: Client, tmp_path: Path) -> None:
    key = make_key(client.stack.up.database_url, "demo", "cli", ("reports:read",), timedelta(hours=1))
    (tmp_path / "key.txt").write_text(key, encoding="ascii")
    away = CommandLine("no-stack", tmp_path, {"RESMA_CONFIG": str(tmp_path / "config.ini")})
    url = client.stack.up.api_url.removeprefix("http://")
    assert away.do("login", url, "--key-file", "key.txt", "--profile", "test")["scopes"] == ["reports:read"]
    assert away.do("whoami", "--profile", "test")["url"] == client.stack.up.api_url
    assert away.run("list", "--profile", "test").code == 0
    assert [one["name"] for one in away.do("profile", "list")["items"]] == ["test"]
    assert away.run("list").code == 3, "the profile is not the default one"
    assert away.do("logout", "--profile", "test")["status"] == "deleted"
    assert away.run("list", "--profile", "test").code == 2


# ---------------------------------------------------------------------- reports


@pytest.mark.parametrize("format_", FORMATS)
def test_generate_and_wait_saves_the_file(client: Client, resma: CommandLine, format_: str) -> None:
    document = resma.do("generate", *ALL, "--format", format_, "--wait")
    (saved,) = document["saved"]
    path = resma.folder / saved["path"]
    shown = client.show(document["id"])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == saved["sha256"] == shown["sha256"]
    assert count_rows(path, format_) == ROWS
    assert list(resma.folder.iterdir()) == [path]


def test_generate_with_all_options(client: Client, resma: CommandLine) -> None:
    document = resma.do(
        "generate", "transactions", "-f", "csv", "-f", "ndjson", "--filter", "status=BOOKED,PENDING", "--filter",
        "from=2024-01-01", "--columns", "booked_at, amount", "--locale", "pt-BR", "--time-zone", "America/Sao_Paulo",
        "--title", "Extrato", "--option", "csv.profile=excel", "--idempotency-key", "cli-1", "--output", ".",
    )  # fmt: skip
    assert sorted(path.suffix for path in resma.folder.iterdir()) == [".csv", ".ndjson"]
    shown = client.show(document["id"])
    assert shown["filters"] == {"status": ["BOOKED", "PENDING"], "from": "2024-01-01"}
    assert (shown["columns"], shown["title"]) == (["booked_at", "amount"], "Extrato")
    assert (shown["locale"], shown["timeZone"]) == ("pt-BR", "America/Sao_Paulo")
    csv = next(path for path in resma.folder.iterdir() if path.suffix == ".csv").read_bytes()
    assert csv.startswith(b"\xef\xbb\xbf"), "Excel needs a byte order mark"


def test_types_list_show_and_download(client: Client, resma: CommandLine) -> None:
    assert {"TRANSACTIONS", "ACCOUNT_STATEMENT"} <= {item["type"] for item in resma.do("type", "list")["items"]}
    one = resma.run("type", "show", "transactions")
    assert (one.code, "status" in one.out, "booked_at" in one.out) == (0, True, True)
    report_id = client.request_report("CSV", {"from": "2030-01-01"})
    client.wait_for_status(report_id, "READY")
    listed = resma.run("list", "--status", "ready", "--type", "TRANSACTIONS", "--format", "csv", "--limit", "5")
    assert listed.out.splitlines()[1].split("\t")[:2] == [report_id, "READY"]
    assert resma.do("show", report_id)["id"] == report_id
    assert resma.do("show", report_id[:13])["id"] == report_id, "its first characters are enough"
    streamed = resma.run("download", report_id, "--output", "-")
    (saved,) = resma.do("download", report_id, "--output", "mine.csv")["saved"]
    assert hashlib.sha256((resma.folder / "mine.csv").read_bytes()).hexdigest() == saved["sha256"]
    assert streamed.out == (resma.folder / "mine.csv").read_text(encoding="utf-8")
    assert resma.run("download", report_id, "--output", "mine.csv").code == 2, "it exists already"
    actions = [entry["action"] for entry in resma.do("access", report_id, "--all")["items"]]
    assert actions == ["LINK_CREATED", "LINK_CREATED", "REQUESTED"]
    assert "LINK_CREATED" in resma.run("access", report_id).out
    assert resma.run("show", "840edab4-930d-475e-b6a2-bb69c18a6792").code == 5


def test_list_between_two_timestamps(client: Client, resma: CommandLine) -> None:
    report_id = client.request_report("CSV", {"from": "2030-01-01"})
    created = client.wait_for_status(report_id, "READY")["createdAt"]
    since = resma.do("list", "--created-after", created, "--limit", "1000")["items"]
    before = resma.do("list", "--created-before", created, "--limit", "1000")["items"]
    assert report_id in {item["id"] for item in [*since, *before]}
    assert not {item["id"] for item in since} & {item["id"] for item in before}


def test_show_with_its_summary(client: Client, resma: CommandLine) -> None:
    report_id = client.request_report("CSV", {"from": "2024-01-01"})
    report = client.wait_for_status(report_id, "READY")
    summary = resma.do("show", report_id, "--summary")["summary"]
    assert (summary["rows"], summary["totals"]) == (ROWS, report["totals"])
    drawn = resma.run("show", report_id, "--summary").out
    for chart in summary["charts"]:
        assert chart["title"] in drawn


def test_estimate(resma: CommandLine) -> None:
    document = resma.do("estimate", *ALL, "--format", "PDF")
    assert document["rows"] > 0
    assert [file["format"] for file in document["files"]] == ["PDF"]
    drawn = resma.run("generate", *ALL, "--format", "PDF", "--estimate")
    assert (drawn.code, "rows" in drawn.out, "PDF: about" in drawn.out) == (0, True, True)


def test_cancel_and_retry(client: Client, faults: Faults, resma: CommandLine) -> None:
    with unsent_report(client, faults) as report_id:
        assert resma.do("cancel", report_id)["status"] == "CANCELLED"
        failed = resma.run("download", report_id)
    assert (failed.code, "is CANCELLED" in failed.err) == (1, True)
    again = resma.do("retry", report_id, "--wait")
    assert again["id"] != report_id
    assert len(again["saved"]) == 1
    assert resma.run("retry", again["id"]).code == 1, "it is READY"


def test_delete(client: Client, resma: CommandLine) -> None:
    report_id = resma.do("generate", *NONE, "--format", "CSV", "--wait")["id"]
    assert resma.run("delete", report_id).code == 2, "there is no terminal for the confirmation"
    deletion = resma.do("delete", report_id, "--yes")
    assert deletion["id"] == report_id
    assert resma.run("show", report_id).code == 5
    assert client.http("GET", f"/api/v1/reports/{report_id}").status == 410
    eventually("the scheduler has removed its files", lambda: not client.objects(report_id))

    def is_recorded() -> bool:
        return resma.do("delete", report_id, "--yes")["filesRemovedAt"] is not None

    eventually("the time of the removal is recorded", is_recorded)


def test_hold_release_and_erase(client: Client, resma: CommandLine) -> None:
    person = ("--filter", "account=erased-person")
    report_id = resma.do("generate", *NONE, *person, "--format", "CSV", "--retention-days", "7", "--wait")["id"]
    held = resma.do("hold", report_id, "--reason", "Case 1")
    assert (held["held"], held["retentionDays"]) == (True, 7)
    assert resma.run("files", "delete", report_id, "--yes").code == 1, "it is held"
    assert resma.run("delete", report_id, "--yes").code == 1
    client.sql("UPDATE resma.reports SET expires_at = clock_timestamp() WHERE report_id = %s", report_id)
    client.invoke_function("SchedulerFunction")
    assert client.show(report_id)["status"] == "READY"
    client.sql(
        "UPDATE resma.reports SET expires_at = clock_timestamp() + interval '1 day' WHERE report_id = %s", report_id
    )
    assert resma.run("release", report_id).code == 2, "there is no terminal for the confirmation"
    assert resma.do("release", report_id, "--yes")["held"] is False
    search = ("erase", "transactions", *person)
    found = {item["reportId"]: item["outcome"] for item in resma.do(*search)["items"]}
    assert found[report_id] == "FOUND"
    deleted = resma.do("files", "delete", report_id, "--yes")
    assert (deleted["status"], deleted["filesDeletedBy"]) == ("EXPIRED", client.show(report_id)["filesDeletedBy"])
    client.sql("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour' WHERE report_id = %s", report_id)
    client.invoke_function("SchedulerFunction")
    eventually("the scheduler has removed its file", lambda: not client.objects(report_id))
    erased = {
        item["reportId"]: item["outcome"] for item in resma.do(*search, "--delete", "--records", "--yes")["items"]
    }
    assert erased[report_id] == "REPORT_DELETED"
    assert resma.run("show", report_id).code == 5


# ---------------------------------------------------------------------- schedules


def test_schedules(resma: CommandLine) -> None:
    when = ("--when", "monthly", "--at", "06:00", "--period", "last-month")
    runs = resma.do("schedule", "preview", *when, "--schedule-time-zone", "America/Sao_Paulo", "--count", "3")["runs"]
    assert len(runs) == 3
    made = resma.do(
        "schedule", "create", "Statement", *NONE[:1], "-f", "csv", *when, "--time-zone", "America/Sao_Paulo", "--paused"
    )
    schedule_id = made["id"]
    assert (made["status"], made["timeZone"], made["request"]["type"]) == ("PAUSED", "America/Sao_Paulo", NONE[0])
    assert resma.do("schedule", "resume", schedule_id)["status"] == "ACTIVE"
    listed = resma.run("schedule", "list").out
    assert schedule_id in listed
    assert [run["at"] for run in resma.do("schedule", "preview", schedule_id[:16], "--count", "3")["runs"]] == [
        run["at"] for run in runs
    ]
    assert resma.do("schedule", "show", schedule_id)["name"] == "Statement"
    assert resma.do("schedule", "runs", schedule_id)["items"] == []
    assert resma.do("schedule", "pause", schedule_id)["status"] == "PAUSED"
    for command in ("show", "preview", "runs"):
        assert resma.run("schedule", command, schedule_id).code == 0
    resma.do("schedule", "delete", schedule_id, "--yes")
    assert resma.run("schedule", "show", schedule_id).code == 5


# ---------------------------------------------------------------------- webhooks


def url_of(process: subprocess.Popen[str]) -> str:
    """Returns the URL that a listener prints."""
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("Listening at "), line
    return line.split()[2]


def test_listen_as_an_endpoint_verifies_a_real_webhook(client: Client, resma: CommandLine) -> None:
    with resma.start(
        "webhook", "listen", "--register", "--count", "1", "--seconds", str(PATIENCE_SECONDS), "--json"
    ) as process:
        url = url_of(process)
        http = urllib3.PoolManager()
        forged = {"webhook-id": "evt_forged", "webhook-timestamp": "1700000000", "webhook-signature": "v1,Zm9yZ2Vk"}
        assert http.request("POST", url, body=b'{"data": {}}', headers=forged, retries=False).status == 401
        endpoints = resma.do("webhook", "list")["items"]
        assert url in [one["url"] for one in endpoints]
        report_id = client.request_report("CSV", {"from": "2030-01-01"})
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    refused, verified = map(json.loads, out.splitlines())
    assert (refused["verified"], refused["webhookId"], refused["message"]) == (False, "evt_forged", None)
    assert (verified["verified"], verified["message"]["data"]["reportId"]) == (True, report_id)
    assert url not in [one["url"] for one in resma.do("webhook", "list")["items"]], "it was deleted at the end"


def test_listen_for_callbacks_and_ctrl_c(client: Client, resma: CommandLine) -> None:
    with resma.start("webhook", "listen") as process:
        url = url_of(process)
        report_id = client.request_report("CSV", {"from": "2030-01-01"}, callbackUrl=url)
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(2)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    assert line.startswith(f"verified evt_{report_id.replace('-', '')} report.ready {report_id}: READY")


def test_endpoints_their_deliveries_and_replay(client: Client, resma: CommandLine) -> None:
    with resma.start("webhook", "listen", "--register", "--count", "2", "--seconds", str(PATIENCE_SECONDS)) as process:
        url = url_of(process)
        (endpoint,) = [one["id"] for one in resma.do("webhook", "list")["items"] if one["url"] == url]
        report_id = client.request_report("CSV", {"from": "2030-01-01"})
        delivered = ("webhook", "deliveries", "--report", report_id, "--status", "DELIVERED")
        (delivery,) = eventually("it is delivered", lambda: resma.do(*delivered)["items"])
        assert resma.do("webhook", "deliveries", "--endpoint", endpoint)["items"][0]["eventId"] == delivery["eventId"]
        assert resma.run("webhook", "replay", delivery["eventId"], endpoint).code == 0
        client.invoke_function("SchedulerFunction")
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    assert [line.endswith("(repeated)") for line in out.splitlines()] == [False, True]


def test_an_endpoint_is_created_and_deleted(resma: CommandLine) -> None:
    made = resma.do("webhook", "create", "https://hooks.example.com/resma", "--event", "report.failed")
    assert made["secret"].startswith("whsec_")
    resma.do("webhook", "delete", made["id"], "--yes")
    assert resma.run("webhook", "delete", made["id"], "--yes").code == 5
    assert resma.run("webhook", "create", "http://10.0.0.1/").code == 2


# ---------------------------------------------------------------------- dead letters, keys


def test_dead_letters(client: Client, resma: CommandLine, dead: str) -> None:
    assert dead in resma.run("dead-letter", "list").out
    assert resma.do("dead-letter", "show", dead)["reportId"] == dead
    assert resma.do("dead-letter", "redrive", dead, "--reason", "the queue is back")["id"] == dead
    client.wait_for_status(dead, "READY")
    assert resma.do("dead-letter", "redrive", "--all")["redriven"] == 0
    assert resma.run("dead-letter", "redrive").code == 2


def test_keys(client: Client, resma: CommandLine, tmp_path: Path) -> None:
    made = resma.do("key", "create", "night", "--scope", "reports:read", "--days", "1", "--output", "key.txt")
    file = resma.folder / "key.txt"
    assert "key" not in made
    assert file.stat().st_mode & 0o777 == 0o600
    away = CommandLine("no-stack", tmp_path, {"RESMA_URL": client.stack.up.api_url})
    assert away.run("list", "--key-file", "key.txt").code == 0
    refused = away.run("generate", *NONE, "--key-file", "key.txt", "--json")
    assert (refused.code, refused.document["error"]["code"]) == (4, "scope-missing")
    assert away.run("list").code == 0, "loopback needs no key"
    next_one = resma.run("key", "rotate", made["id"], "--grace-seconds", "0")
    assert next_one.out.startswith("rsm_")
    assert away.run("list", "--key-file", "key.txt").code == 4
    listed = {item["id"]: item["status"] for item in resma.do("key", "list")["items"]}
    after = next_one.out.split("_")[1]
    assert (listed[made["id"]], listed[after]) == ("EXPIRED", "ACTIVE")
    resma.do("key", "revoke", after, "--yes")
    assert resma.run("key", "create", "night", "--scope", "reports:read", "--output", "key.txt").code == 2


# ---------------------------------------------------------------------- doctor


def states(document: Any) -> dict[str, str]:
    """Returns the state of each check by its name."""
    return {item["check"]: item["state"] for item in document["checks"]}


def test_doctor_finds_nothing_wrong(client: Client, resma: CommandLine) -> None:
    client.sql("DELETE FROM resma.reports WHERE dead_lettered_at IS NOT NULL")
    client.wait_for_empty_queues()
    done = resma.run("doctor", "--json")
    found = {item["check"]: item for item in done.document["checks"]}
    for check in ("stack", "reachable", "clocks", "key", "report-types", "queue", "dead-letters", "schedules"):
        assert found[check]["state"] == "ok", found[check]
    for check in ("aws-stack", "aws-dead-letter-queue"):
        assert found[check]["state"] == "ok", found[check]
    assert "SchedulerStopped" not in found["aws-alarms"]["message"], "LocalStack has no metrics of functions"
    # Other tests on this stack make functions fail.
    assert found["aws-functions"]["state"] in {"skipped", "fail"}
    warned = {check for check, item in found.items() if item["state"] == "warn"}
    assert warned <= {"make", "readers"}, "a healthy stack has no warnings except for missing tools"
    assert (done.code == 0) == done.document["ok"] == all(one["state"] != "fail" for one in found.values())


def test_doctor_reports_the_problems_of_a_deployment(
    client: Client, faults: Faults, resma: CommandLine, dead: str
) -> None:
    client.wait_for_empty_queues()
    with unsent_report(client, faults) as waiting:
        client.sql("UPDATE resma.reports SET created_at = created_at - interval '1 hour' WHERE report_id = %s", waiting)
        done = resma.run("doctor", "--json")
    assert done.code == 1
    found = {item["check"]: item for item in done.document["checks"]}
    assert found["dead-letters"]["state"] == found["queue"]["state"] == "fail"
    assert "redrive" in found["dead-letters"]["fix"]
    client.invoke_function("SchedulerFunction")
    client.wait_for_status(waiting, "READY")


@contextlib.contextmanager
def firing_alarm(client: Client) -> Iterator[str]:
    """Makes an alarm of the stack fire, and yields its name."""
    alarms = client.aws("cloudwatch").describe_alarms(AlarmNamePrefix="resma-local-DeadLetterAlarm")["MetricAlarms"]
    name = str(alarms[0]["AlarmName"])
    change = {"AlarmName": name, "StateReason": "a test"}
    client.aws("cloudwatch").set_alarm_state(StateValue="ALARM", **change)
    try:
        yield name
    finally:
        client.aws("cloudwatch").set_alarm_state(StateValue="OK", **change)


def test_doctor_checks_aws(client: Client, resma: CommandLine) -> None:
    worker = client.stack.up.outputs["WorkerFunctionName"]
    client.aws("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[{"MetricName": "Errors", "Dimensions": [{"Name": "FunctionName", "Value": worker}], "Value": 3.0}],
    )
    for _ in range(3):  # LocalStack evaluates its alarms every minute, and may do so between these two calls
        with firing_alarm(client) as alarm:
            found = {item["check"]: item for item in resma.run("doctor", "--json").document["checks"]}
        if alarm in found["aws-alarms"]["message"]:
            break
    assert (found["aws-alarms"]["state"], alarm in found["aws-alarms"]["message"]) == ("fail", True)
    assert (found["aws-functions"]["state"], worker in found["aws-functions"]["message"]) == ("fail", True)


def test_doctor_with_a_key_that_may_only_read(elsewhere: CommandLine) -> None:
    done = elsewhere.run("doctor", "--json")
    found = states(done.document)
    assert (found["reachable"], found["key"], found["scopes"], found["dead-letters"]) == ("ok", "ok", "warn", "warn")
    assert "stack" not in found, "the local stack is not checked"
    assert done.code == 0


@pytest.mark.parametrize(
    ("variables", "check"),
    [
        ({"RESMA_URL": "http://127.0.0.1:1"}, "reachable"),
        ({"RESMA_URL": "{api}/nowhere"}, "reachable"),
        ({"RESMA_URL": "{aws}"}, "reachable"),
        ({"RESMA_URL": "{api}", "RESMA_KEY": "rsm_AAAA_BBBB"}, "key"),
    ],
)
def test_doctor_of_a_deployment_that_cannot_be_used(
    client: Client, tmp_path: Path, variables: dict[str, str], check: str
) -> None:
    urls = {"api": client.stack.up.api_url, "aws": client.stack.up.aws_url}
    settings = {name: value.format(**urls) for name, value in variables.items()}
    done = CommandLine("no-stack", tmp_path, settings).run("doctor")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith(f"FAIL    {check}: ")]
    assert done.out.count("FAIL ") == 1, "the checks that depend on it are skipped"
    following = done.out.splitlines()[done.out.splitlines().index(line) + 1]
    assert following.strip().startswith("fix: ")


def test_doctor_checks_the_aws_stack_that_is_named(client: Client, tmp_path: Path) -> None:
    settings = {"RESMA_URL": client.stack.up.api_url, "AWS_ENDPOINT_URL": client.stack.up.aws_url}
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    command = CommandLine("no-stack", tmp_path, {**settings, **credentials})
    assert states(command.run("doctor", "--aws-stack", "resma-prod", "--json").document)["aws-stack"] == "fail"
    found = states(command.run("doctor", "--aws-stack", "resma-local", "--json").document)
    assert (found["aws-stack"], found["aws-dead-letter-queue"]) == ("ok", "ok")


# ---------------------------------------------------------------------- the stack itself

STACK = "-".join(filter(None, ("test-cli", os.environ.get("RESMA_E2E_NAME"))))


REPLACE = "has a demo bank of 4,000 transactions, and ROWS=5000 would replace it"


def test_up_logs_down_and_a_stack_that_has_crashed(tmp_path: Path) -> None:
    port = str(free_port())
    resma = CommandLine(STACK, tmp_path, {"PORT": port})
    try:
        up = resma.do("up", "--rows", "4000")
        assert up["url"] == f"http://localhost:{port}"
        assert "password" not in json.dumps(up)
        assert "whsec_" not in json.dumps(up)
        assert "already up" in resma.run("up", "--rows", "4000").out
        other_port = ("up", "--port", str(free_port())), "is another port"
        for arguments, reason in (
            other_port,
            (("up", "--rows", "5000"), REPLACE),
            (("demo", "--rows", "5000"), REPLACE),
        ):
            refused = resma.run(*arguments)
            assert (refused.code, reason in refused.err) == (1, True), refused.err
        demo = resma.do("demo", "--format", "csv")
        assert (demo["status"], demo["rows"]) == ("READY", 4000), "it uses the existing demo bank"
        assert len(resma.do("generate", *ALL, "-f", "csv", "--output", ".")["saved"]) == 1
        assert "WorkerFunction" in resma.do("logs")["text"]
        report_id = resma.do("list")["items"][0]["id"]
        about = resma.do("logs", "--report", report_id[:8], "--function", "worker", "--since", "1h")["text"]
        assert "the report is ready" in about
        assert resma.run("logs", "--function", "nope").code == 1
        with resma.start("logs", "--follow", "--function", "worker") as process:
            assert process.stdout is not None
            while "the report is ready" not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(2)
            assert process.wait(120) == 130
        Stack(STACK).postgres(0).stop()
        done = resma.run("doctor", "--json")
        assert (done.code, states(done.document)["stack"]) == (1, "fail")
        assert resma.do("down") == {"status": "down"}
        assert states(resma.run("doctor", "--json").document)["stack"] == "warn"
        assert resma.run("list").code == 3
    finally:
        Stack(STACK).stop()


def test_demo(tmp_path: Path) -> None:
    try:
        summary = CommandLine(STACK, tmp_path).do("demo", "--format", "csv", "--rows", "4000")
        assert (summary["status"], summary["rows"], summary["webhook_verified"]) == ("READY", 4000, True)
    finally:
        Stack(STACK).stop()
    assert not (STATE / STACK / "state.json").exists()
