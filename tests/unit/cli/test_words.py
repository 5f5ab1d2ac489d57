"""Timestamps, durations, numbers with nouns, short ids and tables of the command line."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from infra.paths import ROOT
from resma_cli.amounts import count, duration
from resma_cli.confirm import confirm
from resma_cli.dates import read_timestamp, show_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.ids import shorten
from resma_cli.output import PipedConsole, TableColumn, draw_table
from resma_cli.rendering import draw_report, draw_reports, draw_summary
from tests.support.eventually import PATIENCE_SECONDS

NOW = datetime(2026, 11, 30, 1, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESMA_TIME_ZONE", raising=False)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-11-30", None, "2026-11-30T00:00:00Z"),
        ("2026-11-30", "America/Sao_Paulo", "2026-11-30T03:00:00Z"),
        ("2026-11-30T18:00", None, "2026-11-30T18:00:00Z"),
        ("2026-11-30 18:00:30", "Europe/Berlin", "2026-11-30T17:00:30Z"),
        ("2026-11-30t18:00:00z", "Europe/Berlin", "2026-11-30T18:00:00Z"),
        ("2026-11-30T18:00:00+02:00", None, "2026-11-30T16:00:00Z"),
        ("today", None, "2026-11-30T00:00:00Z"),
        ("today", "America/Sao_Paulo", "2026-11-29T03:00:00Z"),
        (" Yesterday ", None, "2026-11-29T00:00:00Z"),
        ("90m", None, "2026-11-30T00:00:00Z"),
        ("12h ago", None, "2026-11-29T13:30:00Z"),
        ("7d", None, "2026-11-23T01:30:00Z"),
    ],
)
def test_timestamps_of_many_forms(text: str, zone: str | None, expected: str) -> None:
    assert read_timestamp(text, "--created-after", zone_name=zone, now=NOW) == expected


@pytest.mark.parametrize(
    "text",
    ["", "nope", "30/11/2026", "2026-11-31", "20261130", "2026-W48-1", "7", "-7d", "999999w", "2026-11-30T25:00"],
)
def test_the_error_of_an_invalid_timestamp_names_the_option(text: str) -> None:
    with pytest.raises(CommandFailedError, match="--created-after") as failed:
        read_timestamp(text, "--created-after", now=NOW)
    assert failed.value.exit_code is ExitCode.USAGE
    assert "%2B" not in str(failed.value)


def test_the_time_zone_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert show_timestamp("2026-11-30T18:00:00.123Z") == "2026-11-30 18:00:00 UTC"
    assert show_timestamp(None) == ""
    monkeypatch.setenv("RESMA_TIME_ZONE", "America/Sao_Paulo")
    assert show_timestamp("2026-11-30T18:00:00Z") == "2026-11-30 15:00:00 America/Sao_Paulo"
    assert read_timestamp("2026-11-30", "--since") == "2026-11-30T03:00:00Z"
    monkeypatch.setenv("RESMA_TIME_ZONE", "Mars/Olympus")
    with pytest.raises(CommandFailedError, match="Unknown time zone `Mars/Olympus`"):
        show_timestamp("2026-11-30T18:00:00Z")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (71_928, "19 h 58 min"),
        (86_400, "1 d"),
        (183_600, "2 d 3 h"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_nouns_are_singular_or_plural() -> None:
    assert [count(number, "row") for number in (0, 1, 2, 2000)] == ["0 rows", "1 row", "2 rows", "2,000 rows"]
    assert count(3, "currency", "currencies") == "3 currencies"


def test_short_ids_are_distinct() -> None:
    assert shorten(["840edab4-930d-475e", "4d58dace-42f0-4e2b"]) == ["840edab4", "4d58dace"]
    assert shorten(["840edab4-930d-475e", "840edab4-42f0-4e2b"]) == ["840edab4-9", "840edab4-4"]
    assert shorten(["sch_1f0c5c2e0000", "whe_1f0c5c2e1111", "callback"]) == ["sch_1f0c5c2e", "whe_1f0c5c2e", "callback"]
    assert shorten(["840edab4-930d-475e"] * 2) == ["840edab4"] * 2
    assert shorten([]) == []


REPORT: dict[str, Any] = {
    "id": "840edab4-930d-475e-b6a2-bb69c18a6792",
    "status": "CANCELLED",
    "type": "ACCOUNT_STATEMENT",
    "title": "A title of a report that is much longer than there is room for on a line of a terminal",
    "formats": ["PDF", "XLSX", "CSV"],
    "filters": {"to": "2024-12-31", "from": "2024-01-01", "status": ["BOOKED", "PENDING"], "open": True},
    "rows": 500_000,
    "requestedBy": "key:abc",
    "requestedByName": "The month-end close of all branches",
    "createdAt": "2026-11-30T18:00:00Z",
    "finishedAt": None,
    "asOf": None,
    "progress": {"rowsDone": 1, "rowsExpected": 1},
    "totals": None,
    "maskedColumns": [],
    "attempt": 1,
    "files": None,
}


def draw_lines(width: int) -> list[str]:
    """Returns the lines of a table of two reports on a terminal of this width."""
    written = StringIO()
    console = Console(file=written, force_terminal=True, color_system=None, width=width, soft_wrap=True)
    second = {**REPORT, "id": "4d58dace-42f0-4e2b-8000-000000000000", "title": None, "rows": 1, "requestedByName": None}
    draw_reports(console, [REPORT, second], None)
    return written.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_table_has_one_line_per_report_with_complete_ids_types_and_times(width: int) -> None:
    heading, first, second = draw_lines(width)
    assert max(len(line) for line in (heading, first, second)) <= width
    for line in (first, second):
        assert "2026-11-30 18:00" in line
        assert "CANCELLED" in line
    assert first.startswith("840edab4  ")
    assert "A title" in first
    assert "The mon" in first
    assert "ACCOUNT_STATEMENT" in second
    assert ("ACCOUNT_STATEMENT" in first, "PDF,XLSX,CSV" in first) == (width >= 120,) * 2
    assert "UTC" in (heading if width < 120 else first)


def test_programs_get_all_columns_and_complete_values(capsys: pytest.CaptureFixture[str]) -> None:
    draw_reports(Console(file=StringIO()), [REPORT], None)
    heading, row = capsys.readouterr().out.splitlines()
    cells = dict(zip(heading.split("\t"), row.split("\t"), strict=True))
    assert (cells["ID"], cells["TITLE"]) == (REPORT["id"], REPORT["title"])
    assert cells["REQUESTED BY"] == REPORT["requestedByName"]


def test_empty_columns_are_omitted_on_a_terminal() -> None:
    written = StringIO()
    console = Console(file=written, force_terminal=True, color_system=None, width=80)
    draw_table(console, ("A", TableColumn("EMPTY"), "C"), [("1", None, "3"), ("4", "", "6")])
    assert [line.split() for line in written.getvalue().splitlines()] == [["A", "C"], ["1", "3"], ["4", "6"]]


def test_filters_are_shown_in_the_form_of_the_option() -> None:
    written = StringIO()
    draw_report(Console(file=written, width=200), REPORT)
    lines = [line.split(None, 1)[1] for line in written.getvalue().splitlines() if line.startswith("filter ")]
    assert lines == ["from=2024-01-01", "open=true", "status=BOOKED,PENDING", "to=2024-12-31"]


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        (["100", "50", "0"], ["#" * 24, "#" * 12, ""]),
        (
            ["100", "-100", "50", "0"],
            [" " * 12 + "|" + "#" * 12, "#" * 12 + "|", " " * 12 + "|" + "#" * 6, " " * 12 + "|"],
        ),
        (["-30", "-15"], ["#" * 24 + "|", " " * 12 + "#" * 12 + "|"]),
        (["300", "-1"], ["|" + "#" * 24, "|"]),
        (["0"], [""]),
    ],
)
def test_bars_of_negative_amounts_are_left_of_the_zero_line(
    values: list[str], bars: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    series = [{"name": "BRL", "values": values}]
    chart = {"title": "Net amount", "unit": "amount", "labels": [f"L{n}" for n in range(len(values))], "series": series}
    draw_summary(Console(file=StringIO()), {"rows": 1, "asOf": None, "charts": [chart]})
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split("\t")[3] for row in rows] == bars
    assert [row.split("\t")[2] for row in rows] == values


def test_a_broken_pipe_raises_an_error() -> None:
    with pytest.raises(BrokenPipeError):
        PipedConsole().on_broken_pipe()


def test_confirmation_without_a_terminal_requires_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    confirm("Delete it?", yes=True)
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    with pytest.raises(CommandFailedError, match="--yes") as failed:
        confirm("Delete it?", yes=False)
    assert failed.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("answer", "is_confirmed"), [("y", True), ("YES", True), ("n", False), ("", False), ("yess", False)]
)
def test_confirmation_on_a_terminal(answer: str, is_confirmed: bool) -> None:
    ours, theirs = pty.openpty()
    program = "import infra; from resma_cli.confirm import confirm; confirm('Delete it?', yes=False); print('done')"
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    prompt = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "Delete it? [y/N]" in prompt
    assert (out == "done\n") is is_confirmed
