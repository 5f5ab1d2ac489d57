"""Traces that Lambda's X-Ray daemon receives can be searched by report, and contain no confidential data."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from resma.aws.tracing import traced

TRACE = "Root=1-6b06176c-96419e491ff80e3ceca30cc9;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a:0"


class Daemon:
    """The UDP port of an X-Ray daemon."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(120)

    @property
    def address(self) -> str:
        """The value for AWS_XRAY_DAEMON_ADDRESS."""
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def receive(self) -> Any:
        """Receives the next document."""
        header, _, document = self.socket.recv(65536).partition(b"\n")
        assert json.loads(header) == {"format": "json", "version": 1}
        return json.loads(document)

    def is_silent(self) -> bool:
        """Returns whether nothing was received. Loopback delivers before `sendto` returns."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(65536)
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    daemon = Daemon()
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", daemon.address)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    yield daemon
    daemon.socket.close()


def test_a_subsegment_joins_the_invocations_trace(daemon: Daemon) -> None:
    before = time.time()
    with traced("generate report", report_id="r-1", report_type="TRANSACTIONS", attempt=2) as annotations:
        annotations["rows"] = 3
    document = daemon.receive()
    assert (document["trace_id"], document["parent_id"]) == ("1-6b06176c-96419e491ff80e3ceca30cc9", "53995c3f42cd8ad8")
    assert (document["type"], document["name"], document["fault"]) == ("subsegment", "generate report", False)
    assert document["annotations"] == {"report_id": "r-1", "report_type": "TRANSACTIONS", "attempt": 2, "rows": 3}
    assert before <= document["start_time"] <= document["end_time"] <= time.time()
    assert len(document["id"]) == 16
    int(document["id"], 16)


def test_an_error_is_recorded_as_a_fault_without_its_message(daemon: Daemon) -> None:
    with pytest.raises(ValueError, match="SELECT"), traced("generate report", report_id="r-1"):
        raise ValueError("SELECT secret FROM https://bucket/?X-Amz-Signature=00")
    document = daemon.receive()
    assert document["fault"] is True
    assert set(document) == {
        *("id", "trace_id", "parent_id", "type", "name"),
        *("start_time", "end_time", "annotations", "fault"),
    }
    assert document["annotations"] == {"report_id": "r-1"}


@pytest.mark.parametrize(
    "trace", ["", TRACE.replace("Sampled=1", "Sampled=0"), "Root=1-2-3", "Root=1-2-3;Sampled=1", "nonsense;;=;"]
)
def test_a_trace_that_is_not_sampled_is_not_sent(daemon: Daemon, monkeypatch: pytest.MonkeyPatch, trace: str) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    with traced("generate report"):
        pass
    assert daemon.is_silent()


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:port", "[nowhere]:2000", "127.0.0.1:1"])
def test_without_a_daemon_nothing_happens(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    with traced("generate report", report_id="r-1"):
        pass
    assert daemon.is_silent()
    assert capsys.readouterr() == ("", "")
