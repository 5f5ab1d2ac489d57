"""`resma verify` finds every kind of difference between a folder of files and their manifest."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resma_cli.main import main
from tests.support.split_files import SplitReport

Lines = list[dict[str, Any]]
SPLIT = SplitReport(keys=[("BR-1",), ("br-1",), (None,), ("BR-4",)], formats=["CSV", "PDF"])


def _describe(content: bytes) -> dict[str, Any]:
    return {"object": "demo/x", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _write(folder: Path, lines: Lines | None = None, **changes: Any) -> Path:
    """Writes the files, the list and the manifest of a split report. Returns the path of the manifest."""
    folder.mkdir(exist_ok=True)
    for number, format_ in SPLIT.files():
        (folder / SPLIT.name_of(number, format_)).write_bytes(SPLIT.content_of(number, format_))
    lines = list(SPLIT.manifest_lines("demo/x/")) if lines is None else lines
    list_ = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines), mtime=0)
    (folder / "manifest.ndjson.gz").write_bytes(list_)
    manifest = {
        "version": 1,
        "reportId": "840edab4-930d-475e-b6a2-bb69c18a6792",
        "formats": ["CSV", "PDF"],
        "splitBy": ["account"],
        "keys": 4,
        "files": 8,
        "rows": SPLIT.rows,
        "totals": SPLIT.totals_of(SPLIT.rows),
        "totalsOmitted": 0,
        "list": _describe(list_),
        "zip": None,
        **changes,
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest))
    return path


def _verify(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any]:
    code = main(["verify", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_complete_folder_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = _write(tmp_path)
    code, document = _verify(capsys, manifest)
    assert code == 0, document
    assert (document["files"], document["problems"], document["warnings"]) == (8, [], [])
    assert document["bytes"] == sum(len(SPLIT.content_of(*each)) for each in SPLIT.files())
    assert main(["verify", str(manifest), str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "8 files of 4 keys" in out
    assert "The files add up to the manifest" in out


def test_the_files_may_be_in_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = _write(tmp_path / "files")
    (tmp_path / "manifest.json").write_bytes(manifest.read_bytes())
    (tmp_path / "manifest.ndjson.gz").write_bytes((tmp_path / "files" / "manifest.ndjson.gz").read_bytes())
    assert _verify(capsys, tmp_path / "manifest.json", tmp_path / "files")[0] == 0


def _of_folder(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = _write(folder)
        change(folder)
        return path

    return write


def _of_lines(change: Callable[[Lines], object], **changes: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        lines = list(SPLIT.manifest_lines("demo/x/"))
        change(lines)
        return _write(folder, lines, **changes)

    return write


PDF_2 = "statement-2.pdf"


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (_of_folder(lambda folder: (folder / PDF_2).unlink()), f"{PDF_2} is missing."),
        (
            _of_folder(lambda folder: (folder / PDF_2).write_bytes(b"")),
            f"{PDF_2} has 0 bytes, and the list of files says 66.",
        ),
        (
            _of_folder(lambda folder: (folder / PDF_2).write_bytes(b"x" * 66)),
            f"{PDF_2} has another SHA-256 than the list of files says.",
        ),
        (
            _of_folder(lambda folder: (folder / "manifest.ndjson.gz").unlink()),
            "manifest.ndjson.gz is missing. It must be beside the manifest.",
        ),
        (
            _of_folder(
                lambda folder: (folder / "manifest.ndjson.gz").write_bytes(
                    (folder / "manifest.ndjson.gz").read_bytes()[:-20]
                )
            ),
            "manifest.ndjson.gz is damaged, so that not all of its lines were read.",
        ),
        (_of_lines(lambda lines: lines.pop(3)), "PDF: the list has no file number 2."),
        (_of_lines(lambda lines: lines.pop(3)), "The list has 7 files, and the manifest 8."),
        (_of_lines(lambda lines: lines.append(lines[0])), "The list has '1 CSV' 2 times"),
        (
            _of_lines(lambda lines: lines[0].update(name="STATEMENT-2.csv")),
            "The list has 'statement-2.csv' 2 times: number and format, or name ignoring case.",
        ),
        (_of_lines(lambda lines: lines[0].update(number=9)), "CSV: 1 number of files not from 1 to 4."),
        (_of_lines(lambda lines: lines[0].update(rows=3)), "CSV: the files have 9 rows, and the manifest 8."),
        (_of_lines(lambda lines: lines[0].update(format="XLSX")), "the manifest does not have the format XLSX."),
        (_of_lines(lambda lines: lines[0].update(name="../x")), "File 1: '../x' is not the name of a file."),
        (_of_lines(lambda lines: lines[0].pop("totals")), "Line 1 of the list is not the description of a file."),
        (
            _of_lines(lambda lines: lines[0]["totals"][0]["amounts"].update(amount="2.21")),
            "CSV: `amount` of currency BRL is 8.81 in the files, and 8.80 in the manifest.",
        ),
        (
            _of_lines(lambda lines: lines[1]["totals"][0].update(currency="EUR")),
            "PDF: the files have 2 rows of currency EUR, and the manifest 0.",
        ),
    ],
)
def test_each_difference_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], write: Callable[[Path], Path], problem: str
) -> None:
    code, document = _verify(capsys, write(tmp_path))
    assert code == 1
    assert document["error"]["code"] == "verification-failed"
    assert any(problem in each for each in document["problems"]), document["problems"]


def test_all_problems_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = _write(tmp_path)
    (tmp_path / "statement-1.csv").unlink()
    (tmp_path / "statement-4.csv").write_bytes(b"")
    assert main(["verify", str(manifest)]) == 1
    err = capsys.readouterr().err
    assert "statement-1.csv is missing." in err
    assert "statement-4.csv has 0 bytes" in err
    assert "2 problems." in err


def test_extra_files_are_warnings_except_the_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = _write(tmp_path, zip=_describe(b"archive"))
    (tmp_path / "statements.zip").write_bytes(b"archive")
    (tmp_path / "other.zip").write_bytes(b"another")
    (tmp_path / "more.txt").touch()
    code, document = _verify(capsys, manifest)
    assert code == 0
    assert document["warnings"] == ["more.txt is not in the list of files.", "other.zip is not in the list of files."]


def test_one_format_can_be_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = _write(tmp_path)
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    assert _verify(capsys, manifest)[0] == 1
    assert _verify(capsys, manifest, "-f", "pdf")[0] == 0
    assert _verify(capsys, manifest, "-f", "XLSX")[0] == 2


def test_omitted_totals_and_rounded_amounts_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _verify(capsys, _write(tmp_path, totals=[], totalsOmitted=1))[0] == 0
    rounded = [{"currency": "BRL", "rows": SPLIT.rows, "amounts": {"amount": "1.5E+120"}}]
    assert _verify(capsys, _write(tmp_path, totals=rounded))[0] == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, 5), ("no JSON", 2), ("[]", 2), ('{"version": 1}', 2)],
)
def test_other_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, code: int
) -> None:
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_text(content)
    assert _verify(capsys, path)[0] == code
    assert _verify(capsys, _write(tmp_path, version=2))[0] == 2


def test_a_folder_with_a_failed_format_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, failedFormats=[{"format": "XLSX", "code": "format-limit-exceeded", "detail": "Too long."}])
    code, document = _verify(capsys, tmp_path)
    assert code == 0, document
    assert (document["keys"], document["rows"], document["totals"]) == (4, SPLIT.rows, SPLIT.totals_of(SPLIT.rows))
    (warning,) = document["warnings"]
    assert warning.startswith("The format XLSX is in `failedFormats` of the manifest: Too long.")
