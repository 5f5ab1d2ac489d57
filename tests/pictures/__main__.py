"""`make pictures`: draws the pictures in docs/pictures: of example reports as PDF and XLSX in two languages, and of the
console.

Needs LibreOffice (soffice) and Chromium. Check the pictures at full size before a commit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra.demo.load_demo_bank import load_demo_bank, migrate_with_bank
from infra.paths import ROOT
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from resma.catalog import find_report_type
from resma.i18n.locales import LOCALES
from resma.report.content import ReportContent
from resma.report.format_options import FormatOptions
from resma.snapshot.compose_header import compose_header
from resma.snapshot.snapshot import open_snapshot
from resma.writers import make_writer
from tests.pictures.console import draw_console
from tests.support.pdf_readers import draw_page
from tests.tools import describe_missing, find_missing

FOLDER = ROOT / "docs" / "pictures"
ROWS = 10_000
DPI = 75
REPORT_ID = "0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10"


@dataclass(frozen=True)
class Example:
    """A report, and the pages to draw of it."""

    name: str
    type: str
    format: str
    locale: str
    time_zone: str
    filters: dict[str, str]
    pages: tuple[int, ...]


EXAMPLES = (
    Example("transactions-en", "TRANSACTIONS", "PDF", "en-US", "America/New_York", {"to": "2024-03-31"}, (1, 2, 3)),
    Example("transactions-pt", "TRANSACTIONS", "PDF", "pt-BR", "America/Sao_Paulo", {"to": "2024-03-31"}, (1, 2, 3)),
    Example(
        "statement-pt", "ACCOUNT_STATEMENT", "PDF", "pt-BR", "America/Sao_Paulo", {"account": "BR1000-104729"}, (1, 3)
    ),
    Example("audit-en", "AUDIT_TRAIL", "PDF", "en-US", "UTC", {"to": "2024-03-31"}, (3,)),
    Example("summary-sheet-en", "TRANSACTIONS", "XLSX", "en-US", "America/New_York", {"to": "2024-03-31"}, (1,)),
    Example("summary-sheet-pt", "TRANSACTIONS", "XLSX", "pt-BR", "America/Sao_Paulo", {"to": "2024-03-31"}, (1,)),
)


def main() -> None:
    """Creates the example bank, the reports and the pictures."""
    if missing := find_missing("pictures"):
        sys.exit(describe_missing("pictures", missing))
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)  # the server runs as another user if this process is root's
        server = PostgresServer(folder / "postgres", free_port())
        server.start()
        try:
            migrate_with_bank(server.url)
            load_demo_bank(server.url, ROWS)
            for example in EXAMPLES:
                draw(make(server.url, example, folder), example, folder)
        finally:
            server.stop()
    draw_console(FOLDER)


def make(database_url: str, example: Example, folder: Path) -> Path:
    """Generates the example's report; returns the path of its file."""
    report_type = find_report_type(example.type)
    filters = report_type.check_filters(example.filters)
    path = folder / f"{example.name}.{example.format.lower()}"
    with (
        psycopg.connect(database_url) as connection,
        open_snapshot(connection, report_type, "demo", filters, example.time_zone) as snapshot,
        path.open("wb") as file,
    ):
        summary = snapshot.summarize(LOCALES[example.locale].language)
        content = ReportContent(
            type=example.type,
            formats=[example.format],
            filters=filters,
            columns=None,
            locale=example.locale,
            time_zone=example.time_zone,
            title=None,
            personal_masked=False,
            options={},
        )
        header = compose_header(
            report_type, content, REPORT_ID, summary, "Banco Aurora", decimal_types=snapshot.decimal_types()
        )
        writer = make_writer(example.format, header, FormatOptions())
        file.write(writer.begin())
        for batch in snapshot.batches([column.name for column in header.columns], personal_masked=False):
            file.write(writer.add(batch))
        file.write(writer.end())
    return path


def draw(path: Path, example: Example, folder: Path) -> None:
    """Draws the pages of a report. A spreadsheet is first converted to PDF by LibreOffice."""
    if path.suffix == ".xlsx":
        profile = f"-env:UserInstallation=file://{folder}/office"
        convert = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(path)]
        subprocess.run(convert, check=True, capture_output=True, timeout=180)
        path = path.with_suffix(".pdf")
    for page in example.pages:
        picture = FOLDER / f"{example.name}-{page}.png"
        # A page has no more than 64 colors. A palette makes the file a quarter of the size.
        draw_page(path.read_bytes(), page, DPI).convert("RGB").quantize(64).save(picture, optimize=True)
        print(f"docs/pictures/{picture.name}: {picture.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
