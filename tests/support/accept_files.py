"""`python -m tests.support.accept_files FOLDER`: checks every file that tests have kept, with other tools.

`keep_files` keeps them: while it is in force, what a writer of this process gives from `begin` to `end` is a file.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resma.writers.pdf.writer import PdfWriter
from resma.writers.xlsx.writer import XlsxWriter
from tests.readers.verapdf.validate import VeraPdfMissingError, is_required, validate_pdf_a
from tests.support.pdf_readers import find_syntax_errors

MAX_BYTES = 4 * 1024 * 1024
"""Larger ones are rows of the same kind, and take LibreOffice minutes."""

FILES_A_RUN = 50


def keep_files(folder: Path) -> None:
    """Keeps each PDF and XLSX that a writer of this process makes whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for writer, extension in ((PdfWriter, "pdf"), (XlsxWriter, "xlsx")):
        _wrap(writer, folder, extension)


def _wrap(writer: Any, folder: Path, extension: str) -> None:
    begin, add, end = writer.begin, writer.add, writer.end

    def keep_begin(self: Any) -> bytes:
        # To a file at once: tests of memory must not see it.
        self.kept = Path(tempfile.mkstemp(dir=folder, suffix=".part")[1])
        return keep(self, begin(self))

    def keep(self: Any, data: bytes) -> bytes:
        if hasattr(self, "kept"):
            with self.kept.open("ab") as file:
                file.write(data)
        return data

    def keep_end(self: Any) -> bytes:
        data = keep(self, end(self))
        if hasattr(self, "kept") and self.kept.stat().st_size <= MAX_BYTES:
            self.kept.rename(self.kept.with_suffix(f".{extension}"))
        return data

    writer.begin, writer.add, writer.end = keep_begin, lambda self, batch: keep(self, add(self, batch)), keep_end


def convert_by_libreoffice(files: Sequence[Path], kind: str, folder: Path, read_as: str | None = None) -> None:
    """Converts files into the folder. Fails, with what to do, without LibreOffice.

    `kind` is what `--convert-to` takes, `read_as` what `--infilter` takes.
    """
    soffice = shutil.which("soffice")
    assert soffice, "LibreOffice is not installed, and reads back what Resma writes: apt-get install libreoffice-calc"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [soffice, "--headless", f"-env:UserInstallation=file://{profile}", "--convert-to", kind]
        if read_as:
            command.append(f"--infilter={read_as}")
        arguments = ["--outdir", str(folder), *map(str, files)]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def accept_spreadsheets(files: Sequence[Path]) -> list[str]:
    """Returns what LibreOffice could not convert."""
    refused = []
    for start in range(0, len(files), FILES_A_RUN):
        part = files[start : start + FILES_A_RUN]
        with tempfile.TemporaryDirectory() as folder:
            convert_by_libreoffice(part, "csv", Path(folder))
            refused += [
                f"LibreOffice refuses {file}" for file in part if not (Path(folder) / f"{file.stem}.csv").exists()
            ]
    return refused


def accept_pdfs(files: Sequence[Path]) -> list[str]:
    """Returns what qpdf finds wrong."""
    return [f"qpdf refuses {file}: {found}" for file in files if (found := find_syntax_errors(file))]


def accept_as_pdf_a(files: Sequence[Path]) -> list[str]:
    """Returns what veraPDF finds wrong. Where it is not installed, says so; CI treats that as an error."""
    try:
        refused = validate_pdf_a(files)
    except VeraPdfMissingError as missing:
        if is_required():
            return [str(missing)]
        print(missing)
        return []
    if not refused:
        print(f"veraPDF has found that {len(files)} PDFs conform to PDF/A-2b")
    return refused


def main() -> None:
    """Looks at all files of the folder, says what was refused, and removes the rest."""
    folder = Path(sys.argv[1])
    pdfs, spreadsheets = sorted(folder.glob("*.pdf")), sorted(folder.glob("*.xlsx"))
    if not pdfs or not spreadsheets:
        sys.exit(f"{folder} holds {len(pdfs)} PDFs and {len(spreadsheets)} spreadsheets: the tests have kept none")
    refused = accept_pdfs(pdfs) + accept_as_pdf_a(pdfs) + accept_spreadsheets(spreadsheets)
    if refused:
        sys.exit("\n".join(refused))
    print(f"qpdf has found nothing wrong in {len(pdfs)} PDFs, LibreOffice has opened {len(spreadsheets)} spreadsheets")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
