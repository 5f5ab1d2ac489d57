"""`python -m tests.everything` runs all tests in five runs of pytest, four of them in parallel.

Tests with the mark `long` are omitted; `make test-long` runs them.

Two runs are end-to-end tests, each on its own stack; they wait most of the time. The third has one half of the
integration tests, the fourth the unit tests and the tests with other readers; the other half of the integration tests
follows it. The output of the first run is printed at once, that of the others after they have ended; it is also saved
in `.resma/test-output`. At the end, the number of skipped tests is printed by reason.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.paths import ROOT, STATE
from tests.support.skipped_tests import count_skipped, describe_skipped

OUTPUT = STATE / "test-output"

WITH_COVERAGE = "RESMA_COVERAGE"
"""Variable that measures the coverage of unit and integration tests (`make coverage`).

They take one and a half times as long. End-to-end tests are not measured: the code runs in other processes.
"""

_COVERAGE = (sys.executable, "-m", "coverage")

END_TO_END = ROOT / "tests" / "e2e"
INTEGRATION = ROOT / "tests" / "integration"

SECOND_STACK = frozenset(
    {
        "test_chaos.py",
        "test_cli.py",
        "test_clients.py",
        "test_console.py",
        "test_console_accessibility.py",
        "test_console_errors.py",
        "test_docs.py",
        "test_estimate_link_and_retry.py",
        "test_minio.py",
        "test_resume.py",
    }
)
"""End-to-end tests that run on the second stack; all others run on the first one."""

CHECKS_OF_THE_STACK = (
    "test_logs.py",
    "test_policies.py::test_no_function_does_what_its_policy_does_not_allow",
)
"""Tests that check everything that happened on a stack; they run on both stacks."""

SECOND_INTEGRATION = frozenset({"catalog", "files", "operations", "schedules", "webhooks"})
"""Folders of integration tests in the second run, which takes about as long as the first one."""

POLL_SECONDS = 0.1
"""Pause between two checks whether a run has ended."""

INTERRUPTED = 130
"""Exit code of a command that was ended by SIGINT."""

GRACE_SECONDS = 60
"""Maximum time that an interrupted run has to stop its servers."""


@dataclass(frozen=True)
class PytestRun:
    """One run of pytest."""

    name: str
    tests: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_measured: bool = False
    """Whether its coverage is measured."""
    follows: str | None = None
    """Name of the run that must have ended before this one starts; None if it starts at once."""


def plan_runs() -> tuple[PytestRun, ...]:
    """Returns all runs. Together they have every test; those in `CHECKS_OF_THE_STACK` are in two runs."""
    files = sorted(path.name for path in END_TO_END.glob("test_*.py"))
    first = [name for name in files if name not in SECOND_STACK]
    second = [name for name in files if name in SECOND_STACK]
    folders = sorted(path.name for path in INTEGRATION.iterdir() if any(path.rglob("test_*.py")))
    is_measured = os.environ.get(WITH_COVERAGE) == "1"
    return (
        PytestRun("e2e-1", _in_folder(END_TO_END, first)),
        PytestRun("e2e-2", _in_folder(END_TO_END, [*second, *CHECKS_OF_THE_STACK]), {"RESMA_E2E_NAME": "2"}),
        PytestRun(
            "integration-1",
            _in_folder(INTEGRATION, [name for name in folders if name not in SECOND_INTEGRATION]),
            is_measured=is_measured,
        ),
        PytestRun("unit-readers", ("tests/unit", "tests/readers"), is_measured=is_measured),
        PytestRun(
            "integration-2",
            _in_folder(INTEGRATION, [name for name in folders if name in SECOND_INTEGRATION]),
            is_measured=is_measured,
            follows="unit-readers",
        ),
    )


def _in_folder(folder: Path, names: Sequence[str]) -> list[str]:
    return [f"{folder.relative_to(ROOT)}/{name}" for name in names]


def main() -> int:
    """Returns 0 if all runs pass, and otherwise the exit code of the first run that fails."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        return _run_all(processes)
    except KeyboardInterrupt:
        print("\nInterrupted. The runs are stopping their servers ...", file=sys.stderr)
        return INTERRUPTED
    finally:
        _stop(processes)


def _run_all(processes: list[subprocess.Popen[bytes]]) -> int:
    """Starts each run, adding its process to `processes`, and waits for all of them."""
    runs = plan_runs()
    is_measured = any(run.is_measured for run in runs)
    if is_measured:  # data of an interrupted run would be counted too
        subprocess.run([*_COVERAGE, "erase"], cwd=ROOT, check=True)
    codes = _wait_for_all(runs, processes)
    for run in runs[1:]:
        print(f"\n---------------- {run.name}\n", flush=True)
        sys.stdout.buffer.write((OUTPUT / f"{run.name}.txt").read_bytes())
    if is_measured:
        report_coverage()
    print("\n---------------- skipped tests\n")
    print(describe_skipped(count_skipped(map(_junit_report, runs))), end="\n\n")
    for run in runs:
        code = codes[run.name]
        print(f"{run.name}: {'passed' if code == 0 else f'failed with exit code {code}'}", flush=True)
    return next((codes[run.name] for run in runs if codes[run.name]), 0)


def _wait_for_all(runs: Sequence[PytestRun], processes: list[subprocess.Popen[bytes]]) -> dict[str, int]:
    """Starts each run when the one that it follows has ended. Returns the exit codes of all runs, by name."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    codes: dict[str, int] = {}
    while len(codes) < len(runs):
        for run in runs:
            if run.name not in started and (run.follows is None or run.follows in codes):
                started[run.name] = _start(run, None if run is runs[0] else OUTPUT / f"{run.name}.txt")
                processes.append(started[run.name])
        time.sleep(POLL_SECONDS)
        codes |= {name: code for name, process in started.items() if (code := process.poll()) is not None}
    return codes


def report_coverage() -> None:
    """Prints the total coverage of the measured runs; `.resma/coverage.txt` has the coverage of each module."""
    subprocess.run([*_COVERAGE, "combine", "--quiet"], cwd=ROOT, check=False)
    done = subprocess.run([*_COVERAGE, "report"], cwd=ROOT, capture_output=True, text=True, check=False)
    (STATE / "coverage.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    print("\n---------------- coverage: lines and branches of functions and infra\n")
    print("\n".join((done.stdout or done.stderr).strip().splitlines()[-3:]), flush=True)


def _command_of(run: PytestRun) -> Sequence[str]:
    python = (*_COVERAGE, "run", "--parallel-mode") if run.is_measured else (sys.executable,)
    return (*python, "-m", "pytest", "-m", "not long", f"--junitxml={_junit_report(run)}", *run.tests)


def _junit_report(run: PytestRun) -> Path:
    return OUTPUT / f"{run.name}.xml"


def _start(run: PytestRun, output: Path | None) -> subprocess.Popen[bytes]:
    """Starts a run whose output goes to a file, or to the output of this process."""
    with (output or Path(os.devnull)).open("wb") as file:
        return subprocess.Popen(
            _command_of(run),
            cwd=ROOT,
            env={**os.environ, **run.environment},
            stdin=subprocess.DEVNULL,
            stdout=file if output else None,
            stderr=subprocess.STDOUT if output else None,
            # A separate process group: Ctrl-C reaches only this process, which sends SIGINT to each run once.
            process_group=0,
        )


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Interrupts the running runs so that they stop their servers; kills them after a minute or at another Ctrl-C."""
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
