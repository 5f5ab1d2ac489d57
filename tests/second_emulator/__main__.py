"""`make second-emulator`: generates a report end to end on ministack, to show independence of LocalStack. FORMAT=CSV.

Starts Postgres and ministack, deploys template.yaml, loads the demo bank, and generates one report, from the request to
the verified webhook and the downloaded file. Then it ends all processes. The last line is one JSON object. The exit
code is 1 if anything failed.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys

from infra.demo.load_demo_bank import load_demo_bank
from infra.errors import StackError
from infra.local.count_rows import FORMATS
from infra.local.demo import Demo, make_demo_key, run_demo
from resma_cli.output import Output, print_json
from resma_cli.progress import OutputProgress
from tests.second_emulator.ministack_stack import MinistackStack
from tests.support.local_stack import processes_in

NAME = os.environ.get("RESMA_SECOND_EMULATOR_NAME") or "second-emulator"
ROWS = 60_000


def main() -> int:
    """Runs the check; returns the exit code."""
    output = Output(as_json=False)
    try:
        check(OutputProgress(output))
    except StackError as error:
        output.print_message(f"failed: {error}")
        return 1
    return 0


def check(progress: OutputProgress) -> None:
    """Generates and verifies the report. Raises StackError."""
    format_ = (os.environ.get("FORMAT") or "CSV").upper()
    if format_ not in FORMATS:
        raise StackError(f"FORMAT={format_} is not a format. Use one of {', '.join(FORMATS)}.")
    stack = MinistackStack(NAME, progress.say)
    stack.stop()
    shutil.rmtree(stack.folder, ignore_errors=True)
    with stack:
        progress.say(f"left out, because ministack does not have them: {', '.join(stack.left_out)}")
        load_demo_bank(stack.up.database_url, ROWS)
        key = make_demo_key(stack.up.database_url)
        folder = stack.folder / "reports"
        summary = run_demo(Demo(stack.up.api_url, key, stack.up.callback_secret, folder, format_, ROWS), progress)
    if left := processes_in(stack.folder):
        raise StackError(f"These processes did not end: {left}.")
    print_json(dataclasses.asdict(summary), indent=None)


if __name__ == "__main__":
    sys.exit(main())
