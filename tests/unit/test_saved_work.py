"""What was saved is read back whole, and nothing else is: not a byte of it is trusted."""

from __future__ import annotations

import os
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from resma.catalogue import find_report_type
from resma.errors import CheckpointUnusable
from resma.header import Balance, Chart, Column, Period, ReportHeader, Series, Total
from resma.multipart import Segment, UploadState
from resma.object_store import Part
from resma.options import CsvOptions, FormatOptions, NdjsonOptions
from resma.rows import Batch
from resma.saved_work import SavedFile, SavedWork, dump_work, load_work, stamp_of
from resma.sha256 import Sha256
from resma.summary import Summary
from resma.writers import EXTENSIONS, make_writer
from tests.unit.sample_reports import header

TOTAL = Total("BRL", 3, Decimal("1.50"))
SUMMARY = Summary(
    as_of=datetime(2026, 1, 1, tzinfo=UTC),
    rows=3,
    totals=(TOTAL,),
    charts=(Chart("x", "bars", "rows", ("a",), (Series("a", (Decimal(1),)),)),),
    periods=(Period("2024-01", 3, (TOTAL,)),),
    balance=Balance("1", "2"),
    scales={"amount": 2},
)
UPLOAD = UploadState(
    key="t/r/1.csv",
    upload_id="u",
    owner="r/1",
    segments=(Segment("t/r/1.csv", 5, '"e"'),),
    parts=(Part(1, '"e"', "AAAA", 5),),
    tail=b"tail",
    size=14,
    sha256=Sha256().state,
)


def _work(**changes: Any) -> SavedWork:
    given = {
        "stamp": "s",
        "summary": SUMMARY,
        "organisation": "Nordbank",
        "rows": 3,
        "last_key": (b"2024", None),
        "snapshots": 1,
        "files": (),
        **changes,
    }
    return SavedWork(**given)


def _states() -> list[tuple[str, Any]]:
    """Of every writer, with something in it: text of other scripts, for the PDF."""
    head: ReportHeader = header(["integer", "text"], 400)
    assert all(isinstance(column, Column) for column in head.columns)
    batch = Batch([(b"%d" % i, "Ωμέγα 中".encode()) for i in range(400)])
    states = []
    for compression in ("none", "gzip", "zstd"):
        options = FormatOptions(
            csv=CsvOptions.model_validate({"compression": compression, "profile": "excel"}),
            ndjson=NdjsonOptions.model_validate({"compression": compression}),
        )
        for format_ in EXTENSIONS:
            writer = make_writer(format_, head, options)
            writer.begin()
            writer.add(batch)
            states.append((format_, writer.state))
    writer = make_writer("CSV", head, FormatOptions())
    return [*states, ("CSV", writer.state)]


def test_every_writers_state_is_admitted() -> None:
    files = tuple(SavedFile(format_, state, UPLOAD) for format_, state in _states())
    read = load_work(dump_work(_work(files=files)))
    assert read.summary == SUMMARY
    assert [file.upload for file in read.files] == [UPLOAD] * len(files)
    assert [type(file.writer) for file in read.files] == [type(file.writer) for file in files]


class _Runs:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self._reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self._reduced


@pytest.mark.parametrize(
    "planted",
    [
        _Runs(os.system, "echo never"),
        _Runs(eval, "1 + 1"),
        _Runs(getattr, {}, "pop"),
        _Runs(__import__, "os"),
        pickle.loads,
        _Runs,
        Summary.__init__,
    ],
    ids=["system", "eval", "getattr", "import", "loads", "class", "function"],
)
def test_nothing_that_runs_is_admitted(planted: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckpointUnusable):
        load_work(dump_work(_work(last_key=planted)))
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("data", [b"", b"nonsense", pickle.dumps({"rows": 3}), dump_work(_work())[:-20]])
def test_what_is_no_work_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointUnusable):
        load_work(data)


def test_the_stamp_knows_report_types_apart() -> None:
    one = find_report_type("TRANSACTIONS")
    assert stamp_of(one) == stamp_of(one.model_copy())
    assert stamp_of(one) != stamp_of(one.model_copy(update={"query": one.query + " "}))
