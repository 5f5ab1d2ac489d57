"""`python -m infra.local up | down | demo | logs`: what the Makefile calls."""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import psycopg
from rich.console import Console
from rich.markup import escape

from infra.errors import StackError, describe_foreign_file, describe_full_disk
from infra.local.count_rows import FORMATS
from infra.local.demo import Demo, DemoFailedError, make_demo_key, print_summary, run_demo
from infra.local.logs import LogReader, Selection, check_report
from infra.local.stack import FRONT_DOOR_PORT, Options, Running, Stack
from infra.paths import REPORTS, STATE
from infra.postgres.load_demo_bank import count_demo_rows, load_demo_bank
from resma_cli.dates import read_timestamp
from resma_cli.exit_codes import CommandFailedError
from resma_cli.interrupts import raise_lost_interrupts

NAME = os.environ.get("RESMA_STACK") or "local"
"""Name of the stack, and of its folder in .resma; tests have stacks of their own."""

_EXAMPLE = '{"type":"TRANSACTIONS","format":"CSV","filters":{"from":"2024-01-01"}}'


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code: 0 done, 1 failed with a reason, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "demo", "logs"])
    chosen = parser.parse_args(arguments).command
    console = Console(stderr=False, highlight=False, soft_wrap=True)
    # `kill` and a closed terminal end things as tidily as Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        with alone(chosen):
            {"up": up, "down": down, "demo": demo, "logs": logs}[chosen](console)
    except (StackError, DemoFailedError) as error:
        console.print(f"[bold red]failed:[/] {escape(str(error))}")
        return 1
    except PermissionError as error:
        console.print(f"[bold red]failed:[/] {escape(describe_foreign_file(error))}")
        return 1
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        console.print(f"[bold red]failed:[/] {escape(describe_full_disk(STATE))}")
        return 1
    except KeyboardInterrupt:
        if chosen != "logs":  # it starts nothing, and following ends so
            console.print("interrupted: everything that was started is stopped")
        return 130
    return 0


@contextlib.contextmanager
def alone(command: str) -> Iterator[None]:
    """Keeps two commands from starting or ending the same stack at once. Raises StackError."""
    if command == "logs":
        yield
        return
    STATE.mkdir(exist_ok=True)
    with (STATE / f"{NAME}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(
                "another `make up`, `make down` or `make demo` is under way: wait for it to end"
            ) from error
        yield


def up(console: Console) -> None:
    """Starts the stack and leaves it running."""
    _rows()  # a wrong setting is told before anything is started
    stack = Stack(NAME, Options(front_door_port=_port()), console.print)
    if (running := stack.find()) is not None:
        _require_same_port(running)
        _rows_of(running)
        console.print(f"already up at {running.api_url}; `make down` ends it")
        return
    try:
        running = stack.start()
        _load(running, console)
    except BaseException:
        stack.stop()
        raise
    console.print(
        f"""[bold]up[/] at {running.api_url}
the console, for people: {running.api_url}/console
documentation of the API: {running.api_url}/docs; ask for a report:

curl -X POST {running.api_url}/api/v1/reports/generate -H "Content-Type: application/json" -d '{_EXAMPLE}'

the callbacks of reports (callbackUrl) are signed with {running.callback_secret}
operators' commands (docs/access.md, docs/operate.md) want
    export DATABASE_URL={running.database_url}
    export RESMA_SYSTEM_DATABASE={running.database_url}
`make logs` shows the functions' logs, `make down` ends it"""
    )


def down(console: Console) -> None:
    """Ends the stack. Safe when it is not up."""
    Stack(NAME).stop()
    console.print("down")


def demo(console: Console) -> None:
    """Makes a report from the request to the file, on the running stack or on one of its own."""
    _rows(), _format()  # a wrong setting is told before anything is started
    stack = Stack(NAME, Options(front_door_port=None), console.print)
    if (running := stack.find()) is not None:
        rows = _rows_of(running)
        console.print(f"using the stack that is up at {running.api_url}, with its {rows:,} transactions")
        _demo(running, rows, console)
        return
    with stack:
        _load(stack.up, console)
        _demo(stack.up, _rows(), console)


