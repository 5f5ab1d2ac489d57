"""`resma up`, `down`, `demo`, `logs`: the stack on this machine, by the same code as `make`."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
from typing import Annotated, Any, TextIO

import typer

from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import examples
from infra.cli.output import print_json
from infra.cli.place import read_state

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Rows = Annotated[
    int | None, typer.Option(min=1, max=100_000_000, help="Transactions in the demo bank (500000); else ROWS.")
]


@app.command("up", epilog=examples("resma up", "resma up --port 3009 --rows 5000000"))
def start(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Of the API (3008); else PORT.")] = None,
    rows: Rows = None,
    as_json: AsJson = False,
) -> int:
    """Start the stack on this machine and leave it running."""
    _set(PORT=port, ROWS=rows)
    return _run("up", as_json, lambda _last: _public(read_state()))


@app.command("down", epilog=examples("resma down"))
def end(as_json: AsJson = False) -> int:
    """End the stack on this machine."""
    return _run("down", as_json, lambda _last: {"status": "down"})


@app.command("demo", epilog=examples("resma demo", "resma demo --format XLSX --rows 1000000"))
def demonstrate(
    format_: Annotated[str | None, typer.Option("--format", help="PDF, CSV, NDJSON, XLSX or PARQUET.")] = None,
    rows: Rows = None,
    as_json: AsJson = False,
) -> int:
    """Make a report from the request to the file, and check all of it."""
    _set(FORMAT=format_, ROWS=rows)
    return _run("demo", as_json, _parse)


@app.command("logs", epilog=examples("resma logs"))
def show_logs(as_json: AsJson = False) -> int:
    """Show the end of each function's log."""
    return _run("logs", as_json, lambda text: {"text": text})


def _set(**variables: object) -> None:
    """What the stack's own commands are told by, as `make` tells them."""
    os.environ.update({name: str(value) for name, value in variables.items() if value is not None})


def _run(command: str, as_json: bool, result: Any) -> int:
    if importlib.util.find_spec("infra.local") is None:
        raise CommandFailed(
            ExitCode.FAILED,
            "this is the client alone, and the stack is run from a checkout of Resma: there, `make up` makes it, and "
            ".resma/venv/bin/resma is this command with it",
        )
    from infra.local.__main__ import main  # noqa: PLC0415  # loads much that no other command needs

    if not as_json:
        return main([command])
    heard = _Heard(sys.stderr)
    with contextlib.redirect_stdout(heard):
        code = main([command])
    if code == ExitCode.DONE:
        print_json(result(heard.getvalue()))
    else:
        said = heard.getvalue().strip().splitlines()[-1:] or ["see above"]
        kind = ExitCode(code)
        print_json(CommandFailed(kind, said[0].removeprefix("failed: ")).describe())
    return code


class _Heard(io.StringIO):
    """What a command prints, passed on to people and kept."""

    def __init__(self, people: TextIO) -> None:
        super().__init__()
        self._people = people

    def write(self, text: str) -> int:
        """Writes to both."""
        self._people.write(text)
        return super().write(text)


def _parse(text: str) -> Any:
    """The demo's last line is one JSON object."""
    import json  # noqa: PLC0415

    return json.loads(text.strip().splitlines()[-1])


def _public(state: dict[str, Any]) -> dict[str, Any]:
    """What of a running stack may stand in a log: addresses and names, no password and no secret."""
    return {"url": state["api_url"], "awsUrl": state["aws_url"], "outputs": state["outputs"]}
