"""The command line and split reports: requests, progress, lists, and downloads of many files."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from resma_cli import api_client, files, progress, stream
from resma_cli.main import main
from resma_cli.split_reports import download
from tests.support.scripted_server import Reply, ScriptedServer, problem
from tests.support.split_files import SplitReport

ID = "840edab4-930d-475e-b6a2-bb69c18a6792"
REPORT = f"/api/v1/reports/{ID}"
SPLIT = SplitReport(keys=[("BR-1",), ("BR-2",), (None,)], formats=["CSV", "PDF"])
LIST = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in SPLIT.manifest_lines("x/")), mtime=0)


def _described(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "download": "…"}


MANIFEST = json.dumps(
    {
        "version": 1,
        "reportId": ID,
        "formats": ["CSV", "PDF"],
        "splitBy": ["account"],
        "keys": 3,
        "files": 6,
        "rows": SPLIT.rows,
        "totals": SPLIT.totals_of(SPLIT.rows),
        "list": {"object": "x/list", **_described(LIST)},
        "zip": None,
    }
).encode()


def view(status: str = "READY", keys_done: int = 3, **more: Any) -> dict[str, Any]:
    """Returns a split report as the API shows it."""
    is_ready = status == "READY"
    split = {
        "keys": 3,
        "keysDone": keys_done,
        "files": 2 * keys_done,
        "filesFailed": 0,
        "shards": {"total": 2, "pending": 0, "generating": 2 - is_ready, "done": int(is_ready) + 1, "failed": 0},
        "snapshots": 1,
        "manifest": _described(MANIFEST) if is_ready else None,
        "list": _described(LIST) if is_ready else None,
        "zip": None,
    }
    return {
        "id": ID,
        "type": "ACCOUNT_STATEMENT",
        "formats": ["CSV", "PDF"],
        "filters": {},
        "splitBy": ["account"],
        "title": None,
        "status": status,
        "progress": {"rowsDone": 2 * keys_done, "rowsExpected": SPLIT.rows, "percent": None, "stage": None},
        "attempt": 1,
        "continuations": 0,
        "createdAt": "2026-11-24T10:00:00Z",
        "finishedAt": None,
        "asOf": None,
        "rows": SPLIT.rows if is_ready else None,
        "files": [],
        "split": split,
        "totals": SPLIT.totals_of(SPLIT.rows) if is_ready else None,
        "balance": None,
        "maskedColumns": [],
        "metrics": None,
        "error": None,
        **more,
    }


def _listed(number: int, format_: str, **more: Any) -> dict[str, Any]:
    content = SPLIT.content_of(number, format_)
    return {
        "number": number,
        "key": {"account": SPLIT.keys[number - 1][0]},
        "format": format_,
        "name": SPLIT.name_of(number, format_),
        "rows": SPLIT.rows_of(number),
        "pages": None,
        "totals": [],
        "snapshot": 1,
        "error": None,
        **_described(content),
        **more,
    }


class Store(ScriptedServer):
    """An API with a split report, and the store of its objects. The first format of a file's URL decides the object."""

    contents: Mapping[str, bytes]

    def respond(self, request: Any) -> Reply:
        """Answers requests for presigned URLs and for the objects behind them."""
        path, _, query = request.path.partition("?")
        if path.startswith("/store/"):
            self.requests.append(request)
            content = self.contents[path.removeprefix("/store/")]
            return Reply(206 if "range" in request.headers else 200, content)
        if path.endswith("/download"):
            self.requests.append(request)
            number = re.search(r"/files/(\d+)/", path)
            name = query.partition("=")[2] if number is None else f"{number[1]}.{query.partition('=')[2]}"
            return Reply(303, None, {"Location": f"{self.url}/store/{name}"})
        return super().respond(request)

    def fetched(self) -> list[str]:
        """Returns the names of the objects that were requested, sorted."""
        return sorted(one.path.removeprefix("/store/") for one in self.requests if one.path.startswith("/store/"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A server whose URL and key are in the environment, with a READY split report."""
    for module in (api_client, progress, files, stream):
        monkeypatch.setattr(module, "sleep", lambda _seconds: None)
    with Store() as server:
        monkeypatch.setenv("RESMA_URL", server.url)
        monkeypatch.setenv("RESMA_KEY", "rsm_test_key")
        monkeypatch.setenv("RESMA_CONFIG", str(tmp_path_factory.mktemp("config") / "config.ini"))
        server.contents = {f"{each[0]}.{each[1]}": SPLIT.content_of(*each) for each in SPLIT.files()}
        server.contents |= {"manifest": MANIFEST, "list": LIST}
        server.answer("GET", REPORT, Reply(200, view()))
        listed = [_listed(*each) for each in SPLIT.files()]
        following = f"https://elsewhere.example{REPORT}/files?cursor=2.CSV"
        server.answer(
            "GET",
            f"{REPORT}/files",
            Reply(200, {"files": listed[:3], "next": following}),
            Reply(200, {"files": listed[3:], "next": None}),
        )
        yield server


def test_a_split_report_is_followed_by_files_and_rows(
    server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.answer("POST", "/api/v1/reports/generate", Reply(202, view("PENDING", 0)))
    server.answer("GET", REPORT, Reply(200, view("GENERATING", 1)), Reply(200, view()))
    arguments = ["generate", "account_statement", "-f", "CSV", "-f", "PDF", "--split-by", "account, branch", "--zip"]
    assert main([*arguments, "--wait"]) == 0
    sent = json.loads(server.requests[0].body)
    assert (sent["splitBy"], sent["zip"]) == (["account", "branch"], True)
    output = capsys.readouterr()
    assert "GENERATING: 2 of 6 files, 2 of 6 rows" in output.err
    assert f"SHA-256 {_described(MANIFEST)['sha256']}" in output.out
    assert "The files add up to the snapshot" in output.out
    assert re.search(r"^files +6$", output.out, re.MULTILINE)
    assert "resma files download" in output.err
    assert server.fetched() == []
    server.answer("GET", REPORT, Reply(200, view()))
    assert main([*arguments, "--output", f"{tmp_path}/", "--json"]) == 0
    saved = json.loads(capsys.readouterr().out)["saved"]
    assert [Path(file["path"]).name for file in saved] == ["manifest.json", "manifest.ndjson.gz"]


def test_download_of_a_split_report_saves_its_manifest(
    server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["download", ID, "--output", f"{tmp_path}/new/"]) == 0
    assert (tmp_path / "new" / "manifest.json").read_bytes() == MANIFEST
    assert (tmp_path / "new" / "manifest.ndjson.gz").read_bytes() == LIST
    assert f"resma files download {ID} --all" in capsys.readouterr().err
    assert main(["download", ID, "--output", str(tmp_path / "dl")]) == 2
    assert f"2 files need a folder. Add a slash: `{tmp_path}/dl/`" in capsys.readouterr().err
    assert main(["download", ID, "--format", "pdf"]) == 2
    assert f"`resma files download {ID} --all --format PDF` saves its PDF files" in capsys.readouterr().err
    assert main(["download", ID, "--format", "zip"]) == 2
    assert f"`resma files download {ID} --zip` saves its ZIP archive" in capsys.readouterr().err
    assert main(["download", ID, "--output", "-"]) == 0


def test_files_are_listed(server: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["files", "list", ID, "--search", "BR", "-f", "csv", "--limit", "2"]) == 0
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split("\t")[:3] == ["NUMBER", "KEY", "FORMAT"]
    assert first.split("\t") == ["1", "BR-1", "CSV", "2", str(_listed(1, "CSV")["bytes"]), "statement-1.csv", ""]
    assert second.startswith("1\tBR-1\tPDF")
    assert server.requests[-1].path.endswith("/files?search=BR&format=CSV&limit=3")
    failed = _listed(1, "CSV", bytes=None, error={"code": "format-limit-exceeded", "detail": "Too long."})
    server.answer("GET", f"{REPORT}/files", Reply(200, {"files": [failed], "next": None}))
    assert main(["files", "list", ID, "--failed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [failed]
    assert "status=failed" in server.requests[-1].path


def test_all_files_are_saved_and_verified(server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "statements"
    assert main(["files", "download", ID, "--all", "-d", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["saved"], document["present"], document["errors"]) == (8, 0, [])
    for number, format_ in SPLIT.files():
        assert (folder / SPLIT.name_of(number, format_)).read_bytes() == SPLIT.content_of(number, format_)
    assert len(list(folder.iterdir())) == 8
    for request in server.requests:
        assert ("authorization" in request.headers) == (not request.path.startswith("/store/"))
    assert main(["verify", str(folder / "manifest.json")]) == 0


def _answer_all(server: Store, *listed: dict[str, Any]) -> None:
    server.answer("GET", f"{REPORT}/files", Reply(200, {"files": list(listed), "next": None}))


def test_a_repetition_keeps_what_is_complete_and_resumes_what_is_not(
    server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _answer_all(server, *(_listed(number, "CSV") for number in (1, 2, 3)))
    (tmp_path / "statement-1.csv").write_bytes(SPLIT.content_of(1, "CSV"))
    second = SPLIT.content_of(2, "CSV")
    part = tmp_path / f"statement-2.csv.{hashlib.sha256(second).hexdigest()[:12]}.part"
    part.write_bytes(second[:10])
    assert main(["files", "download", ID, "--search", "br", "-d", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["saved"], document["present"]) == (2, 1)
    assert (tmp_path / "statement-2.csv").read_bytes() == second
    assert not part.exists()
    assert server.fetched() == ["2.CSV", "3.CSV"]
    (resumed,) = [one for one in server.requests if one.path == "/store/2.CSV"]
    assert resumed.headers["range"] == "bytes=10-"


def test_other_files_are_not_overwritten(server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _answer_all(server, *(_listed(number, "CSV") for number in (1, 2)))
    other = tmp_path / "statement-1.csv"
    other.write_text("mine")
    arguments = ["files", "download", ID, "--search", "B", "-d", str(tmp_path), "--json"]
    assert main(arguments) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["error"]["code"], document["saved"], len(document["errors"])) == ("files-failed", 1, 1)
    assert other.read_text() == "mine"
    assert main([*arguments, "--overwrite"]) == 0
    assert other.read_bytes() == SPLIT.content_of(1, "CSV")


def test_a_file_with_wrong_content_does_not_prevent_the_others(
    server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _answer_all(server, *(_listed(number, "CSV") for number in (1, 2, 3)))
    server.contents = {**server.contents, "2.CSV": SPLIT.content_of(2, "CSV")[::-1]}
    assert main(["files", "download", ID, "--search", "B", "-d", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert "statement-2.csv was not saved" in err
    assert "1 file could not be saved" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["statement-1.csv", "statement-3.csv"]


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "/etc/passwd", "a\\b", "", ".hidden", "CON.csv", "nul", "a\u202eb", "x" * 201, "a.part"]
)
def test_names_are_checked_again(server: Store, tmp_path: Path, name: str) -> None:
    _answer_all(server, _listed(1, "CSV", name=name))
    folder = tmp_path / "in" / "here"
    assert main(["files", "download", ID, "--search", "B", "-d", str(folder)]) == 0
    assert [path.name for path in folder.iterdir()] == ["1.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_equal_names_are_made_different(server: Store, tmp_path: Path) -> None:
    names = ("A.csv", "a.csv", "manifest.json")
    _answer_all(server, *(_listed(number, "CSV", name=name) for number, name in enumerate(names, start=1)))
    assert main(["files", "download", ID, "--search", "B", "-d", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2-a.csv", "3-manifest.json", "A.csv"]


@pytest.mark.parametrize("arguments", [[], ["--all", "--search", "B"]])
def test_a_download_says_which_files(server: Store, arguments: list[str]) -> None:
    assert main(["files", "download", ID, *arguments]) == 2
    assert server.requests == []


def test_a_refusal_ends_the_download(server: Store, tmp_path: Path) -> None:
    server.answer("GET", f"{REPORT}/files", problem(403, "scope-missing", "Your key lacks the scope personal:read."))
    assert main(["files", "download", ID, "--search", "B", "-d", str(tmp_path)]) == 4


def test_an_interrupted_download_says_how_to_resume(
    server: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @contextlib.contextmanager
    def interrupt(*_: object) -> Iterator[Any]:
        def show(_files: int, _bytes: int) -> None:
            raise KeyboardInterrupt

        yield show

    with monkeypatch.context() as patch:
        patch.setattr(download, "show_files", interrupt)
        assert main(["files", "download", ID, "--all", "-d", str(tmp_path)]) == 130
    assert "The same command resumes it" in capsys.readouterr().err
    _answer_all(server, *(_listed(*each) for each in SPLIT.files()))
    assert main(["files", "download", ID, "--all", "-d", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 8


def test_files_of_other_reports_are_saved_by_download(server: Store, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer("GET", REPORT, Reply(200, view(splitBy=None, split=None)))
    assert main(["files", "download", ID, "--all"]) == 2
    assert f"resma download {ID}" in capsys.readouterr().err


def test_failed_files_are_retried(server: Store, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer("POST", f"{REPORT}/files/retry", Reply(202, view("PENDING", 1)))
    assert main(["files", "retry", ID]) == 0
    assert re.search(r"^keys +1 of 3$", capsys.readouterr().out, re.MULTILINE)
    assert main(["files", "retry", ID, "--wait"]) == 0
    assert "The files add up to the snapshot" in capsys.readouterr().out


def _failed_view() -> dict[str, Any]:
    report = view(failedFiles=[{"format": "PDF", "code": "format-limit-exceeded", "detail": "File 2 is too long."}])
    report["split"] |= {"files": 5, "filesFailed": 1}
    return report


def test_a_failed_format_is_named_with_the_manifest(server: Store, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer("POST", "/api/v1/reports/generate", Reply(202, view("PENDING", 0)))
    server.answer("GET", REPORT, Reply(200, _failed_view()))
    assert main(["generate", "account_statement", "-f", "CSV", "-f", "PDF", "--split-by", "account", "--wait"]) == 1
    output = capsys.readouterr()
    assert "READY: 5 of 6 files, 1 failed" in output.err
    assert f"The PDF of report {ID} could not be generated. The other formats are complete." in output.err
    assert "The other files were saved" not in output.err
    assert f"SHA-256 {_described(MANIFEST)['sha256']}" in output.out


def test_files_of_a_failed_format_are_saved_only_if_requested(
    server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.answer("GET", REPORT, Reply(200, _failed_view()))
    assert main(["files", "download", ID, "--all", "-d", str(tmp_path)]) == 0
    assert "The files of PDF were not saved, because the format has failed." in capsys.readouterr().err
    assert len(list(tmp_path.glob("*.csv"))) == 3
    assert list(tmp_path.glob("*.pdf")) == []
    _answer_all(server, _listed(1, "PDF"))
    assert main(["files", "download", ID, "--all", "-f", "PDF", "-d", str(tmp_path)]) == 0
    assert len(list(tmp_path.glob("*.pdf"))) == 1


def test_a_search_without_a_file_is_an_error(server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _answer_all(server)
    assert main(["files", "download", ID, "--search", "zzz", "-d", str(tmp_path)]) == 5
    assert "No stored file has a key that begins with 'zzz'." in capsys.readouterr().err


def test_the_archive_is_saved(server: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["files", "download", ID, "--zip", "-d", str(tmp_path)]) == 5
    assert "has no ZIP archive" in capsys.readouterr().err
    report = view()
    report["split"]["zip"] = _described(b"archive")
    server.contents = {**server.contents, "zip": b"archive"}
    server.answer("GET", REPORT, Reply(200, report))
    assert main(["files", "download", ID, "--zip", "-d", str(tmp_path)]) == 0
    assert (tmp_path / f"{ID}.zip").read_bytes() == b"archive"
    assert server.fetched() == ["zip"]


def test_a_piped_list_says_that_there_are_more_files(server: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["files", "list", ID, "--limit", "2"]) == 0
    output = capsys.readouterr()
    assert "There are more files" in output.err
    assert len(output.out.splitlines()) == 3
