"""`python -m tests.everything`: all tests, in four runs side by side.

Two runs are end-to-end tests, each on a stack of its own: they mostly wait. The other two are integration tests, and
unit tests with those of other readers. The first run prints as it goes; what the others print follows whole, and stays
in `.resma/test-output`. At the end is a list of what all four have skipped, and why.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.paths import ROOT, STATE
from tests.support.skipped_tests import count_skipped, describe_skipped

OUTPUT = STATE / "test-output"

WITH_INTEGRATION = "RESMA_COVERAGE_OF_INTEGRATION"
"""Variable that has integration tests measured too (`make coverage`): they take half as long again."""

_COVERAGE = (sys.executable, "-m", "coverage")

END_TO_END = ROOT / "tests" / "e2e"

SECOND_STACK = frozenset(
    {
        "test_chaos.py",
        "test_cli.py",
        "test_clients.py",
        "test_console.py",
        "test_console_for_everybody.py",
        "test_console_mistakes.py",
        "test_docs.py",
        "test_estimate_link_and_retry.py",
    }
)
"""End-to-end tests that run on the second stack; all others run on the first one."""

LOOKS_BACK = (
    "test_logs.py",
    "test_policies.py::test_no_function_does_what_its_policy_does_not_allow",
)
"""Checks of all that happened on a stack: they run on both."""

INTERRUPTED = 130
"""Exit code of a command that SIGINT has ended."""

GRACE_SECONDS = 60
"""Time in which an interrupted run stops its servers."""


@dataclass(frozen=True)
class Run:
    """One run of pytest."""

    name: str
    tests: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_measured: bool = False
    """Whether its coverage is measured: what runs on a stack runs in other processes."""


def plan_runs() -> tuple[Run, Run, Run, Run]:
    """Returns the four runs; together they have every test, those that look back on a stack twice."""
    files = sorted(path.name for path in END_TO_END.glob("test_*.py"))
    first = [name for name in files if name not in SECOND_STACK]
    second = [name for name in files if name in SECOND_STACK]
    return (
        Run("e2e-1", _in_folder(first)),
        Run("e2e-2", _in_folder([*second, *LOOKS_BACK]), {"RESMA_E2E_NAME": "2"}),
        Run("integration", ("tests/integration",), is_measured=os.environ.get(WITH_INTEGRATION) == "1"),
        Run("unit-readers", ("tests/unit", "tests/readers"), is_measured=True),
    )


def _in_folder(names: Sequence[str]) -> list[str]:
    return [f"{END_TO_END.relative_to(ROOT)}/{name}" for name in names]


def main() -> int:
    """Returns 0 where all runs have passed, and otherwise the exit code of the first one that has not."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        return _run_all(processes)
    except KeyboardInterrupt:
        print("\nInterrupted. The runs are stopping what they have started ...", file=sys.stderr)
        return INTERRUPTED
    finally:
        _stop(processes)


def _run_all(processes: list[subprocess.Popen[bytes]]) -> int:
    """Starts each run, adding its process to `processes`, and waits for all of them."""
    first, *others = plan_runs()
    is_measured = any(run.is_measured for run in (first, *others))
    if is_measured:  # what an interrupted run has left would count too
        subprocess.run([*_COVERAGE, "erase"], cwd=ROOT, check=True)
    processes.append(_start(first, None))
    processes += (_start(run, OUTPUT / f"{run.name}.txt") for run in others)
    codes = {first.name: processes[0].wait()}
    for run, process in zip(others, processes[1:], strict=True):
        codes[run.name] = process.wait()
        print(f"\n---------------- {run.name}\n", flush=True)
        sys.stdout.buffer.write((OUTPUT / f"{run.name}.txt").read_bytes())
    if is_measured:
        report_coverage()
    print("\n---------------- skipped tests\n")
    print(describe_skipped(count_skipped(_junit_report(run) for run in (first, *others))), end="\n\n")
    for name, code in codes.items():
        print(f"{name}: {'passed' if code == 0 else f'failed with exit code {code}'}", flush=True)
    return next((code for code in codes.values() if code), 0)


def report_coverage() -> None:
    """Prints the lines and branches that the measured runs have covered; `.resma/coverage.txt` has each module's."""
    subprocess.run([*_COVERAGE, "combine", "--quiet"], cwd=ROOT, check=False)
    done = subprocess.run([*_COVERAGE, "report"], cwd=ROOT, capture_output=True, text=True, check=False)
    (STATE / "coverage.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    print("\n---------------- coverage: lines and branches of functions and infra\n")
    print("\n".join((done.stdout or done.stderr).strip().splitlines()[-3:]), flush=True)


def _command_of(run: Run) -> Sequence[str]:
    python = (*_COVERAGE, "run", "--parallel-mode") if run.is_measured else (sys.executable,)
    return (*python, "-m", "pytest", f"--junitxml={_junit_report(run)}", *run.tests)


def _junit_report(run: Run) -> Path:
    return OUTPUT / f"{run.name}.xml"


def _start(run: Run, output: Path | None) -> subprocess.Popen[bytes]:
    """Starts a run that prints into a file, or where this process prints."""
    with (output or Path(os.devnull)).open("wb") as file:
        return subprocess.Popen(
            _command_of(run),
            cwd=ROOT,
            env={**os.environ, **run.environment},
            stdin=subprocess.DEVNULL,
            stdout=file if output else None,
            stderr=subprocess.STDOUT if output else None,
            # A group of its own: a terminal's Ctrl-C reaches this process alone, which passes it on once.
            process_group=0,
        )


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Has runs that are under way tear down what they have started; kills them after a minute, or on another Ctrl-C."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    try:
        for process in processes:
            process.wait(GRACE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
