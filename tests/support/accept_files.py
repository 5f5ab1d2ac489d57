"""`python -m tests.support.accept_files FOLDER` checks, with other programs, every file that the tests have saved.

The tests save these files with `save_files`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from resma.writers.pdf.writer import PdfWriter
from resma.writers.xlsx.writer import XlsxWriter
from tests.readers.verapdf.validate import VeraPdfMissingError, is_required, validate_pdf_a
from tests.support.pdf_readers import find_syntax_errors

MAX_BYTES = 4 * 1024 * 1024
"""Larger files are not saved: they only repeat rows of the same kind, and LibreOffice takes minutes to open them."""

KEY_SUFFIX = ".key"
"""The file of this suffix beside an encrypted PDF has its file key, in hexadecimal digits."""

FILES_PER_RUN = 50
"""Number of spreadsheets that one run of LibreOffice converts."""


def save_files(folder: Path) -> None:
    """Saves, from now on, each complete PDF and XLSX file that a writer of this process produces."""
    folder.mkdir(parents=True, exist_ok=True)
    for writer, extension in ((PdfWriter, "pdf"), (XlsxWriter, "xlsx")):
        _wrap(writer, folder, extension)


def _wrap(writer: Any, folder: Path, extension: str) -> None:
    begin, add, end = writer.begin, writer.add, writer.end

    def save_begin(self: Any) -> bytes:
        # The data goes to a file at once, so that tests that measure memory are not affected.
        self.saved_path = Path(tempfile.mkstemp(dir=folder, suffix=".part")[1])
        return save(self, begin(self))

    def save(self: Any, data: bytes) -> bytes:
        if hasattr(self, "saved_path"):
            with self.saved_path.open("ab") as file:
                file.write(data)
        return data

    def save_end(self: Any) -> bytes:
        data = save(self, end(self))
        if hasattr(self, "saved_path") and self.saved_path.stat().st_size <= MAX_BYTES:
            if key := self._header.pdf_key:
                self.saved_path.with_suffix(KEY_SUFFIX).write_text(key.file_key.hex())
            self.saved_path.rename(self.saved_path.with_suffix(f".{extension}"))
        return data

    writer.begin, writer.add, writer.end = save_begin, lambda self, batch: save(self, add(self, batch)), save_end


def convert_by_libreoffice(files: Sequence[Path], kind: str, folder: Path, read_as: str | None = None) -> None:
    """Converts files with LibreOffice and writes the results to a folder.

    `kind` is the value of the option `--convert-to`, `read_as` that of `--infilter`. Raises AssertionError if
    LibreOffice is not installed or fails.
    """
    soffice = shutil.which("soffice")
    assert soffice, "LibreOffice is not installed. Install it with `apt-get install libreoffice-calc`."
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [soffice, "--headless", f"-env:UserInstallation=file://{profile}", "--convert-to", kind]
        if read_as:
            command.append(f"--infilter={read_as}")
        arguments = ["--outdir", str(folder), *map(str, files)]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def accept_spreadsheets(files: Sequence[Path]) -> list[str]:
    """Returns a message for each spreadsheet that LibreOffice could not convert."""
    refused = []
    for start in range(0, len(files), FILES_PER_RUN):
        part = files[start : start + FILES_PER_RUN]
        with tempfile.TemporaryDirectory() as folder:
            convert_by_libreoffice(part, "csv", Path(folder))
            refused += [
                f"LibreOffice cannot convert {file}."
                for file in part
                if not (Path(folder) / f"{file.stem}.csv").exists()
            ]
    return refused


def accept_pdfs(files: Sequence[Path]) -> list[str]:
    """Returns a message for each PDF in which qpdf finds an error."""
    found = ((file, find_syntax_errors(file, file_key=_file_key(file))) for file in files)
    return [f"qpdf found errors in {file}: {errors}" for file, errors in found if errors]


def _file_key(file: Path) -> str | None:
    key = file.with_suffix(KEY_SUFFIX)
    return key.read_text() if key.exists() else None


def accept_as_pdf_a(files: Sequence[Path]) -> list[str]:
    """Returns a message for each PDF that does not conform to PDF/A-2b, as checked by veraPDF.

    Prints a message if veraPDF is not installed, or returns it where veraPDF is required, as in CI. Omits encrypted
    PDFs, which PDF/A does not permit (ISO 19005-2 §6.1.3).
    """
    files = [file for file in files if _file_key(file) is None]
    try:
        refused = validate_pdf_a(files)
    except VeraPdfMissingError as missing:
        if is_required():
            return [str(missing)]
        print(missing)
        return []
    if not refused:
        print(f"veraPDF: {len(files)} PDFs conform to PDF/A-2b.")
    return refused


def main() -> None:
    """Checks all files of the folder; prints what is wrong, or deletes the folder if nothing is."""
    folder = Path(sys.argv[1])
    pdfs, spreadsheets = sorted(folder.glob("*.pdf")), sorted(folder.glob("*.xlsx"))
    if not pdfs or not spreadsheets:
        counts = f"{len(pdfs)} PDFs and {len(spreadsheets)} spreadsheets"
        sys.exit(f"{folder} has {counts}. Run the tests with RESMA_KEEP_FILES={folder} first.")
    with ThreadPoolExecutor() as threads:  # the programs run in processes of their own, which take minutes
        spreadsheets_refused = threads.submit(accept_spreadsheets, spreadsheets)
        refused = accept_pdfs(pdfs) + accept_as_pdf_a(pdfs) + spreadsheets_refused.result()
    if refused:
        sys.exit("\n".join(refused))
    print(f"qpdf found no errors in {len(pdfs)} PDFs. LibreOffice converted {len(spreadsheets)} spreadsheets.")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