def logs(console: Console) -> None:
    """Prints the end of each function's log, or with REPORT, FUNCTION, SINCE or FOLLOW all lines they select."""
    folder = STATE / NAME / "logs"
    if not any(os.environ.get(name) for name in ("REPORT", "FUNCTION", "SINCE", "FOLLOW")):
        for path in sorted(folder.glob("*.log")):
            console.rule(path.stem)
            console.print(_tail(path), markup=False)
        return
    reader = LogReader(folder, _selection())
    if os.environ.get("FOLLOW"):
        for line in reader.follow():
            console.print(str(line), markup=False)
    if not (lines := reader.read()):
        raise StackError("No function has logged anything like that. Is it of this stack?")
    for line in lines:
        console.print(str(line), markup=False)


def _selection() -> Selection:
    """Which lines of the logs the environment selects. Raises StackError."""
    report, since = os.environ.get("REPORT"), os.environ.get("SINCE")
    if os.environ.get("FOLLOW") and not (report or since):
        since = "10m"  # following is for what is new
    try:
        from_time = datetime.fromisoformat(read_timestamp(since, "SINCE")) if since else None
    except CommandFailedError as error:
        raise StackError(str(error)) from error
    return Selection(check_report(report) if report else None, os.environ.get("FUNCTION"), from_time)


def _demo(running: Running, rows: int, console: Console) -> None:
    key = make_demo_key(running.database_url)
    wanted = Demo(running.api_url, key, running.callback_secret, REPORTS, _format(), rows)
    print_summary(run_demo(wanted, console))


def _load(running: Running, console: Console) -> None:
    rows = _rows()
    with console.status(f"making the demo bank of {rows:,} transactions"):
        try:
            made = load_demo_bank(running.database_url, rows)
        except psycopg.errors.DiskFull as error:
            raise StackError(describe_full_disk(STATE, rows)) from error
    console.print(f"the demo bank has {rows:,} transactions" + ("" if made else ", as before"))


def _require_same_port(running: Running) -> None:
    """Raises StackError where PORT names another port than that of the stack that is up."""
    if os.environ.get("PORT") and running.api_url.rpartition(":")[2] != str(_port()):
        raise StackError(
            f"The stack is up at {running.api_url}, and PORT={_port()} asks for another port. "
            "Run `make down` first, then the same command again."
        )


def _rows_of(running: Running) -> int:
    """Returns the size of the demo bank of a stack that is up: it is not replaced while reports may read it.

    Raises StackError where ROWS asks for another size.
    """
    rows = count_demo_rows(running.database_url)
    if os.environ.get("ROWS") and rows != _rows():
        raise StackError(
            f"The stack that is up at {running.api_url} has a demo bank of {rows:,} transactions, and "
            f"ROWS={_rows()} would replace it. Run `make down` first, then the same command again; "
            "or leave out ROWS to use the bank as it is."
        )
    return rows


def _rows() -> int:
    text = os.environ.get("ROWS") or "500000"
    if not text.isdecimal() or not 0 < int(text) <= 100_000_000:
        raise StackError(f"ROWS={text}: give a number from 1 to 100000000")
    return int(text)


def _format() -> str:
    text = (os.environ.get("FORMAT") or "PDF").upper()
    if text not in FORMATS:
        raise StackError(f"FORMAT={text}: give one of {', '.join(FORMATS)}")
    return text


def _port() -> int:
    text = os.environ.get("PORT") or str(FRONT_DOOR_PORT)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise StackError(f"PORT={text}: give a port number")
    return int(text)


def _tail(path: Path, lines: int = 40) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


if __name__ == "__main__":
    raise_lost_interrupts()
    sys.exit(main())
