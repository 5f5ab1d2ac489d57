"""`resma up`, `down`, `demo` and `logs`: which options they pass on, and how they show what comes back."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.errors import StackBusyError
from infra.local import commands
from infra.local.commands import DemoOptions, LogOptions, UpOptions, UpResult
from infra.local.demo import DemoSummary
from infra.local.progress import Progress
from infra.local.stack import Running
from infra.servers.processes import ProcessId
from resma_cli.main import main

RUNNING = Running(
    api_url="http://localhost:3009",
    aws_url="http://127.0.0.1:4566",
    database_url="postgresql://owner:password@127.0.0.1:5432/resma",
    webhook_secret="whsec_c2VjcmV0",
    outputs={"Bucket": "files"},
    localstack=ProcessId(1, 1.0),
    postgres_port=5432,
    catalog="/project/reports",
)
SUMMARY = DemoSummary("840edab4", "READY", "CSV", 7, 70, "ab" * 32, "/files/a.csv", 2.0, 1.0, 90.0, True)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of a command, a state folder of the test's own, and the signals' handlers as they were."""
    for name in (
        "PORT",
        "ROWS",
        "FORMAT",
        "REPORT",
        "FUNCTION",
        "SINCE",
        "FOLLOW",
        "RESMA_DEBUG",
        "SOURCE",
        "RESMA_CATALOG",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RESMA_STACK", "test")
    monkeypatch.setattr(commands, "STATE", tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The options that the stack's functions were called with; they do nothing else than to say so."""
    found: list[object] = []

    def function_of(result: object) -> Callable[[object, Progress], object]:
        def call(options: object, progress: Progress) -> object:
            found.append(options)
            progress.say("it works")
            return result

        return call

    monkeypatch.setattr(commands, "up", function_of(UpResult(RUNNING, was_up=False)))
    monkeypatch.setattr(commands, "demo", function_of(SUMMARY))
    return found


def failing(error: BaseException) -> Callable[..., Any]:
    """A function that raises an error, whatever it is called with."""

    def fail(*_given: object) -> None:
        raise error

    return fail


def test_options_are_passed_on(passed: list[object]) -> None:
    assert main(["up"]) == main(["up", "--port", "3009", "--rows", "7"]) == 0
    assert main(["demo"]) == main(["demo", "--format", "csv", "--rows", "7"]) == 0
    assert passed == [
        UpOptions("test"), UpOptions("test", 3009, 7), DemoOptions("test", "PDF"), DemoOptions("test", "CSV", 7)
    ]  # fmt: skip


def test_source_and_catalog_are_options_and_settings(passed: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgres://reports:secret@db/shop"
    assert main(["up", "--source", url, "--catalog", "mine"]) == 0
    monkeypatch.setenv("SOURCE", url)
    monkeypatch.setenv("RESMA_CATALOG", "mine")
    assert main(["up"]) == 0
    assert passed == [UpOptions("test", source=url, catalog=Path("mine"))] * 2
    assert "secret" not in repr(passed[0])


def test_source_and_catalog_may_be_in_a_dotenv_file(
    passed: list[object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "# comment\nSOURCE='postgres://reports:a#b$c@db/shop'\nRESMA_CATALOG=\nROWS=7\nPATH=/nowhere\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    path = os.environ["PATH"]
    assert main(["up"]) == 0
    assert passed == [UpOptions("test", source="postgres://reports:a#b$c@db/shop")]
    assert os.environ["PATH"] == path
    os.environ["SOURCE"] = "postgres://other/shop"
    assert main(["up"]) == 0
    assert passed[1:] == [UpOptions("test", source="postgres://other/shop")]


def test_settings_of_make_are_options(passed: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PORT": "3009", "ROWS": "7", "FORMAT": "xlsx"}.items():
        monkeypatch.setenv(name, value)
    assert main(["up"]) == main(["demo"]) == main(["up", "--rows", "8"]) == 0
    assert passed == [UpOptions("test", 3009, 7), DemoOptions("test", "XLSX", 7), UpOptions("test", 3009, 8)]


@pytest.mark.parametrize(("variable", "value"), [("ROWS", "x"), ("ROWS", "-1"), ("FORMAT", "DOC"), ("PORT", "65536")])
def test_a_setting_that_is_not_valid_is_named_with_its_value(
    passed: list[object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["up" if variable == "PORT" else "demo"]) == 2
    assert f"({variable}={value})" in capsys.readouterr().err
    assert passed == []


def test_an_option_that_is_not_valid_is_named_without_its_variable(
    passed: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROWS", "7")
    assert main(["demo", "--rows", "-1"]) == 2
    said = capsys.readouterr().err
    assert "'--rows':" in said
    assert "ROWS" not in said
    assert passed == []


def test_progress_is_on_standard_error_and_quiet_leaves_it_out(
    passed: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["demo"])
    loud = capsys.readouterr()
    assert loud.err == "it works\n"
    assert json.loads(loud.out)["path"] == SUMMARY.path
    assert len(loud.out.splitlines()) == 1
    main(["demo", "--quiet"])
    quiet = capsys.readouterr()
    assert (quiet.err, quiet.out) == ("", loud.out)
    assert len(passed) == 2


def test_people_see_what_up_has_started_and_documents_hold_no_secret(
    passed: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["up"])
    printed = capsys.readouterr().out
    assert f"up at {RUNNING.api_url}\n" in printed
    assert f"export DATABASE_URL={RUNNING.database_url}\n" in printed
    main(["up", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "url": RUNNING.api_url,
        "awsUrl": RUNNING.aws_url,
        "outputs": RUNNING.outputs,
        "catalog": RUNNING.catalog,
        "catalogErrors": [],
    }
    assert len(passed) == 2


def test_up_prints_the_database_url_again_and_the_errors_of_report_types(
    passed: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = "/project/reports/orders/query.sql:3: column o.freigt does not exist."
    result = UpResult(RUNNING, was_up=True, catalog_errors=(error,))
    monkeypatch.setattr(commands, "up", lambda *_given: result)
    assert main(["up"]) == 0
    printed = capsys.readouterr()
    assert f"already up at {RUNNING.api_url}" in printed.out
    assert f"console: {RUNNING.api_url}/console\n" in printed.out
    assert f"API documentation: {RUNNING.api_url}/docs\n" in printed.out
    assert f"export DATABASE_URL={RUNNING.database_url}\n" in printed.out
    assert error in printed.err
    assert "in the files or in the database" in printed.err


def test_up_with_a_source_shows_a_report_type_of_the_catalog(
    passed: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running = replace(RUNNING, source_url="postgresql://reports:hush@db/shop", catalog="/[b]/reports")
    monkeypatch.setattr(commands, "up", lambda *_given: UpResult(running, was_up=False, types=("ORDERS",)))
    main(["up"])
    printed = capsys.readouterr().out
    assert "resma generate ORDERS --format PDF --wait" in printed
    assert "report types: /[b]/reports" in printed
    assert "hush" not in printed
    monkeypatch.setattr(commands, "up", lambda *_given: UpResult(running, was_up=False, catalog_errors=("a:1: b",)))
    main(["up"])
    assert "resma generate" not in capsys.readouterr().out


def test_an_error_of_the_stack_is_a_document_with_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "down", failing(StackBusyError("wait")))
    assert main(["down", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["detail"], error["exitCode"]) == ("stack-busy", "wait", 1)


def test_two_commands_do_not_start_or_stop_a_stack_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with commands.alone("test"):
        assert main(["down"]) == 1
    assert "is running. Wait until it has ended." in capsys.readouterr().err


def test_an_interrupt_says_that_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "up", failing(KeyboardInterrupt()))
    monkeypatch.setattr(commands, "logs", failing(KeyboardInterrupt()))
    assert main(["up"]) == 130
    assert "everything that was started is stopped" in capsys.readouterr().err
    assert main(["logs"]) == 130
    assert capsys.readouterr().err == "resma: Interrupted.\n", "it starts nothing"


def test_logs_are_the_end_of_each_or_the_lines_that_options_select(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "test" / "logs"
    folder.mkdir(parents=True)
    (folder / "resma-local-WorkerFunction-1.log").write_text("".join(f"line {number}\n" for number in range(50)))
    (folder / "resma-local-ApiFunction-1.log").write_text("[bold] is not markup\n")
    assert main(["logs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["==> resma-local-ApiFunction-1 <==", "[bold] is not markup", ""]
    assert lines[3:5] == ["==> resma-local-WorkerFunction-1 <==", "line 10"]
    assert main(["logs", "--json", "--function", "worker"]) == 0
    assert json.loads(capsys.readouterr().out)["text"].splitlines()[-1].endswith("line 49")
    assert main(["logs", "--json", "--report", "840e"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "nothing-logged"
    assert main(["logs", "--json", "--follow"]) == 2


def test_following_begins_with_what_is_new_unless_something_else_selects() -> None:
    assert commands._selection(LogOptions("test", follow=True)).since is not None
    assert commands._selection(LogOptions("test", report="840e", follow=True)).since is None
    assert commands._selection(LogOptions("test", function="worker")).since is None
