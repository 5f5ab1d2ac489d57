"""`make test` runs every test, returns the exit code of a failure, and can be interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.paths import ROOT
from tests.everything import CHECKS_OF_THE_STACK, SECOND_STACK, plan_runs
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.skipped_tests import count_skipped, describe_skipped

RUNNER = """
import sys
from pathlib import Path
from tests import everything

folder = Path(sys.argv[1])
everything.OUTPUT = folder / "output"
files = sorted(folder.glob("test_*.py"))
everything.plan_runs = lambda: tuple(everything.PytestRun(path.stem, [str(path)]) for path in files)
sys.exit(everything.main())
"""
"""A program that runs each test file of a folder as a separate run."""

SKIPS = """
import pytest

@pytest.mark.skipif(True, reason="no minio")
@pytest.mark.parametrize("number", range(3))
def test_a_mark(number):
    pass

def test_a_call():
    pytest.skip("no   java\\nhere")

@pytest.mark.xfail(strict=True)
def test_expected_failure():
    raise AssertionError
"""
PASSES = "def test_it():\n    pass\n"
FAILS = "def test_it():\n    raise AssertionError('on purpose')\n"
WAITS = """
import pathlib, time

def test_it():
    folder = pathlib.Path(__file__).parent
    try:
        (folder / "waiting-{number}").touch()
        time.sleep(600)
    finally:
        (folder / "torn-down-{number}").touch()
"""


def start(folder: Path, *files: str, program: str = RUNNER) -> subprocess.Popen[str]:
    """Starts a run for each file."""
    for number, text in enumerate(files):
        (folder / f"test_{number}.py").write_text(text.replace("{number}", str(number)), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_every_test_is_in_one_run_and_checks_of_a_stack_are_in_both() -> None:
    first, second, *others = plan_runs()
    files = {f"tests/e2e/{path.name}" for path in (ROOT / "tests" / "e2e").glob("test_*.py")}
    looks_back = {f"tests/e2e/{name}" for name in CHECKS_OF_THE_STACK}
    assert {name.partition("::")[0] for name in looks_back} <= set(first.tests)
    assert looks_back <= set(second.tests)
    alone = set(second.tests) - looks_back
    assert alone == {f"tests/e2e/{name}" for name in SECOND_STACK}
    assert not alone & set(first.tests)
    assert alone | set(first.tests) == files
    others_parts = [path.relative_to(ROOT).parts for path in (ROOT / "tests").rglob("test_*.py")]
    folders = {"/".join(parts[: 3 if parts[1] == "integration" else 2]) for parts in others_parts}
    assert sorted(folders) == sorted(["tests/e2e", *(test for run in others for test in run.tests)])
    assert re.fullmatch(r"\d+", second.environment["RESMA_E2E_NAME"])


@pytest.mark.slow
def test_a_run_starts_after_the_run_that_it_follows(tmp_path: Path) -> None:
    file = "import pathlib, time\nFILE = pathlib.Path(__file__).with_name('ended')\n"
    ends = f"{file}def test_it():\n    time.sleep(1)\n    FILE.touch()\n"
    begins = f"{file}def test_it():\n    assert FILE.exists()\n"
    follows = 'everything.PytestRun(path.stem, [str(path)], follows="test_0" if path.stem == "test_1" else None)'
    program = RUNNER.replace("everything.PytestRun(path.stem, [str(path)])", follows)
    runs = start(tmp_path, ends, begins, PASSES, program=program)
    printed = runs.communicate(timeout=PATIENCE_SECONDS)[0]
    assert runs.returncode == 0, printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "code"), [((PASSES, PASSES), 0), ((PASSES, FAILS), 1), ((FAILS, PASSES), 1), ((PASSES, "1/0"), 2)]
)
def test_the_exit_code_is_that_of_the_failed_run(tmp_path: Path, files: tuple[str, str], code: int) -> None:
    runs = start(tmp_path, *files)
    printed = runs.communicate(timeout=PATIENCE_SECONDS)[0]
    assert runs.returncode == code, printed
    for number, text in enumerate(files):
        assert (f"test_{number}: passed" in printed) == (text == PASSES), printed
    assert "test_1.py" in (tmp_path / "output" / "test_1.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_all_runs_have_skipped_is_listed_at_the_end_by_reason(tmp_path: Path) -> None:
    runs = start(tmp_path, SKIPS, PASSES, SKIPS)
    printed = runs.communicate(timeout=PATIENCE_SECONDS)[0]
    assert runs.returncode == 0, printed
    end = printed.partition("---------------- skipped tests\n\n")[2]
    assert end.splitlines() == [
        "8 skipped, by reason:",
        "     6  no minio",
        "     2  no java here",
        "",
        *(f"test_{number}: passed" for number in range(3)),
    ]


def test_without_skipped_tests_the_list_says_so(tmp_path: Path) -> None:
    """A run that died before its end has no report."""
    assert describe_skipped(count_skipped([tmp_path / "died.xml"])) == "No test was skipped."


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_an_interrupt_ends_all_runs_after_their_teardown(tmp_path: Path, number: signal.Signals) -> None:
    runs = start(tmp_path, WAITS, WAITS)
    eventually("both wait", lambda: runs.poll() is not None or len(list(tmp_path.glob("waiting-*"))) == 2)
    os.kill(runs.pid, number)
    printed = runs.communicate(timeout=PATIENCE_SECONDS)[0]
    assert runs.returncode == 130, printed
    assert len(list(tmp_path.glob("torn-down-*"))) == 2
    assert "Traceback" not in printed
