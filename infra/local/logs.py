"""What functions have logged: of one report or all, of one function or all, from a time on, and as it comes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

from infra.errors import StackError

_SHOWN_APART = {"timestamp", "service", "level", "message", "location", "report_id", "tenant_id", "xray_trace_id"}
_REPORT_START = re.compile(r"[0-9a-f]{4}[0-9a-f-]{0,32}")
FOLLOW_SECONDS = 0.5
TAIL_LINES = 40


class NothingLoggedError(StackError):
    """No line of the logs matches."""

    code = "nothing-logged"


@dataclass(frozen=True)
class LogLine:
    """A line of a log. `facts` are its fields besides the message, as JSON."""

    at: datetime
    service: str
    level: str
    message: str
    facts: str
    report_id: str | None = None

    def __str__(self) -> str:
        said = f"{self.at:%H:%M:%S.%f}"[:-3] + f"  {self.service:<12}  {self.level:<7}  {self.message}  {self.facts}"
        return said.rstrip()


@dataclass(frozen=True)
class Selection:
    """Selects lines. None selects any value."""

    report: str | None = None
    """The report's id, or its first characters."""
    function: str | None = None
    """A function's name, or a part of it: `worker`."""
    since: datetime | None = None


@dataclass
class LogReader:
    """Reads the logs of a stack's folder from where it stopped before. A line is read when its end has been written."""

    folder: Path
    selection: Selection = field(default_factory=Selection)
    _read: dict[Path, int] = field(default_factory=dict)
    _last: dict[Path, datetime] = field(default_factory=dict)

    def read(self) -> list[LogLine]:
        """Returns the selected lines that are new, in chronological order.

        Raises StackError where no function is called so, or where several reports' ids begin so.
        """
        wanted = self.selection
        found = sorted((line for path in self._paths() for line in self._lines(path)), key=lambda line: line.at)
        found = [line for line in found if wanted.since is None or line.at >= wanted.since]
        ids = sorted({line.report_id for line in found if line.report_id}) if wanted.report else []
        if len(ids) > 1:
            raise StackError(f"Several reports begin with `{wanted.report}`: {ids[0]}, {ids[1]}. Use more characters.")
        return found

    def follow(self) -> Iterator[LogLine]:
        """Yields the selected lines, and then new ones as they are written, until the caller stops."""
        while True:
            yield from self.read()
            sleep(FOLLOW_SECONDS)

    def _paths(self) -> list[Path]:
        paths = sorted(self.folder.glob("*.log"))
        wanted = (self.selection.function or "").lower().removesuffix("function")
        chosen = [path for path in paths if wanted in _function_of(path).lower()]
        if paths and not chosen:
            there = ", ".join(sorted({_function_of(path) for path in paths}))
            raise StackError(f"No function is called `{self.selection.function}`. The functions are: {there}.")
        return chosen

    def _lines(self, path: Path) -> Iterator[LogLine]:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        # By newline alone: str.splitlines() would cut a line at other separators in its text.
        for row in whole.decode("utf-8", "replace").split("\n")[:-1]:
            line = self._parse(path, row)
            self._last[path] = line.at
            if self.selection.report is None or (line.report_id or "").startswith(self.selection.report):
                yield line

    def _parse(self, path: Path, row: str) -> LogLine:
        try:
            record = json.loads(row) if row.startswith("{") else {}
            if "_aws" in record:
                return _measured(record)
            if "timestamp" in record and "message" in record:
                return _logged(record)
        except (ValueError, KeyError, TypeError, IndexError):
            pass  # a line of a program that is not ours, in another form
        # Lambda's own lines (START, REPORT) and tracebacks have no time: they follow what was logged before.
        at = self._last.get(path) or datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return LogLine(at, _function_of(path), "", row, "")


def check_report(text: str) -> str:
    """Returns a report's id, or its first characters. Raises StackError for anything else."""
    if not _REPORT_START.fullmatch(text.lower()):
        raise StackError(f"`{text}` is not a report's id. Use one as the API returns it, or its first characters.")
    return text.lower()


def read_tails(folder: Path) -> Iterator[str]:
    """Yields the last lines of each log of a stack's folder, under its name, as `tail` shows several files."""
    for path in sorted(folder.glob("*.log")):
        yield f"==> {path.stem} <=="
        yield from path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        yield ""


def _function_of(path: Path) -> str:
    """`WorkerFunction` of `resma-local-WorkerFunction-26d6af4f.log`."""
    found = re.search(r"([A-Za-z0-9]+Function)(?:-[0-9a-f]+)?$", path.stem)
    return found[1] if found else path.stem


def _logged(record: dict[str, Any]) -> LogLine:
    facts = {name: value for name, value in record.items() if name not in _SHOWN_APART}
    at = datetime.strptime(record["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").astimezone(UTC)
    said = json.dumps(facts, ensure_ascii=False) if facts else ""
    message, report_id = str(record["message"]), record.get("report_id")
    return LogLine(at, str(record["service"]), str(record["level"]), message, said, report_id and str(report_id))


def _measured(record: dict[str, Any]) -> LogLine:
    """A line of metrics (CloudWatch, embedded metric format)."""
    described = record["_aws"]
    names = [metric["Name"] for group in described["CloudWatchMetrics"] for metric in group["Metrics"]]
    at = datetime.fromtimestamp(described["Timestamp"] / 1000, UTC)
    facts = {name: record[name][0] if isinstance(record[name], list) else record[name] for name in names}
    report_id = record.get("report_id")
    return LogLine(at, record["service"], "METRICS", "measured", json.dumps(facts), report_id and str(report_id))
