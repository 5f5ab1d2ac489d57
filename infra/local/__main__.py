"""`python -m infra.local up | down | demo | logs`: what the Makefile calls."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from infra.local.count_rows import FORMATS
from infra.local.demo import Demo, DemoFailed, make_demo_key, print_summary, run_demo
from infra.local.errors import StackError
from infra.local.follow_report import follow_report, parse_report_id
from infra.local.paths import REPORTS, STATE
from infra.local.stack import FRONT_DOOR_PORT, Options, Running, Stack
from infra.postgres.load_demo_bank import load_demo_bank

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
    except (StackError, DemoFailed) as error:
        console.print(f"[bold red]failed:[/] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        console.print("interrupted: everything that was started is ended")
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
        console.print(f"using the stack that is up at {running.api_url}")
        _demo(running, console)
        return
    with stack:
        _demo(stack.up, console)


def logs(console: Console) -> None:
    """Prints the end of each function's log; where REPORT names one, all that was logged about that report."""
    if (report := os.environ.get("REPORT")) is not None:
        report_id = parse_report_id(report)
        if not (lines := follow_report(STATE / NAME / "logs", report_id)):
            raise StackError(f"no function has logged anything about {report_id}: is it this stack's?")
        for line in lines:
            console.print(str(line), markup=False)
        return
    for path in sorted((STATE / NAME / "logs").glob("*.log")):
        console.rule(path.stem)
        console.print(_tail(path), markup=False)


def _demo(running: Running, console: Console) -> None:
    rows = _rows()
    _load(running, console)
    key = make_demo_key(running.database_url)
    wanted = Demo(running.api_url, key, running.callback_secret, REPORTS, _format(), rows)
    print_summary(run_demo(wanted, console))


def _load(running: Running, console: Console) -> None:
    rows = _rows()
    with console.status(f"making the demo bank of {rows:,} transactions"):
        made = load_demo_bank(running.database_url, rows)
    console.print(f"the demo bank has {rows:,} transactions" + ("" if made else ", as before"))


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
    sys.exit(main())
