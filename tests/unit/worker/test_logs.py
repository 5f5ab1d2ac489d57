"""The stack's logs are selected by report, function and time, shown in chronological order, and followed."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import StackError
from infra.local import logs
from infra.local.logs import LogReader, Selection, check_report

ONE = "840edab4-930d-475e-b6a2-bb69c18a6792"
OTHER = "840edab4-0000-475e-b6a2-bb69c18a6792"


def logged(second: int, service: str, message: str, report_id: str | None = None) -> str:
    """Returns a log line as powertools writes it."""
    record = {"level": "INFO", "message": message, "timestamp": f"2026-11-30 10:00:{second:02},250+0000"}
    return json.dumps({**record, "service": service, "report_id": report_id, "rows": 7}) + "\n"


def measured(second: int, report_id: str) -> str:
    """Returns a log line with metrics."""
    at = int(datetime(2026, 11, 30, 10, 0, second, tzinfo=UTC).timestamp() * 1000) + 500
    described = {"Timestamp": at, "CloudWatchMetrics": [{"Metrics": [{"Name": "Rows"}]}]}
    return json.dumps({"_aws": described, "service": "worker", "report_id": report_id, "Rows": [7.0]}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Logs of two functions about two reports, with some lines that are not JSON."""
    worker = logged(2, "worker", "begins", ONE) + 'Traceback\u2028 (most recent call last):\n  File "x"\n{not json\n'
    worker += logged(5, "worker", "ready", ONE) + measured(5, ONE) + logged(6, "worker", "ready", OTHER)
    (tmp_path / "resma-local-WorkerFunction-26d6af4f.log").write_text(worker, encoding="utf-8")
    api = logged(1, "api", "requested", ONE) + logged(4, "api", "downloaded", OTHER) + '"half a li'
    (tmp_path / "resma-local-ApiFunction-26d6af4f.log").write_text(api, encoding="utf-8")
    return tmp_path


def messages(folder: Path, selection: Selection) -> list[str]:
    return [line.message for line in LogReader(folder, selection).read()]


def test_lines_are_in_chronological_order_and_tracebacks_follow_the_line_before_them(folder: Path) -> None:
    assert messages(folder, Selection()) == [
        "requested", "begins", "Traceback\u2028 (most recent call last):", '  File "x"', "{not json", "downloaded",
        "ready", "measured", "ready",
    ]  # fmt: skip


def test_lines_are_selected_by_a_report_id_or_its_first_characters(folder: Path) -> None:
    assert messages(folder, Selection(report=ONE)) == ["requested", "begins", "ready", "measured"]
    assert messages(folder, Selection(report="840edab4-0")) == ["downloaded", "ready"]
    assert messages(folder, Selection(report="4d58")) == []
    with pytest.raises(StackError, match="Several reports begin with `840e`"):
        messages(folder, Selection(report="840e"))


@pytest.mark.parametrize("function", ["api", "Api", "ApiFunction", "apifunction"])
def test_lines_are_selected_by_the_name_of_a_function(folder: Path, function: str) -> None:
    assert messages(folder, Selection(function=function)) == ["requested", "downloaded"]


def test_an_unknown_function_is_refused_with_the_names_of_all_functions(folder: Path) -> None:
    with pytest.raises(StackError, match="The functions are: ApiFunction, WorkerFunction"):
        messages(folder, Selection(function="nope"))


def test_lines_are_selected_from_a_time_on(folder: Path) -> None:
    since = datetime(2026, 11, 30, 10, 0, 5, tzinfo=UTC)
    assert messages(folder, Selection(since=since)) == ["ready", "measured", "ready"]


def test_new_lines_are_read_when_they_are_complete_and_once(folder: Path) -> None:
    reader = LogReader(folder, Selection(function="api"))
    assert len(reader.read()) == 2
    log = folder / "resma-local-ApiFunction-26d6af4f.log"
    with log.open("a", encoding="utf-8") as file:
        file.write('ne"\n' + logged(9, "api", "requested", OTHER))
    assert [line.message for line in reader.read()] == ['"half a line"', "requested"]
    assert reader.read() == []


def test_following_yields_lines_that_are_written_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = folder / "resma-local-WorkerFunction-26d6af4f.log"
    written = itertools.count(10)

    def write(_seconds: float) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(logged(next(written), "worker", "swept", ONE))

    monkeypatch.setattr(logs, "sleep", write)
    followed = itertools.islice(LogReader(folder, Selection(report=ONE, function="worker")).follow(), 5)
    assert [line.message for line in followed] == ["begins", "ready", "measured", "swept", "swept"]


def test_a_line_is_formatted_with_time_function_level_message_and_fields(folder: Path) -> None:
    first, *_, last = LogReader(folder, Selection(report=ONE)).read()
    assert str(first) == '10:00:01.250  api           INFO     requested  {"rows": 7}'
    assert str(last) == '10:00:05.500  worker        METRICS  measured  {"Rows": 7.0}'


@pytest.mark.parametrize("text", ["", "840", "nope", f"{ONE}x", "../x"])
def test_a_text_that_is_not_the_start_of_a_report_id_is_refused(text: str) -> None:
    assert check_report(ONE.upper()) == ONE
    with pytest.raises(StackError, match="is not a report's id"):
        check_report(text)
