"""The commands `resma up`, `down`, `demo` and `logs`. Each takes its options and returns its result."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from infra.demo.load_demo_bank import count_demo_rows, load_demo_bank
from infra.deploy.organization import name_organization
from infra.deploy.source import describe_place, open_source
from infra.deploy.system import find_ready_types
from infra.errors import (
    DiskFullError,
    StackBusyError,
    StackDiffersError,
    StackError,
    describe_full_disk,
    explain_os_errors,
)
from infra.local.demo import Demo, DemoSummary, make_demo_key, run_demo
from infra.local.logs import LogReader, NothingLoggedError, Selection, check_report, read_tails
from infra.local.progress import Progress
from infra.local.stack import FRONT_DOOR_PORT, Options, Running, Stack, smtp_parameters
from infra.paths import REPORTS, STATE
from resma.catalog import DEMO_CATALOG, catalog_folder

DEMO_ROWS = 500_000
FOLLOW_SINCE = timedelta(minutes=10)
"""Maximum age of the first line of `--follow` if no other option selects lines."""


@dataclass(frozen=True)
class UpOptions:
    """Options of `up`. None stands for the value of the running stack, or else for the default."""

    stack: str
    """Name of the stack and of its folder in .resma. Several stacks can run at once."""
    port: int | None = None
    rows: int | None = None
    """Number of transactions of the demo bank, which is loaded only if there is no source database."""
    source: str | None = field(default=None, repr=False)
    """URL of the source database."""
    catalog: Path | None = None
    """Folder of the report types."""
    smtp_url: str | None = None
    """URL of a mail server that takes e-mail instead of LocalStack's SES."""


@dataclass(frozen=True)
class UpResult:
    """The running stack. `was_up` is true if it was running before the command."""

    running: Running
    was_up: bool
    catalog_errors: tuple[str, ...] = ()
    """Errors in files and in the database, which make reports fail: `path:line: message`."""
    types: tuple[str, ...] = ()
    """Names of the report types without errors."""


@dataclass(frozen=True)
class DemoOptions:
    """Options of `demo`. None as `rows` stands for the value of the running stack, or else for the default."""

    stack: str
    format: str = "PDF"
    """One of `count_rows.FORMATS`."""
    rows: int | None = None


@dataclass(frozen=True)
class LogOptions:
    """Options of `logs`. Without any, the command prints the end of each function's log."""

    stack: str
    report: str | None = None
    """The report's id, or its first characters."""
    function: str | None = None
    """A function's name, or a part of it."""
    since: datetime | None = None
    follow: bool = False


def up(options: UpOptions, progress: Progress) -> UpResult:
    """Starts the stack and leaves it running. Raises StackError, after it has stopped everything that it started."""
    with alone(options.stack):
        if (running := Stack(options.stack).find()) is not None:
            _require_same(running, options)
            if running.source_url is not None:
                progress.say(f"reports read {describe_place(running.source_url)}")
            return _up_result(running, was_up=True)
        catalog = require_catalog(options.catalog)
        source = open_source(options.source) if options.source else None
        if source is not None:
            progress.say(f"reports read {source.place}")
        port = options.port or FRONT_DOOR_PORT
        if options.smtp_url:
            smtp_parameters(options.smtp_url)  # before anything is started
        stack_options = Options(front_door_port=port, source=source, catalog=catalog, smtp_url=options.smtp_url)
        stack = Stack(options.stack, stack_options, progress.say)
        try:
            running = stack.start()
            if source is None:
                fill_demo_bank(running.database_url, DEMO_ROWS if options.rows is None else options.rows, progress)
            name_organization(running.database_url, catalog, source)
        except BaseException:
            stack.stop()
            raise
        return _up_result(running, was_up=False)


def down(stack: str) -> None:
    """Stops a stack by its name. Safe to call if the stack is not running. Raises StackError."""
    with alone(stack):
        Stack(stack).stop()


def demo(options: DemoOptions, progress: Progress) -> DemoSummary:
    """Generates a report, from the request to the file, on the running stack or on one that it starts.

    It always stops a stack that it has started. Raises StackError.
    """
    with alone(options.stack):
        stack = Stack(options.stack, Options(front_door_port=None, catalog=DEMO_CATALOG), progress.say)
        if (running := stack.find()) is not None:
            _require_demo_bank(running)
            rows = _rows_of(running, options.rows)
            progress.say(f"using the running stack at {running.api_url}, with its {rows:,} transactions")
            return _demo(running, rows, options.format, progress)
        with stack:
            rows = DEMO_ROWS if options.rows is None else options.rows
            fill_demo_bank(stack.up.database_url, rows, progress)
            name_organization(stack.up.database_url, DEMO_CATALOG, None)
            return _demo(stack.up, rows, options.format, progress)


