"""A file is the same if its writer's state is saved and resumed by another writer."""

from __future__ import annotations

import gzip

import pytest
from backports import zstd

from resma.i18n.locales import LOCALES
from resma.report.format_options import CsvOptions, FormatOptions, NdjsonOptions
from resma.report.rows import Row
from resma.writers import make_writer
from tests.support.sample_reports import header, write, write_resumed

ROWS: list[Row] = [
    (b"%d" % i, b"2024-01-01 00:00:%02d+00" % (i % 60), b"text, %d" % (i * i), b"%d.50" % -i) for i in range(20_000)
]


CASES = [
    *[(format_, compression) for format_ in ("CSV", "NDJSON") for compression in ("none", "gzip", "zstd")],
    ("XLSX", "none"),
    ("PDF", "none"),
]


@pytest.mark.parametrize(("format_", "compression"), CASES)
def test_a_file_that_is_resumed_many_times_is_the_same(format_: str, compression: str) -> None:
    options = FormatOptions(
        csv=CsvOptions.model_validate({"compression": compression, "profile": "excel"}),
        ndjson=NdjsonOptions.model_validate({"compression": compression}),
    )
    head = header(["integer", "timestamp", "text", "amount"], len(ROWS), LOCALES["pt-BR"])
    whole = write(make_writer(format_, head, options), ROWS, 1000)
    assert write_resumed(format_, head, options, ROWS, 1700) == whole
    if compression != "none":
        unpack = gzip.decompress if compression == "gzip" else zstd.decompress
        plain = FormatOptions(csv=CsvOptions(profile="excel"))
        assert unpack(whole) == write(make_writer(format_, head, plain), ROWS, 999)
