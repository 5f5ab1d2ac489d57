"""A writer without references is freed at once, so that its memory does not add to that of the next report.

The objects of the PDF writer refer to one another. They are small, and the worker runs the garbage collector after each
report (`tests/integration/jobs/test_worker_keeps_nothing.py`).
"""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any, get_args

import pytest

from resma.report.format_options import CsvOptions, FormatOptions
from resma.report.header import Kind
from resma.writers import Format, make_writer
from tests.support.sample_reports import header, rows_of, write

KINDS: tuple[Kind, ...] = ("text", "integer", "amount", "date", "timestamp", "json")
CELLS = ("a", "1", "1", "2024-01-01", "2024-01-01 12:00:00+00", '{"a": 1}')


@pytest.mark.parametrize("profile", ["rfc4180", "excel"])
@pytest.mark.parametrize("format_", sorted({*get_args(Format)} - {"PDF"}))
def test_a_writer_is_freed_without_the_garbage_collector(format_: str, profile: Any) -> None:
    write_report(format_, profile)  # fills the caches that all writers share
    gc.collect()
    gc.disable()
    try:
        before = parts_of_writers()
        write_report(format_, profile)
        left = parts_of_writers() - before
    finally:
        gc.enable()
    assert left == Counter()


def write_report(format_: str, profile: Any) -> None:
    rows = rows_of([[cell] * 5 for cell in CELLS])
    writer = make_writer(format_, header(KINDS, len(rows)), FormatOptions(csv=CsvOptions(profile=profile)))
    write(writer, rows)


def parts_of_writers() -> Counter[str]:
    kinds = [type(item) for item in gc.get_objects()]
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith("resma.writers"))