def logs(options: LogOptions) -> Iterator[str]:
    """Yields the selected lines in chronological order, or the end of each function's log if there are no options.

    With `follow` it does not end. Raises StackError if no line matches.
    """
    folder = STATE / options.stack / "logs"
    with explain_os_errors(STATE):
        if options == LogOptions(options.stack):
            yield from read_tails(folder)
            return
        reader = LogReader(folder, _selection(options))
        if options.follow:
            yield from map(str, reader.follow())
        if not (lines := reader.read()):
            raise NothingLoggedError("No log line matches. Check that the report belongs to this stack.")
        yield from map(str, lines)


@contextlib.contextmanager
def alone(stack: str) -> Iterator[None]:
    """Prevents two commands from starting or stopping the same stack at once. Raises StackError, also for OSErrors."""
    with explain_os_errors(STATE):
        STATE.mkdir(exist_ok=True)
        with (STATE / f"{stack}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StackBusyError(
                    "Another `make up`, `make down` or `make demo` is running. Wait until it has ended."
                ) from error
            yield


def fill_demo_bank(database_url: str, rows: int, progress: Progress) -> None:
    """Loads a demo bank with this number of transactions. Raises DiskFullError."""
    progress.say(f"loading a demo bank with {rows:,} transactions")
    try:
        made = load_demo_bank(database_url, rows)
    except psycopg.errors.DiskFull as error:
        raise DiskFullError(describe_full_disk(STATE, rows)) from error
    progress.say(f"the demo bank has {rows:,} transactions" + ("" if made else ", as before"))


def _selection(options: LogOptions) -> Selection:
    since = options.since
    if options.follow and not (options.report or since):
        since = datetime.now(UTC) - FOLLOW_SINCE
    return Selection(check_report(options.report) if options.report else None, options.function, since)


def _demo(running: Running, rows: int, format_: str, progress: Progress) -> DemoSummary:
    key = make_demo_key(running.database_url)
    return run_demo(Demo(running.api_url, key, running.callback_secret, REPORTS, format_, rows), progress)


def require_catalog(chosen: Path | None) -> Path:
    """Returns the folder of the catalog. Raises StackError if it does not exist."""
    folder = catalog_folder(chosen)
    if not folder.is_dir():
        raise StackError(f"The catalog folder {folder} does not exist. Create it with `resma init`, or name another.")
    return folder


def _up_result(running: Running, *, was_up: bool) -> UpResult:
    types, errors = find_ready_types(Path(running.catalog), running.source_url or running.database_url)
    return UpResult(running, was_up, tuple(errors), types)


def _require_same(running: Running, options: UpOptions) -> None:
    """Raises StackDiffersError if the running stack is not the one that the options describe."""
    _require_same_port(running, options.port)
    if options.source is not None and options.source != running.source_url:
        raise StackDiffersError(
            f"The running stack at {running.api_url} reads another source database. Run `resma down` first, then the "
            "same command again."
        )
    if options.smtp_url is not None and options.smtp_url != running.smtp_url:
        raise StackDiffersError(
            f"The running stack at {running.api_url} sends e-mail elsewhere. Run `resma down` first, then the same "
            "command again."
        )
    catalog = catalog_folder(options.catalog)
    # Without an option and without ./reports, the command is about the running stack, whatever its catalog is.
    if str(catalog) != running.catalog and (options.catalog is not None or catalog != DEMO_CATALOG):
        raise StackDiffersError(
            f"The running stack at {running.api_url} has the catalog {running.catalog}, not {catalog}. "
            "Run `resma down` first, then the same command again."
        )
    if running.source_url is None:
        _rows_of(running, options.rows)


def _require_demo_bank(running: Running) -> None:
    """Raises StackDiffersError if the running stack has no demo bank or not the report types of it."""
    if running.source_url is not None or running.catalog != str(DEMO_CATALOG):
        raise StackDiffersError(
            f"The running stack at {running.api_url} has a source database or a catalog of your own, but the demo "
            "needs the demo bank. Run `resma down` first, then the same command again."
        )


def _require_same_port(running: Running, port: int | None) -> None:
    """Raises StackDiffersError if the running stack has another port."""
    if port is not None and running.api_url.rpartition(":")[2] != str(port):
        raise StackDiffersError(
            f"The stack is up at {running.api_url}, but PORT={port} is another port. "
            "Run `make down` first, then the same command again."
        )


def _rows_of(running: Running, wanted: int | None) -> int:
    """Returns the number of transactions of a running stack. They are not replaced, as reports may be reading them.

    Raises StackDiffersError if another number was requested.
    """
    rows = count_demo_rows(running.database_url)
    if wanted not in (None, rows):
        raise StackDiffersError(
            f"The running stack at {running.api_url} has a demo bank of {rows:,} transactions, and "
            f"ROWS={wanted} would replace it. Run `make down` first, then the same command again; "
            "or omit ROWS to use the present demo bank."
        )
    return rows
