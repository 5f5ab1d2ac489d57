"""The command line without a network: help, parsing, choice of the API, start-up time and output."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import util as importlib_util
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer.main
from packaging.requirements import Requirement
from rich.console import Console
from urllib3 import ProxyManager

from infra.paths import ROOT
from resma_cli import VERSION, connection
from resma_cli.api_client import connect_to, path_of
from resma_cli.api_to_commands import replace_requests_by_commands
from resma_cli.commands.types import _draw_one
from resma_cli.connection import ApiConfig, find_api_config
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.main import app, main
from resma_cli.output import clean, draw_pairs
from resma_cli.profiles import Profile, save_profile
from resma_cli.progress import describe_progress
from resma_cli.request_options import read_options, read_pairs, read_password, shape_filters
from resma_cli.target import OutputTarget
from resma_cli.webhook_receiver import WebhookInbox
from tests.support.docs_pages import commands as page_commands

REPORT: dict[str, Any] = {
    "status": "PENDING",
    "attempt": 1,
    "progress": {"rowsDone": 0, "rowsExpected": None, "queuePosition": 0, "etaSeconds": None, "stage": "waiting"},
}


def commands(group: Any = None, path: tuple[str, ...] = ("resma",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields every command, with the words that call it."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in commands()]


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No deployment is named, and no stack is up."""
    for name in ("RESMA_URL", "RESMA_KEY", "RESMA_STACK", "RESMA_PROFILE", "RESMA_TIME_ZONE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(connection, "ROOT", tmp_path)
    monkeypatch.setenv("RESMA_CONFIG", str(tmp_path / "config.ini"))


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_every_command_has_help_and_examples(path: tuple[str, ...], command: Any) -> None:
    assert (command.help or "").strip()
    assert command.epilog.startswith("Examples:")
    examples = command.epilog.split("\n\n")[1:]
    assert examples
    for example in examples:
        assert " ".join(path) in example
    assert [option.name for option in command.params if not option.help] == []


def require_valid(line: str) -> None:
    """Asserts that a command line is valid: its command and options exist."""
    words = [word for word in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    for end in (word for word in ("|", "<") if word in words):
        words = words[: words.index(end)]
    assert words.pop(0) == "resma", line
    command = typer.main.get_command(app)
    if words[0].startswith("-"):  # an option of `resma` itself, which is not executed, because it may install something
        assert words[0] in [name for option in command.params for name in option.opts], line
        return
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("resma", words, help_option_names=["-h", "--help"])


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_examples_are_valid(path: tuple[str, ...], command: Any) -> None:
    for example in command.epilog.split("\n\n")[1:]:
        require_valid(example)


def test_the_page_documents_exactly_the_commands_that_exist() -> None:
    page = ROOT / "docs" / "command-line.md"
    table = re.findall(r"^\| `(resma [a-z -]+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(table) == sorted(" ".join(path) for path, _ in commands())
    lines = [each.text for each in page_commands(page) if each.text.startswith("resma ") and each.text not in table]
    for line in lines:
        with contextlib.suppress(typer.Exit):  # raised by --help
            require_valid(line.replace("--aws-stack", "--aws-stack NAME"))


@pytest.mark.parametrize("arguments", [["--help"], ["generate", "--help"], ["schedule", "create", "--help"]])
def test_help_loads_no_slow_modules(arguments: list[str]) -> None:
    program = (
        "import infra, sys; from resma_cli.main import main; code = main(sys.argv[1:])\n"
        "slow = {'psycopg', 'duckdb', 'boto3', 'botocore', 'reportlab', 'worker', 'infra.local', 'standardwebhooks'}\n"
        "loaded = slow & set(sys.modules)\n"
        "sys.exit(f'loaded: {loaded}' if loaded else code)\n"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: resma" in done.stdout


def test_the_launcher_works_in_any_folder_and_imports_nothing_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib_util.spec_from_file_location("bootstrap", ROOT / "infra" / "local" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    bootstrap = importlib_util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    state = tmp_path / "a state's folder"
    monkeypatch.setattr(bootstrap, "STATE", str(state))
    binaries = state / "venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="ascii")
    (binaries / "python").chmod(0o755)
    bootstrap.write_launcher()
    written = (binaries / "resma").stat()
    bootstrap.write_launcher()
    assert (binaries / "resma").stat().st_ino == written.st_ino, "an up-to-date launcher is not rewritten"
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "__init__.py").write_text("raise SystemExit('must not be imported')", encoding="ascii")
    done = subprocess.run(
        [binaries / "resma", "schedule", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: resma schedule" in done.stdout


def test_the_clients_dependencies_are_those_of_the_project() -> None:
    client = tomllib.loads((ROOT / "infra" / "cli" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    known = {
        Requirement(text).name: text
        for text in (*project["project"]["dependencies"], *project["dependency-groups"]["local"])
        if isinstance(text, str)
    }
    required = [*client["dependencies"], *client["optional-dependencies"]["aws"]]
    assert {text: known.get(Requirement(text).name) for text in required} == {text: text for text in required}
    oldest, _too_new = project["project"]["requires-python"].split(",")
    assert client["requires-python"] == oldest, "the client has no dependency that limits newer versions of Python"


# ---------------------------------------------------------------------- request options

SCHEMA = {
    "from": {"type": "string", "format": "date"},
    "status": {"type": "array", "items": {"enum": ["BOOKED", "PENDING"]}},
    "account": {"type": "integer"},
    "open": {"type": "boolean"},
}


@pytest.mark.parametrize(
    ("values", "filters"),
    [
        (["from=2024-01-01"], {"from": "2024-01-01"}),
        (["status=BOOKED,PENDING"], {"status": ["BOOKED", "PENDING"]}),
        (["status=BOOKED", "status=PENDING"], {"status": ["BOOKED", "PENDING"]}),
        (["status=BOOKED"], {"status": ["BOOKED"]}),
        (["account=42"], {"account": 42}),
        (["account=-42"], {"account": -42}),
        (["account=forty-two"], {"account": "forty-two"}),
        (["account=²"], {"account": "²"}),
        (["account="], {"account": ""}),
        (["open=true"], {"open": True}),
        (["unknown=a=b"], {"unknown": "a=b"}),
        (["unknown=a", "unknown=b"], {"unknown": ["a", "b"]}),
    ],
)
def test_filters_get_the_types_of_the_schema(values: list[str], filters: dict[str, Any]) -> None:
    assert shape_filters(read_pairs(values, "a=b"), SCHEMA) == filters


@pytest.mark.parametrize("values", [["from"], ["=x"], [" =x"], ["from=1", "from=2"]])
def test_an_invalid_filter_is_a_usage_error(values: list[str]) -> None:
    with pytest.raises(CommandFailedError) as failed:
        shape_filters(read_pairs(values, "--filter from=2024-01-01"), SCHEMA)
    assert failed.value.exit_code is ExitCode.USAGE


def test_options_by_format() -> None:
    values = ["csv.profile=excel", "CSV.compression=gzip", "pdf.paper=A4"]
    assert read_options(values) == {"csv": {"profile": "excel", "compression": "gzip"}, "pdf": {"paper": "A4"}}
    assert read_options(["csv.delimiter=;", "pdf.cover=false", "pdf.contents=true", "pdf.paper=null"]) == {
        "csv": {"delimiter": ";"},
        "pdf": {"cover": False, "contents": True, "paper": None},
    }


@pytest.mark.parametrize("values", [["csv=excel"], ["csv.=x"], [".profile=x"], ["csv.profile=a", "csv.profile=b"]])
def test_an_invalid_option_is_rejected(values: list[str]) -> None:
    with pytest.raises(CommandFailedError):
        read_options(values)


def test_a_password_of_pdf_files_is_never_an_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandFailedError, match="--pdf-password-file"):
        read_options(["PDF.password=correct horse"])
    file = tmp_path / "password"
    file.write_text("correct hörse \nanother line\n", encoding="utf-8")
    assert read_password(str(file)) == "correct hörse "
    monkeypatch.setattr("sys.stdin", StringIO("from a pipe\n"))
    assert read_password("-") == "from a pipe"
    for content in (b"", b"\n", b"\nsecond", b"\xff\xfe"):
        file.write_bytes(content)
        with pytest.raises(CommandFailedError, match="password file"):
            read_password(str(file))
    with pytest.raises(CommandFailedError, match="No such file"):
        read_password(str(tmp_path / "missing"))


@pytest.mark.parametrize("part", ["", "..", ".", "a/b", "a?b", "a%2fb", "ä", "a\n", "a" * 201])
def test_an_invalid_id_is_never_part_of_a_url(part: str) -> None:
    with pytest.raises(CommandFailedError):
        path_of("reports", part)


# ---------------------------------------------------------------------- choice of the API


def test_a_url_is_normalized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESMA_URL", " https://reports.example/prod/api/v1/ ")
    monkeypatch.setenv("RESMA_KEY", "rsm_a_b")
    assert find_api_config(None, None) == ApiConfig("https://reports.example/prod", "rsm_a_b")
    assert find_api_config("https://other.example", None).url == "https://other.example"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("reports.example", "https://reports.example"),
        ("reports.example/prod/", "https://reports.example/prod"),
        ("localhost:3051", "http://localhost:3051"),
        ("127.0.0.1:3051/api/v1", "http://127.0.0.1:3051"),
        ("[::1]:80", "http://[::1]:80"),
    ],
)
def test_a_host_without_a_scheme_is_https_or_http_on_this_machine(text: str, url: str) -> None:
    assert find_api_config(text, None).url == url


@pytest.mark.parametrize(
    "url",
    [
        "a b",
        "localhost:port",
        "ftp://reports.example",
        "https://",
        "https://u:p@reports.example",
        "https://a/?b",
        "https://a:b/",
        "https://a:0/",
    ],
)
def test_an_invalid_url_is_rejected(url: str) -> None:
    with pytest.raises(CommandFailedError) as failed:
        find_api_config(url, None)
    assert failed.value.exit_code is ExitCode.USAGE


def test_a_key_is_never_sent_unencrypted_over_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESMA_KEY", "rsm_a_b")
    assert find_api_config("http://localhost:3008", None).key == "rsm_a_b"
    for url in ("http://reports.example", "http://127.0.0.1.example", "http://localhost.example", "http://10.0.0.1"):
        with pytest.raises(CommandFailedError, match="unencrypted"):
            find_api_config(url, None)


def test_a_key_of_the_environment_is_also_sent_to_the_running_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RESMA_KEY", "rsm_a_b")
    with pytest.raises(CommandFailedError) as failed:
        find_api_config(None, None)
    assert failed.value.exit_code is ExitCode.UNREACHABLE
    folder = tmp_path / ".resma" / "local"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text('{"api_url": "http://localhost:3008"}', encoding="ascii")
    assert find_api_config(None, None) == ApiConfig("http://localhost:3008", "rsm_a_b", is_embedded=True)
    monkeypatch.delenv("RESMA_KEY")
    assert find_api_config(None, None) == ApiConfig("http://localhost:3008", None, is_embedded=True)
    (folder / "state.json").write_text("{", encoding="ascii")
    with pytest.raises(CommandFailedError, match="no stack is up"):
        find_api_config(None, None)


def test_a_state_file_with_another_machines_url_gets_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RESMA_KEY", "rsm_a_b")
    folder = tmp_path / ".resma" / "local"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text('{"api_url": "https://reports.example"}', encoding="ascii")
    with pytest.raises(CommandFailedError, match="is not this machine"):
        find_api_config(None, None)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("2 parts of the request are not valid: see `errors`.", "2 parts of the request are not valid"),
        ("no report 1: GET /api/v1/reports lists yours", "no report 1: `resma list` lists yours"),
        ("GET /api/v1/reports/{id}/deliveries has them", "`resma webhook deliveries --report ID` has them"),
        ("GET /api/v1/report-types lists them", "`resma type list` lists them"),
        ("GET /api/v1/schedules lists yours", "`resma schedule list` lists yours"),
        ("GET /api/v1/webhook-endpoints lists yours", "`resma webhook list` lists yours"),
        ("GET /api/v1/api-keys lists yours", "`resma key list` lists yours"),
        ("redrive it (POST /api/v1/dead-letters/1-a/redrive) or", "redrive it (`resma dead-letter redrive 1-a`) or"),
        ("GET /api/v1/reports/{id}/summary", "GET /api/v1/reports/{id}/summary"),
    ],
)
def test_requests_in_messages_are_replaced_by_commands(message: str, expected: str) -> None:
    assert replace_requests_by_commands(message) == expected


def test_every_request_in_the_apis_messages_has_a_command() -> None:
    """The messages are those in the source code of the functions."""
    advice = re.compile(r"GET /api/v1/[\w/{}-]+ (?:lists|has) (?:yours|your [a-z]+|them|the [a-z]+ of a report)")
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "functions").rglob("*.py")]
    messages = {message for source in sources for message in advice.findall(source)}
    assert len(messages) > 5
    assert [message for message in sorted(messages) if replace_requests_by_commands(message) == message] == []


def test_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("rsm_a_b\n", encoding="ascii")
    config = find_api_config("https://reports.example", path)
    assert config.key == "rsm_a_b"
    assert "rsm_a_b" not in repr(config)


@pytest.mark.parametrize("content", [b"", b"\n", b"rsm_a b", b"a\nb", b"\xff", b"a" * 20_000])
def test_an_invalid_key_file_is_rejected_without_quoting_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(CommandFailedError) as failed:
        find_api_config("https://reports.example", path)
    assert failed.value.exit_code is ExitCode.USAGE
    assert "rsm_a b" not in str(failed.value)
    with pytest.raises(CommandFailedError, match="can't be read"):
        find_api_config("https://reports.example", tmp_path / "missing")


def test_a_proxy_is_used_except_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    proxied = connect_to("https://reports.example")
    assert isinstance(proxied, ProxyManager)
    assert str(proxied.proxy) == "http://proxy.example:3128"
    for url in ("http://localhost:3008", "http://127.0.0.1:3008", "https://inside.example"):
        assert not isinstance(connect_to(url), ProxyManager)


# ---------------------------------------------------------------------- output


def test_characters_that_a_terminal_cannot_show_are_replaced() -> None:
    program = "import infra, sys; from resma_cli.main import main; sys.exit(main(['list', '--url', 'ftp://caf\u00e9']))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("resma: ftp://caf? is not a URL")


def test_values_contain_no_control_characters_and_no_markup() -> None:
    assert clean("a\x1b[2Jb\x07c\u202ed[bold]").plain == "a\ufffd[2Jb\ufffdc\ufffdd[bold]"
    written = StringIO()
    draw_pairs(Console(file=written, force_terminal=True), [("title", "\x1b]0;owned\x07[link=x]")])
    assert "\x1b]0" not in written.getvalue()
    assert "[link=x]" in written.getvalue()


@pytest.mark.parametrize("text", ["👨\u200d👩\u200d👧 2024", "می\u200cخواهم", "1\u202f234,50\xa0€", "❤\ufe0f"])
def test_joiners_and_spaces_of_all_scripts_are_shown(text: str) -> None:
    assert clean(text).plain == text


@pytest.mark.parametrize(
    "char", ["\u200b", "\u200e", "\u2028", "\u2029", "\u2066", "\ufeff", "\x85", "\ud800", "\U000e0041"]
)
def test_invisible_characters_are_not_shown(char: str) -> None:
    assert clean(f"a{char}b").plain == "a\ufffdb"


def test_no_color_prevents_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written = StringIO()
    item = {"type": "A", "description": "b", "formats": [], "locales": [], "filters": {}, "columns": [], "splitBy": []}
    _draw_one(Console(file=written, force_terminal=True), item)
    assert "\x1b[3" not in written.getvalue()


def test_progress_is_described() -> None:
    assert describe_progress(REPORT) == "next in the queue, waiting"
    waiting = {"dependency": "object-store", "since": "2026-11-30T10:00:00Z", "nextAttemptAt": "2026-11-30T10:00:05Z"}
    expected = "next in the queue, waiting for the object store, which is unavailable"
    assert describe_progress({**REPORT, "waitingFor": waiting}) == expected
    progress = {"rowsDone": 50, "rowsExpected": 100, "queuePosition": None, "etaSeconds": 12.4, "stage": "writing"}
    under_way = {"status": "GENERATING", "attempt": 2, "continuations": 0, "progress": progress}
    assert describe_progress(under_way, 4200) == "writing, 4,200 rows/s, ETA 12 s, attempt 2"
    old = {"status": "PENDING", "attempt": 0, "progress": {"rowsDone": 0, "rowsExpected": None}}
    assert describe_progress(old) == ""


def test_the_target_is_checked_before_a_request(tmp_path: Path) -> None:
    existing = tmp_path / "existing.csv"
    existing.touch()
    wrong = [(existing, 1), (tmp_path / "new", 2), (tmp_path / "no" / "a.csv", 1), (f"{existing}/", 1), ("-", 2)]
    for path, files in wrong:
        with pytest.raises(CommandFailedError) as failed:
            OutputTarget(str(path)).check(files)
        assert failed.value.exit_code is ExitCode.USAGE
    for path, files in [(tmp_path, 2), (tmp_path / "new.csv", 1), (f"{tmp_path}/new/reports/", 2), ("-", 1)]:
        OutputTarget(str(path)).check(files)
    OutputTarget(str(existing), overwrite=True).check(1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["existing.csv"], "nothing has been created"


def test_a_folder_with_a_slash_is_created_with_its_parents(tmp_path: Path) -> None:
    assert OutputTarget(f"{tmp_path}/new/reports/").path_of("a.csv") == tmp_path / "new" / "reports" / "a.csv"
    assert (tmp_path / "new" / "reports").is_dir()


def test_a_webhook_with_an_invalid_signature_is_rejected() -> None:
    inbox = WebhookInbox()
    assert not inbox.take(b"{}", {})
    inbox.trust("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = json.dumps({"id": "evt_x"}).encode()
    for headers in (
        {},
        {"webhook-id": "evt_x", "webhook-timestamp": "0", "webhook-signature": "v1,AAAA"},
        {"webhook-id": "evt_x", "webhook-timestamp": "x", "webhook-signature": "garbage \xff"},
    ):
        assert not inbox.take(body, headers)
    while not inbox.received.empty():
        assert inbox.received.get().message is None
    with pytest.raises(CommandFailedError):
        inbox.trust("whsec_é")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("resma sch", ["schedule"]),
        ("resma list --status R", ["READY"]),
        ("resma list --status r", ["ready"]),
        ("resma --quiet generate TRANSACTIONS -f P", ["PARQUET", "PDF"]),
        ("resma list --profile te", ["test"]),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_values(shell: str, typed: str, completed: list[str]) -> None:
    """ReportOptions as the scripts ask that `--show-completion` prints."""
    save_profile(Profile("test", "https://test.example"))
    variables = {
        "_RESMA_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    program = "import infra, sys; from resma_cli.main import main; sys.exit(main([]))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert all(value in re.findall(r"[A-Za-z-]+", done.stdout) for value in completed), done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed_for_each_shell(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import shellingham, sys\n"
        f"shellingham.detect_shell = lambda *_, **__: ({shell!r}, '/bin/{shell}')\n"
        "import infra; from resma_cli.main import main; sys.exit(main(['--show-completion']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, f"_RESMA_COMPLETE=complete_{shell}" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("arguments", [["-h"], ["list", "-h"], ["schedule", "create", "-h"]])
def test_h_is_help(arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main(arguments) == 0
    assert "Usage: resma" in capsys.readouterr().out


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_consists_of_sentences(path: tuple[str, ...], command: Any) -> None:
    """Each text starts with a capital letter or a backtick, and ends with a period or an ellipsis."""
    texts = [command.help, *(option.help for option in command.params)]
    assert [text for text in texts if not (text[0].isupper() or text[0] == "`") or text.rstrip()[-1] not in ".…"] == []


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--version"], 0), (["webhook"], 2)])
def test_help_is_shown_without_a_command(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main(arguments) == code
    output = capsys.readouterr()
    assert (f"resma {VERSION}" if arguments == ["--version"] else "Usage: resma") in output.out
    assert output.err == ""


def test_an_internal_error_is_reported_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import infra, resma_cli.main as main, sys\n"
        "from resma_cli import shared_options\n"
        "shared_options.ApiOptions.api = property(lambda self: 1 / 0)\n"
        "sys.exit(main.main(['list', '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["detail"].startswith("This is an error in resma itself (ZeroDivisionError")
