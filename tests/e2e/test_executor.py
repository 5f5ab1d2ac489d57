"""LocalStack's executor enforces limits as AWS does, restarts functions that died, and limits their concurrency."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client import Client, Json, require_one_whole_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults

NAME = "test-limits"
WORKERS = 5
"""WorkerConcurrency in template.yaml."""

CODE = """
import os, time

def handler(event, context):
    if event["do"] == "hog":
        memory = bytearray(512 * 1024 * 1024)
        memory[::4096] = b"x" * (len(memory) // 4096)
        time.sleep(60)
    if event["do"] == "sleep":
        time.sleep(60)
    if event["do"] == "exit":
        os._exit(3)
    if event["do"] == "raise":
        raise ValueError("on purpose")
    if event["do"] == "talk":
        return "x" * (7 * 1024 * 1024)
    return {"pid": os.getpid(), "left": context.get_remaining_time_in_millis(), "memory": context.memory_limit_in_mb}
"""


SLOW_START = """
import time

time.sleep(11)


def handler(event, context):
    return {"left": context.get_remaining_time_in_millis()}
"""
"""Code of a function whose init takes longer than the ten seconds that Lambda first allows."""


@contextlib.contextmanager
def function(client: Client, name: str, code: str, timeout_seconds: int) -> Iterator[None]:
    """Creates a function with 192 MB of memory, and deletes it at the end of the block."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("limits.py", code)
    functions = client.aws("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/test",
        Handler="limits.handler",
        Code={"ZipFile": archive.getvalue()},
        MemorySize=192,
        Timeout=timeout_seconds,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    try:
        yield
    finally:
        functions.delete_function(FunctionName=name)


@pytest.fixture(scope="module")
def limited(client: Client) -> Iterator[Client]:
    """The client, with a function of 192 MB and 5 seconds that does what its event says."""
    with function(client, NAME, CODE, 5):
        yield client


def invoke(client: Client, do: str, name: str = NAME) -> tuple[str | None, Json, str]:
    """Invokes the function; returns the kind of error, the response, and the end of the log."""
    answer: Any = client.aws("lambda").invoke(
        FunctionName=name, Payload=json.dumps({"do": do}).encode(), LogType="Tail"
    )
    log = base64.b64decode(answer["LogResult"]).decode()
    return answer.get("FunctionError"), json.loads(answer["Payload"].read()), log


@pytest.mark.parametrize(
    ("do", "kind", "message"),
    [
        ("hog", "Runtime.ExitError", "signal: killed"),
        ("sleep", "Sandbox.Timedout", "Task timed out after 5.00 seconds"),
        ("exit", "Runtime.ExitError", "exit status 3"),
    ],
)
def test_a_function_that_exceeds_a_limit_is_ended_and_restarted(
    limited: Client, do: str, kind: str, message: str
) -> None:
    _, before, _ = invoke(limited, "answer")
    error, answer, log = invoke(limited, do)
    assert error == "Unhandled"
    assert answer["errorType"] == kind
    assert message in answer["errorMessage"]
    assert message in log
    error, after, log = invoke(limited, "answer")
    assert error is None
    assert after["pid"] != before["pid"]
    assert "Memory Size: 192 MB" in log


def test_an_exception_does_not_end_the_process(limited: Client) -> None:
    _, before, _ = invoke(limited, "answer")
    error, answer, _ = invoke(limited, "raise")
    assert (error, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "ValueError", "on purpose")
    _, after, _ = invoke(limited, "answer")
    assert after["pid"] == before["pid"]


def test_a_response_over_six_megabytes_is_refused(limited: Client) -> None:
    error, answer, _ = invoke(limited, "talk")
    assert (error, answer["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


def test_a_function_knows_its_limits(limited: Client) -> None:
    _, answer, _ = invoke(limited, "answer")
    assert 0 < answer["left"] <= 5000
    assert int(answer["memory"]) == 192


def test_an_init_that_times_out_is_repeated_with_the_functions_timeout(client: Client) -> None:
    with function(client, f"{NAME}-slow-start", SLOW_START, 45):
        error, answer, _ = invoke(client, "answer", f"{NAME}-slow-start")
        assert error is None, answer
        assert 0 < answer["left"] <= 45_000, "the init does not count towards the timeout"


def test_eight_jobs_are_done_by_five_workers(client: Client, faults: Faults) -> None:
    client.wait_for_empty_queues()
    maximum = 0

    def generating(ids: list[str]) -> int:
        nonlocal maximum
        # One statement counts all, since reports start and end while single rows are read.
        counted = "SELECT count(*) FROM resma.reports WHERE status = 'GENERATING' AND report_id = ANY (%s::uuid[])"
        now = int(client.sql(counted, ids)[0][0])
        maximum = max(maximum, now)
        return now

    with faults.s3.failing(Fault("stall", when=b"partNumber=")):
        ids = [client.request_report("CSV", {"from": "2024-01-01", "to": "2024-01-31"}) for _ in range(8)]
        eventually("five workers generate reports", lambda: generating(ids) == WORKERS)
        assert client.backlog().in_flight == WORKERS
    eventually("all are done", lambda: generating(ids) == 0 and all(client.row(i)["status"] == "READY" for i in ids))
    assert maximum == WORKERS
    for report_id in ids:
        report = client.show(report_id)
        assert report["attempt"] == 1
        require_one_whole_file(client, report)
