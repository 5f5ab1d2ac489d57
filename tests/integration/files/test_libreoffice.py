"""LibreOffice displays spreadsheets as intended."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from resma.report.header import Column
from tests.support.accept_files import convert_by_libreoffice
from tests.support.pdf_readers import read_pages
from tests.support.xlsx_samples import make_header, write

_AS_SHOWN = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false,false,2"


def test_libreoffice_displays_cells_and_charts(tmp_path: Path) -> None:
    """The second sheet is exported as CSV with cells as displayed, the whole workbook as PDF with its charts."""
    texts = ["plain", " before", "a\rb", "_x000D_", "<&>", "=1+1", "007", "a\nb"]
    timestamps = [datetime(1967, 4, 9, 5, 27, 42) + timedelta(days=997 * at, seconds=at) for at in range(len(texts))]  # noqa: DTZ001
    columns = (
        Column("t", "T"),
        Column("m", "M", "timestamp"),
        Column("a", "A", "amount", scale=2),
        Column("f", "F", "float"),
        Column("b", "B", "boolean"),
        Column("l", "L", "local_timestamp"),
        Column("c", "C", "time"),
        Column("i", "I", "interval"),
    )
    rows: Any = [
        (
            text.encode(),
            f"{timestamp:%Y-%m-%d %H:%M:%S}+00".encode(),
            b"%d.5" % at,
            b"%d.0625" % at,
            b"true" if at % 2 else b"false",
            f"{timestamp:%Y-%m-%d %H:%M:%S}".encode(),
            f"{timestamp:%H:%M:%S}".encode(),
            f"P{at}DT{timestamp:%-HH%-MM%-SS}".encode(),
        )
        for at, (text, timestamp) in enumerate(zip(texts, timestamps, strict=True))
    ]
    source = tmp_path / "file.xlsx"
    source.write_bytes(write(make_header(len(rows), "en-GB", columns=columns, title="Data"), rows))
    for kind in (_AS_SHOWN, "pdf"):
        convert_by_libreoffice([source], kind, tmp_path)
    exported = (tmp_path / "file-Data.csv").read_bytes().decode()
    fields = [
        (
            f'"{text}",{timestamp:%d/%m/%Y %H:%M:%S},{at}.50,{at}.0625,{"TRUE" if at % 2 else "FALSE"},'
            f"{timestamp:%d/%m/%Y %H:%M:%S},{timestamp:%H:%M:%S},{at * 24 + timestamp.hour}:{timestamp:%M:%S}"
        ).replace('"', "" if not re.search("[\r\n]", text) else '"')
        for at, (text, timestamp) in enumerate(zip(texts, timestamps, strict=True))
    ]
    assert exported == "\n".join(["T,M,A,F,B,L,C,I", *fields, ""])
    pdf = "\n".join(page.text for page in read_pages((tmp_path / "file.pdf").read_bytes()))
    assert "Net by month (BRL)" in pdf
    assert "By status" in pdf
